"""The life of the server's process: restart, reload, death and what is seen late."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.core.options.version import NEWEST, Version
from reconciler.mediamtx.simulator import CrashedError, RefusedError
from tests.support.simulator import Bench

if TYPE_CHECKING:
    from reconciler.core.model import Json

SOURCE = "rtsp://192.0.2.1/live"
PORTS: dict[str, Json] = {"source": SOURCE, "rtspUDPSourcePortRange": [5000]}
BOOT: dict[str, dict[str, Json]] = {"all_others": {}, "gate": {"source": SOURCE}}


@pytest.fixture
def changed() -> Bench:
    """A server whose file has `all_others` and `gate`, edited through its API since."""
    bench = Bench(boot=BOOT)
    bench.wait(10)
    bench.replace("gate", {"source": SOURCE, "record": True})
    bench.replace("ward", {"source": "rtsp://192.0.2.2/live"})
    bench.delete("all_others")
    bench.wait(1)
    return bench


class TestRestart:
    def test_everything_is_as_in_the_file_and_started_is_new(self, changed: Bench) -> None:
        before = changed.get("/v3/info")["started"]
        changed.simulator.restart()
        assert set(changed.configured()) == {"all_others", "gate"}
        assert changed.configured()["gate"]["record"] is False
        assert changed.get("/v3/info")["started"] != before

    def test_cameras_have_to_be_connected_anew_and_stay_as_they_are(self, changed: Bench) -> None:
        changed.simulator.camera("rtsp://192.0.2.1/live").die()
        changed.simulator.restart()
        changed.wait(30)
        assert changed.path("gate")["ready"] is False

    def test_it_is_no_restart_of_a_path(self, changed: Bench) -> None:
        changed.simulator.set_readers("gate", 2)
        changed.simulator.restart()
        assert changed.simulator.restarts["gate"] == 0
        assert changed.path("gate")["readers"] == []

    def test_a_frozen_configuration_is_thawed(self) -> None:
        bench = Bench()
        bench.replace("old", {"readUser": "somebody"})
        bench.simulator.restart()
        assert bench.replace("ward").status == 200


class TestReload:
    def test_everything_is_as_in_the_file_and_started_is_the_same(self, changed: Bench) -> None:
        before = changed.get("/v3/info")["started"]
        changed.simulator.reload()
        assert set(changed.configured()) == {"all_others", "gate"}
        assert set(changed.running()) == {"gate"}
        assert changed.get("/v3/info")["started"] == before

    def test_what_is_equal_in_the_file_goes_on(self, changed: Bench) -> None:
        ready = changed.path("gate")["readyTime"]
        changed.simulator.set_readers("gate", 2)
        changed.simulator.reload()
        gate = changed.path("gate")
        assert (gate["readyTime"], len(gate["readers"])) == (ready, 2)

    def test_the_file_may_have_been_changed(self, changed: Bench) -> None:
        changed.simulator.change_file({"yard": {"source": SOURCE}})
        assert set(changed.configured()) == {"gate", "ward"}
        changed.simulator.reload()
        assert set(changed.configured()) == {"yard"}

    def test_path_defaults_are_those_of_the_file(self) -> None:
        bench = Bench(boot={"gate": {}}, defaults={"maxReaders": 3})
        bench.ask("PATCH", "/v3/config/pathdefaults/patch", {"maxReaders": 9})
        bench.simulator.reload()
        assert bench.get("/v3/config/pathdefaults/get")["maxReaders"] == 3
        assert bench.configured()["gate"]["maxReaders"] == 3


def test_a_file_that_no_server_starts_with_is_refused() -> None:
    with pytest.raises(RefusedError, match="invalid source: 'bogus'"):
        Bench(boot={"gate": {"source": "bogus"}})
    with pytest.raises(RefusedError, match="unknown field"):
        Bench(boot={}, defaults={"nope": 1})


def test_the_newest_version_tells_itself_and_an_old_one_does_not() -> None:
    assert Bench().get("/v3/info")["version"] == f"v{NEWEST}"
    assert Bench(version=Version(1, 15, 1)).ask("GET", "/v3/info").status == 404
    assert Bench(version=Version(1, 15, 2)).get("/v3/info")["version"] == "v1.15.2"


class TestDeath:
    """Values that are accepted and end the process."""

    def test_the_request_that_kills_is_not_answered_and_all_is_lost(self) -> None:
        bench = Bench(boot=BOOT)
        bench.replace("ward", {})
        with pytest.raises(CrashedError):
            bench.replace("bad", {"runOnInit": " "})
        assert not bench.is_up()
        with pytest.raises(CrashedError):
            bench.ask("GET", "/v3/paths/list")
        bench.simulator.restart()
        assert set(bench.configured()) == {"all_others", "gate"}
        assert bench.simulator.crashes == 1

    def test_its_answer_may_win_the_race(self) -> None:
        bench = Bench()
        bench.simulator.answers_before_dying = True
        assert bench.replace("bad", PORTS).status == 200
        assert not bench.is_up()

    def test_it_is_back_after_a_while_if_told(self) -> None:
        bench = Bench(restart_after=2.0)
        with pytest.raises(CrashedError):
            bench.replace("bad", PORTS)
        bench.wait(1.9)
        assert not bench.is_up()
        bench.wait(0.1)
        assert bench.is_up()
        assert bench.configured() == {}

    def test_on_demand_it_waits_for_a_viewer(self) -> None:
        bench = Bench()
        assert bench.replace("bad", {**PORTS, "sourceOnDemand": True}).status == 200
        bench.wait(60)
        assert bench.is_up()
        bench.simulator.set_readers("bad", 1)
        assert not bench.is_up()

    @pytest.mark.parametrize("hook", ["runOnReady", "runOnAvailable"])
    def test_a_blank_hook_waits_for_its_moment(self, hook: str) -> None:
        bench = Bench()
        bench.simulator.camera(SOURCE).die()
        assert bench.replace("bad", {"source": SOURCE, hook: " "}).status == 200
        bench.wait(60)
        assert bench.is_up()
        bench.simulator.camera(SOURCE).come_back()
        bench.wait(5.3)
        assert not bench.is_up()

    @pytest.mark.parametrize(
        "options",
        [
            {"runOnInit": ""},
            {"runOnInit": "true"},
            {"runOnInit": "unbalanced '"},
            {"source": SOURCE, "rtspUDPSourcePortRange": [9000, 5000]},
            {"source": "rtmp://192.0.2.1/x", "rtspUDPSourcePortRange": [5000]},
        ],
    )
    def test_what_merely_does_not_work_does_not_kill(self, options: dict[str, Json]) -> None:
        bench = Bench()
        assert bench.replace("odd", options).status == 200
        bench.wait(60)
        assert bench.is_up()

    def test_it_can_be_made_immortal(self) -> None:
        bench = Bench(crash_on_poison=False)
        assert bench.replace("bad", PORTS).status == 200
        assert bench.is_up()


def test_stopped_it_stays_down_and_unreachable_it_forgets_nothing(changed: Bench) -> None:
    changed.simulator.unreachable(is_so=True)
    assert not changed.is_up()
    changed.simulator.unreachable(is_so=False)
    assert set(changed.configured()) == {"gate", "ward"}
    changed.simulator.stop()
    changed.wait(3600)
    assert not changed.is_up()


class TestLate:
    """A write is answered before its effect is to be seen."""

    def test_from_1_20_1_on_the_configuration_is_old_for_a_while(self) -> None:
        bench = Bench(boot={"gate": {}}, late=0.5)
        assert bench.replace("gate", {"maxReaders": 3}).status == 200
        assert bench.replace("ward").status == 200
        assert set(bench.configured()) == {"gate"}
        assert bench.get("/v3/config/paths/get/gate")["maxReaders"] == 3, "the write before is through by then"
        assert bench.ask("GET", "/v3/config/paths/get/ward").status == 404
        bench.wait(0.5)
        assert set(bench.configured()) == {"gate", "ward"}

    def test_path_defaults_are_old_for_as_long(self) -> None:
        bench = Bench(late=0.5)
        bench.ask("PATCH", "/v3/config/pathdefaults/patch", {"maxReaders": 9})
        assert bench.get("/v3/config/pathdefaults/get")["maxReaders"] == 0
        bench.wait(0.5)
        assert bench.get("/v3/config/pathdefaults/get")["maxReaders"] == 9

    def test_before_1_20_1_the_configuration_is_there_and_what_runs_lags_behind(self) -> None:
        bench = Bench(version=Version(1, 20, 0), late=0.5)
        bench.replace("gate", {"source": SOURCE})
        assert set(bench.configured()) == {"gate"}
        assert bench.running() == {}
        bench.wait(0.5)
        assert set(bench.running()) == {"gate"}

    def test_a_refused_write_delays_nothing(self) -> None:
        bench = Bench(late=0.5)
        assert bench.replace("gate", {"source": "bogus"}).status == 400
        assert bench.simulator.busy_until <= bench.simulator.now


def test_foreign_hands_change_what_the_api_shows(changed: Bench) -> None:
    changed.simulator.edit("gate", {"source": SOURCE, "maxReaders": 3})
    changed.simulator.remove("ward")
    assert {name: path["maxReaders"] for name, path in changed.configured().items()} == {"gate": 3}
    assert set(changed.running()) == {"gate"}
    assert changed.simulator.writes["ward"] == 1, "only what came through the API is counted"
