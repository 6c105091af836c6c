"""What a change of configuration does to what runs: nothing, nothing to be seen, or a cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.core.options.version import NEWEST, OLDEST, Version
from tests.support.simulator import Bench

if TYPE_CHECKING:
    from reconciler.core.model import Json

SOURCE = "rtsp://192.0.2.1/live"
ANY_VERSION = pytest.mark.parametrize("version", [OLDEST, Version(1, 13, 0), Version(1, 17, 1), NEWEST], ids=str)


def watched(version: Version = NEWEST, **options: Json) -> Bench:
    """A live path `gate` with two viewers."""
    bench = Bench(version=version, boot={"gate": {"source": SOURCE, **options}})
    bench.wait(1)
    bench.simulator.set_readers("gate", 2)
    return bench


def felt(bench: Bench) -> tuple[int, int]:
    """Return restarts, and viewers cut off."""
    return bench.simulator.restarts["gate"], bench.simulator.readers_cut["gate"]


@ANY_VERSION
def test_the_same_again_changes_nothing_and_counts_as_a_write(version: Version) -> None:
    bench = watched(version, recordSegmentDuration="1h")
    before = bench.path("gate")
    assert bench.replace("gate", {"source": SOURCE, "recordSegmentDuration": "60m"}).status == 200
    assert bench.path("gate") == before
    assert felt(bench) == (0, 0)
    assert bench.simulator.writes == {"gate": 1}


@ANY_VERSION
def test_recording_begins_without_anybody_noticing(version: Version) -> None:
    bench = watched(version)
    before = bench.path("gate")
    bench.replace("gate", {"source": SOURCE, "record": True})
    assert bench.path("gate") == before
    assert felt(bench) == (0, 0)
    assert bench.configured()["gate"]["record"] is True


@pytest.mark.parametrize(("version", "cut"), [(Version(1, 15, 0), True), (Version(1, 15, 1), False)], ids=str)
def test_how_to_record_can_be_changed_under_way_from_1_15_1_on(version: Version, *, cut: bool) -> None:
    bench = watched(version)
    bench.replace("gate", {"source": SOURCE, "recordDeleteAfter": "48h"})
    assert felt(bench) == ((1, 2) if cut else (0, 0))


@ANY_VERSION
@pytest.mark.parametrize("change", [{"maxReaders": 5}, {"source": "rtsp://192.0.2.2/live"}, {"runOnInit": "true"}])
def test_anything_else_cuts_viewers_off_and_begins_anew(version: Version, change: dict[str, Json]) -> None:
    bench = watched(version)
    came = bench.path("gate")["readyTime"]
    bench.wait(10)
    bench.replace("gate", {"source": SOURCE, **change})
    gate = bench.path("gate")
    assert (gate["ready"], gate["readers"]) == (False, [])
    assert felt(bench) == (1, 2)
    bench.wait(1)
    assert bench.path("gate")["ready"] is True
    assert bench.path("gate")["readyTime"] != came


def test_viewers_who_still_wait_are_not_cut_off() -> None:
    bench = watched()
    bench.simulator.camera("gate").die()
    bench.replace("gate", {"source": SOURCE, "maxReaders": 5})
    assert felt(bench) == (1, 0)


def test_a_publisher_is_cut_off_too() -> None:
    bench = Bench(boot={"mobile": {}})
    bench.simulator.publish("mobile")
    bench.replace("mobile", {"maxReaders": 5})
    assert bench.path("mobile")["source"] is None
    assert bench.simulator.publishers_cut == {"mobile": 1}


def test_a_deleted_path_is_gone_with_its_viewers_and_was_not_restarted() -> None:
    bench = watched()
    bench.delete("gate")
    assert bench.running() == {}
    assert felt(bench) == (0, 2)


def test_other_paths_feel_nothing() -> None:
    bench = watched()
    before = bench.path("gate")
    bench.replace("ward", {"source": "rtsp://192.0.2.2/live"})
    bench.patch("ward", {"maxReaders": 5})
    bench.delete("ward")
    assert bench.path("gate") == before
    assert felt(bench) == (0, 0)


def test_path_defaults_cut_off_whoever_inherits_them() -> None:
    bench = watched()
    bench.replace("own", {"source": SOURCE, "maxReaders": 3})
    bench.wait(1)
    assert bench.ask("PATCH", "/v3/config/pathdefaults/patch", {"maxReaders": 5}).status == 200
    assert bench.configured()["gate"]["maxReaders"] == 5
    assert bench.configured()["own"]["maxReaders"] == 3
    assert felt(bench) == (1, 2)
    assert bench.simulator.restarts["own"] == 0


class TestUnderAPattern:
    """A path deleted while a pattern matches its name."""

    @pytest.mark.parametrize(("version", "stays"), [(Version(1, 12, 3), False), (Version(1, 13, 0), True)], ids=str)
    def test_a_publisher_path_lives_on_as_the_patterns(self, version: Version, *, stays: bool) -> None:
        bench = Bench(version=version, boot={"all_others": {}, "mobile": {}})
        bench.simulator.publish("mobile")
        bench.delete("mobile")
        assert "mobile" not in bench.configured()
        if not stays:
            assert bench.running() == {}
            return
        assert (bench.path("mobile")["confName"], bench.path("mobile")["ready"]) == ("all_others", True)
        assert not bench.simulator.publishers_cut["mobile"]

    def test_it_is_taken_back_without_a_cut(self) -> None:
        bench = Bench(boot={"all_others": {}, "mobile": {}})
        bench.simulator.publish("mobile")
        bench.delete("mobile")
        bench.replace("mobile", {"record": True})
        assert (bench.path("mobile")["confName"], bench.path("mobile")["ready"]) == ("mobile", True)
        assert bench.simulator.restarts["mobile"] == 0

    @pytest.mark.parametrize("options", [{"maxReaders": 5}, {"source": SOURCE}])
    def test_what_differs_from_the_pattern_is_closed(self, options: dict[str, Json]) -> None:
        bench = Bench(boot={"all_others": {}, "gate": options})
        bench.delete("gate")
        assert bench.running() == {}

    def test_a_regular_expression_comes_before_all_others(self) -> None:
        bench = Bench(boot={"all_others": {}, "~^mob": {}, "mobile": {}})
        bench.delete("mobile")
        assert bench.path("mobile")["confName"] == "~^mob"
        bench.delete("~^mob")
        assert bench.path("mobile")["confName"] == "all_others"
        bench.delete("all_others")
        assert bench.running() == {}

    def test_a_pattern_that_matches_nothing_of_it_does_not_help(self) -> None:
        bench = Bench(boot={"~^cam": {}, "mobile": {}})
        bench.delete("mobile")
        assert bench.running() == {}


def test_a_pattern_alone_runs_nothing() -> None:
    assert Bench(boot={"all_others": {}, "~^cam(.*)$": {}}).running() == {}


class TestRefused:
    """A write that is refused, and what it leaves behind."""

    @ANY_VERSION
    def test_a_refused_replace_leaves_nothing(self, version: Version) -> None:
        bench = watched(version)
        config, running = bench.configured(), bench.running()
        answer = bench.replace("gate", {"source": "bogus"})
        assert (answer.status, b"invalid source: 'bogus'" in answer.body) == (400, True)
        assert (bench.configured(), bench.running()) == (config, running)
        assert bench.simulator.writes == {}
        assert bench.replace("ward").status == 200

    @pytest.mark.parametrize(("version", "poisons"), [(Version(1, 16, 3), False), (Version(1, 17, 1), True)], ids=str)
    def test_a_refused_patch_blocks_all_writes_from_1_17_on(self, version: Version, *, poisons: bool) -> None:
        bench = watched(version)
        before = bench.configured()
        assert bench.patch("gate", {"source": "bogus", "maxReaders": 7}).status == 400
        assert bench.configured() == before
        assert bench.replace("ward").status == (400 if poisons else 200)
        assert bench.replace("gate", {"source": SOURCE}).status == 200
        assert bench.replace("ward").status == 200

    def test_what_a_refused_patch_had_besides_comes_into_force_later(self) -> None:
        bench = watched()
        bench.patch("gate", {"source": "bogus", "maxReaders": 7})
        assert bench.patch("gate", {"source": SOURCE}).status == 200
        assert bench.configured()["gate"]["maxReaders"] == 7

    @ANY_VERSION
    def test_legacy_credentials_are_taken_once_and_freeze_the_rest(self, version: Version) -> None:
        bench = Bench(version=version)
        assert bench.replace("old", {"publishUser": "somebody", "publishPass": "word"}).status == 200
        answer = bench.replace("ward")
        assert (answer.status, b"cannot be used together" in answer.body) == (400, True)
        assert bench.delete("old").status == 200
        assert bench.replace("ward").status == 200
        assert bench.replace("old", {"publishUser": "somebody"}).status == 400

    @pytest.mark.parametrize(
        ("version", "shown"), [(Version(1, 20, 0), "word"), (Version(1, 20, 1), "<redacted>")], ids=str
    )
    def test_their_passwords_are_hidden_from_1_20_1_on(self, version: Version, shown: str) -> None:
        bench = Bench(version=version)
        bench.replace("old", {"publishUser": "somebody", "publishPass": "word"})
        old = bench.configured()["old"]
        assert (old["publishUser"], old["publishPass"]) == ("somebody", shown)
