"""Defaults, then profiles in their order, then the stream itself: the later wins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.spec import desired, messages

if TYPE_CHECKING:
    from tests.support.spec import Folder


def test_the_later_profile_wins_and_the_stream_over_all(folder: Folder) -> None:
    stream = folder.stream(
        """\
defaults: {maxReaders: 1, rtspTransport: tcp, recordPath: /d/%path/%s}
profiles:
  one: {maxReaders: 2, rtspTransport: udp, recordPath: /one/%path/%s}
  two: {maxReaders: 3, rtspTransport: multicast}
streams:
  gate: {source: "rtsp://10.0.0.1/live", profile: [one, two], maxReaders: 4}
"""
    )
    assert dict(stream.options) == {
        "source": "rtsp://10.0.0.1/live",
        "maxReaders": 4,
        "rtspTransport": "multicast",
        "recordPath": "/one/%path/%s",
    }


def test_labels_and_health_are_merged_key_by_key(folder: Folder) -> None:
    stream = folder.stream(
        """\
defaults: {labels: {site: hq, floor: 1}, health: {start_grace: 20s, stall_after: 30s}}
streams:
  gate: {source: publisher, labels: {floor: 2, locked: true, area: 1.5}, health: {stall_after: 1m}}
"""
    )
    assert stream.labels == {"site": "hq", "floor": "2", "locked": "true", "area": "1.5"}
    assert (stream.health.start_grace, stream.health.stall_after) == (20.0, 60.0)


def test_health_of_the_file_holds_for_streams_that_say_nothing(folder: Folder) -> None:
    stream = folder.stream("health: {start_grace: 1m}\nstreams: {gate: {source: publisher}}\n")
    assert (stream.health.start_grace, stream.health.stall_after) == (60.0, 10.0)


def test_an_empty_value_takes_an_inherited_option_away(folder: Folder) -> None:
    stream = folder.stream("defaults: {rtspTransport: tcp}\nstreams: {gate: {source: publisher, rtspTransport: }}\n")
    assert dict(stream.options) == {"source": "publisher"}


def test_an_empty_login_takes_the_inherited_one_away(folder: Folder) -> None:
    loaded = folder.load(
        "defaults: {username: admin, password: hunter2-Xq9}\nstreams:\n"
        "  push: {source: publisher, username: , password: }\n  gate: {source: 'rtsp://10.0.0.1/live'}\n"
    )
    assert messages(loaded) == []
    assert dict(desired(loaded).streams["push"].options) == {"source": "publisher"}
    assert desired(loaded).streams["gate"].options["source"] == "rtsp://admin:hunter2-Xq9@10.0.0.1/live"


def test_a_profile_may_be_named_in_defaults(folder: Folder) -> None:
    text = "defaults: {profile: all}\nprofiles: {all: {record: yes}}\nstreams: {gate: {source: publisher}}\n"
    assert folder.stream(text).options["record"] is True


def test_keys_that_begin_with_x_are_nobodys(folder: Folder) -> None:
    text = "x-a: &a {record: yes, x-why: because}\nstreams: {gate: {<<: *a, source: publisher, x-note: 5}}\n"
    assert dict(folder.stream(text).options) == {"record": True, "source": "publisher"}


def test_yes_and_no_are_booleans_only_where_mediamtx_wants_them(folder: Folder) -> None:
    stream = folder.stream(
        "streams: {gate: {source: publisher, record: on, overridePublisher: no, labels: {site: no}, adopt: yes}}\n"
    )
    assert (stream.options["record"], stream.options["overridePublisher"]) == (True, False)
    assert stream.labels == {"site": "no"}
    assert stream.adopt is True


def test_own_keys_are_not_sent_to_the_server(folder: Folder) -> None:
    stream = folder.stream(
        "streams: {gate: {source: publisher, enabled: no, camera_id: 7, description: The gate, paused: yes}}\n"
    )
    assert dict(stream.options) == {"source": "publisher"}
    assert (stream.enabled, stream.camera_id, stream.description, stream.paused) == (False, "7", "The gate", True)


def test_a_value_of_a_profile_is_blamed_where_it_stands_for_each_stream(folder: Folder) -> None:
    loaded = folder.load(
        "profiles:\n  p:\n    maxReaders: many\n"
        "streams:\n  a: {source: publisher, profile: p}\n  b: {source: publisher}\n"
    )
    assert messages(loaded) == ["3:17: streams.a.maxReaders: must be a whole number, not 'many'"]
    assert desired(loaded).streams.keys() == {"b"}


def test_only_the_later_of_two_active_streams_of_a_camera_is_set_aside(folder: Folder) -> None:
    loaded = folder.load(
        "streams:\n  a: {source: publisher, camera_id: c}\n  b: {source: publisher, camera_id: c, enabled: no}\n"
        "  c: {source: publisher, camera_id: c}\n"
    )
    assert desired(loaded).streams.keys() == {"a", "b"}
    assert desired(loaded).set_aside.keys() == {"c"}


def test_no_cameras_is_a_state_like_any_other(folder: Folder) -> None:
    loaded = folder.load("streams: {}\n")
    assert desired(loaded).streams == {}
    assert desired(loaded).servers.keys() == {"default"}
