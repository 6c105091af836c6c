"""What a path shows of its camera over time, as a real server shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.core.options.version import Version
from tests.support.simulator import Bench

if TYPE_CHECKING:
    from reconciler.core.model import Json

SOURCE = "rtsp://192.0.2.1/live"
ZERO_TIME = "0001-01-01T00:00:00Z"


@pytest.fixture
def bench() -> Bench:
    """One path, `gate`, whose camera works, after a second."""
    bench = Bench(boot={"gate": {"source": SOURCE}})
    bench.wait(1)
    return bench


def test_a_camera_nobody_has_spoken_of_works_after_the_time_it_takes_to_connect() -> None:
    bench = Bench(boot={"gate": {"source": SOURCE}})
    bench.simulator.camera(SOURCE).connect_time = 3.0
    assert bench.path("gate")["ready"] is False
    bench.wait(2.9)
    assert bench.path("gate")["ready"] is False
    bench.wait(0.1)
    gate = bench.path("gate")
    assert (gate["ready"], gate["available"], gate["online"]) == (True, True, True)
    assert gate["readyTime"] == gate["availableTime"] == gate["onlineTime"]
    assert gate["tracks"] == ["H264"]
    assert gate["source"] == {"type": "rtspSource", "id": ""}


def test_bytes_grow_with_time_at_the_cameras_rate(bench: Bench) -> None:
    before = bench.path("gate")["inboundBytes"]
    bench.wait(10)
    gate = bench.path("gate")
    assert gate["inboundBytes"] - before == 10 * bench.simulator.camera("gate").rate
    assert gate["bytesReceived"] == gate["inboundBytes"]


def test_the_time_it_became_ready_is_always_told_in_the_same_words(bench: Bench) -> None:
    told = set()
    for _ in range(50):
        bench.wait(0.123456789)
        told.add(bench.path("gate")["readyTime"])
    assert len(told) == 1


def test_a_dead_camera_is_noticed_at_once_but_the_path_stays_online(bench: Bench) -> None:
    came = bench.path("gate")["onlineTime"]
    bench.simulator.camera("gate").die()
    gate = bench.path("gate")
    assert (gate["ready"], gate["readyTime"], gate["inboundBytes"], gate["tracks"]) == (False, None, 0, [])
    assert (gate["online"], gate["onlineTime"]) == (True, came)


def test_a_camera_that_never_came_has_the_zero_time() -> None:
    bench = Bench(boot={"gate": {"source": SOURCE}})
    bench.simulator.camera(SOURCE).die()
    bench.wait(60)
    gate = bench.path("gate")
    assert (gate["ready"], gate["online"], gate["onlineTime"]) == (False, True, ZERO_TIME)


def test_a_camera_that_came_back_is_found_by_the_next_attempt_every_five_seconds(bench: Bench) -> None:
    bench.simulator.camera("gate").die()  # attempts: 5, 10, 15 s from here
    bench.wait(12)
    bench.simulator.camera("gate").come_back()
    bench.wait(3)
    assert bench.path("gate")["ready"] is False
    bench.wait(0.3)
    gate = bench.path("gate")
    assert gate["ready"] is True
    assert 0 <= gate["inboundBytes"] <= bench.simulator.camera("gate").rate, "the counter begins anew"


def test_a_frozen_camera_stays_ready_for_ten_seconds_without_a_byte(bench: Bench) -> None:
    bench.simulator.camera("gate").freeze()
    at_freeze = bench.path("gate")["inboundBytes"]
    bench.wait(9.9)
    assert (bench.path("gate")["ready"], bench.path("gate")["inboundBytes"]) == (True, at_freeze)
    bench.wait(0.2)
    assert bench.path("gate")["ready"] is False


def test_a_camera_that_was_frozen_for_a_moment_goes_on_as_if_nothing_had_been(bench: Bench) -> None:
    ready = bench.path("gate")["readyTime"]
    bench.simulator.camera("gate").freeze()
    at_freeze = bench.path("gate")["inboundBytes"]
    bench.wait(8)
    bench.simulator.camera("gate").come_back()
    bench.wait(1)
    gate = bench.path("gate")
    assert (gate["ready"], gate["readyTime"]) == (True, ready)
    assert gate["inboundBytes"] == at_freeze + bench.simulator.camera("gate").rate


def test_a_camera_that_was_frozen_for_long_is_back_within_five_seconds(bench: Bench) -> None:
    bench.simulator.camera("gate").freeze()
    bench.wait(31)
    bench.simulator.camera("gate").come_back()
    assert bench.path("gate")["ready"] is False
    bench.wait(5.3)
    assert bench.path("gate")["ready"] is True


def test_the_counter_begins_anew_after_a_silence_too(bench: Bench) -> None:
    bench.wait(1000)
    bench.simulator.camera("gate").freeze()
    bench.wait(30)
    bench.simulator.camera("gate").come_back()
    bench.wait(6)
    assert bench.path("gate")["inboundBytes"] <= 6 * bench.simulator.camera("gate").rate


def test_a_camera_that_refuses_keeps_whom_it_has_and_takes_nobody_else(bench: Bench) -> None:
    bench.simulator.camera("gate").refuse()
    bench.replace("second", {"source": SOURCE})
    bench.wait(60)
    assert {name: path["ready"] for name, path in bench.running().items()} == {"gate": True, "second": False}
    bench.simulator.camera("gate").come_back()
    bench.wait(5.3)
    assert bench.path("second")["ready"] is True


def test_two_paths_of_one_camera_share_its_fate(bench: Bench) -> None:
    bench.replace("second", {"source": SOURCE})
    bench.replace("other", {"source": "rtsp://192.0.2.2/live"})
    bench.wait(1)
    bench.simulator.camera(SOURCE).die()
    assert {name: path["ready"] for name, path in bench.running().items()} == {
        "gate": False,
        "other": True,
        "second": False,
    }


def test_nothing_depends_on_how_often_one_looks() -> None:
    seldom, often = (Bench(boot={"gate": {"source": SOURCE}}) for _ in range(2))
    for bench, step in ((seldom, 20.0), (often, 0.25)):
        for act in ("die", "come_back", "freeze", "come_back"):
            for _ in range(int(20 / step)):
                bench.wait(step)
                if bench is often:
                    bench.running()
            getattr(bench.simulator.camera(SOURCE), act)()
        bench.wait(20)
    assert seldom.path("gate") == often.path("gate")
    assert seldom.path("gate")["ready"] is True


class TestOnDemand:
    @pytest.fixture
    def bench(self) -> Bench:
        options = {"source": SOURCE, "sourceOnDemand": True, "sourceOnDemandCloseAfter": "7s"}
        bench = Bench(boot={"gate": options})
        bench.wait(60)
        return bench

    def test_without_viewers_it_looks_like_a_dead_camera(self, bench: Bench) -> None:
        gate = bench.path("gate")
        assert (gate["ready"], gate["online"], gate["onlineTime"]) == (False, True, ZERO_TIME)
        assert gate["source"] == {"type": "rtspSource", "id": ""}

    def test_the_first_viewer_starts_it_and_waits_unseen(self, bench: Bench) -> None:
        bench.simulator.set_readers("gate", 2)
        assert (bench.path("gate")["ready"], bench.path("gate")["readers"]) == (False, [])
        bench.wait(1)
        gate = bench.path("gate")
        assert (gate["ready"], len(gate["readers"])) == (True, 2)
        assert gate["outboundBytes"] == 2 * gate["inboundBytes"]

    def test_it_ends_some_time_after_the_last_viewer_has_gone(self, bench: Bench) -> None:
        bench.simulator.set_readers("gate", 1)
        bench.wait(1)
        bench.simulator.set_readers("gate", 0)
        bench.wait(6.9)
        assert bench.path("gate")["ready"] is True
        bench.wait(0.2)
        assert bench.path("gate")["ready"] is False

    def test_a_viewer_who_comes_back_in_time_keeps_it(self, bench: Bench) -> None:
        bench.simulator.set_readers("gate", 1)
        bench.wait(1)
        ready = bench.path("gate")["readyTime"]
        bench.simulator.set_readers("gate", 0)
        bench.wait(5)
        bench.simulator.set_readers("gate", 1)
        bench.wait(60)
        assert bench.path("gate")["readyTime"] == ready


class TestPublisher:
    @pytest.fixture
    def bench(self) -> Bench:
        return Bench(boot={"mobile": {}})

    def test_it_has_no_source_until_somebody_publishes(self, bench: Bench) -> None:
        mobile = bench.path("mobile")
        assert (mobile["source"], mobile["ready"], mobile["online"], mobile["onlineTime"]) == (None, False, False, None)
        bench.simulator.publish("mobile")
        bench.wait(2)
        mobile = bench.path("mobile")
        assert (mobile["source"]["type"], mobile["ready"], mobile["online"]) == ("rtspSession", True, True)
        assert mobile["inboundBytes"] > 0

    def test_it_is_as_before_when_he_stops(self, bench: Bench) -> None:
        before = bench.path("mobile")
        bench.simulator.publish("mobile")
        bench.wait(2)
        bench.simulator.publish("mobile", on=False)
        assert bench.path("mobile") == before


def test_a_redirect_is_never_ready() -> None:
    bench = Bench(boot={"old": {"source": "redirect", "sourceRedirect": "/new"}})
    bench.wait(60)
    old = bench.path("old")
    assert (old["ready"], old["online"], old["source"]) == (False, True, {"type": "redirect", "id": ""})


ALWAYS: dict[str, Json] = {"source": SOURCE, "alwaysAvailable": True, "alwaysAvailableTracks": [{"codec": "H265"}]}


class TestAlwaysAvailable:
    @pytest.mark.parametrize(("version", "online"), [(Version(1, 17, 1), True), (Version(1, 19, 3), False)], ids=str)
    def test_it_is_ready_without_its_camera_and_says_so_only_in_new_versions(
        self, version: Version, *, online: bool
    ) -> None:
        bench = Bench(version=version, boot={"gate": ALWAYS})
        bench.simulator.camera(SOURCE).die()
        bench.wait(30)
        gate = bench.path("gate")
        assert (gate["ready"], gate["online"], gate["inboundBytes"], gate["tracks"]) == (True, online, 0, ["H265"])

    def test_its_counter_outlives_a_connection(self) -> None:
        bench = Bench(boot={"gate": ALWAYS})
        bench.wait(10)
        bench.simulator.camera(SOURCE).die()
        received = bench.path("gate")["inboundBytes"]
        assert received > 0
        bench.simulator.camera(SOURCE).come_back()
        bench.wait(10)
        assert bench.path("gate")["inboundBytes"] > received

    def test_viewers_stay_when_the_camera_goes(self) -> None:
        bench = Bench(boot={"gate": ALWAYS})
        bench.simulator.set_readers("gate", 3)
        bench.simulator.camera(SOURCE).die()
        assert len(bench.path("gate")["readers"]) == 3


@pytest.mark.parametrize(
    ("source", "version", "kind"),
    [
        ("rtsps://192.0.2.1/x", Version(1, 9, 0), "rtspSource"),
        ("rtmp://192.0.2.1/x", Version(1, 9, 0), "rtmpSource"),
        ("https://192.0.2.1/x.m3u8", Version(1, 9, 0), "hlsSource"),
        ("srt://192.0.2.1:1234", Version(1, 9, 0), "srtSource"),
        ("whep://192.0.2.1/x", Version(1, 10, 0), "webrtcSource"),
        ("whep://192.0.2.1/x", Version(1, 11, 0), "webRTCSource"),
        ("udp://192.0.2.1:1234", Version(1, 13, 1), "udpSource"),
        ("udp://192.0.2.1:1234", Version(1, 14, 0), "mpegtsSource"),
        ("unix+mpegts:///run/x.sock", Version(1, 14, 0), "mpegtsSource"),
        ("moqt://192.0.2.1/x", Version(1, 20, 1), "moqSource"),
    ],
)
def test_the_kind_of_a_source_is_told_in_the_words_of_the_version(source: str, version: Version, kind: str) -> None:
    bench = Bench(version=version, boot={"gate": {"source": source}})
    assert bench.path("gate")["source"] == {"type": kind, "id": ""}


@pytest.mark.parametrize(
    ("version", "absent"),
    [
        pytest.param(Version(1, 15, 6), {"available", "online", "tracks2", "inboundBytes"}, id="1.15.6"),
        pytest.param(Version(1, 16, 0), {"tracks2", "inboundBytes"}, id="1.16.0"),
        pytest.param(Version(1, 17, 0), set(), id="1.17.0"),
    ],
)
def test_what_runs_is_told_in_the_fields_of_the_version(version: Version, absent: set[str]) -> None:
    shown = Bench(version=version, boot={"gate": {}}).path("gate")
    assert {"available", "online", "tracks2", "inboundBytes"} - shown.keys() == absent
