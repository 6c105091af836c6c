"""The loop over one server, where it would be easy to go wrong: doubt, haste, blame and repetition."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from reconciler.core.options.version import NEWEST, Version
from reconciler.mediamtx.simulator import FaultKind, User
from tests.support.build import a_stream
from tests.support.world import FOREIGN, SILENT, World, cams, many

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.core.model import Json

pytestmark = pytest.mark.looptime

WITHOUT_INFO = Version(1, 9, 3)
LEGACY: dict[str, Json] = {"source": "publisher", "publishUser": "someone", "publishPass": "something"}


class TestAWriteThatWasNeverAnswered:
    @pytest.mark.parametrize("kind", [FaultKind.RESET_AFTER, FaultKind.HANG_AFTER])
    async def test_but_was_done_is_found_done_and_leaves_the_loop_at_rest(
        self, tmp_path: Path, kind: FaultKind
    ) -> None:
        async with World.begin(tmp_path, seconds=1) as world:
            world.transport.fail(kind, "/replace/a")
            world.want(*cams("a", "b"))
            await world.run(60)
            assert world.ours() == {"a", "b"}
            assert world.tried == {"a": 1, "b": 1}
            passes = world.passes()
            await world.run(450)
            assert world.passes() - passes <= 11

    async def test_and_is_not_wanted_any_more_leaves_the_loop_at_rest(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *cams("a"), seconds=5) as world:
            world.transport.fail(FaultKind.STATUS_500, "/replace/b", times=1000)
            world.want(*cams("a", "b"))
            await world.run(60)
            world.want(*cams("a"))
            await world.run(1)
            passes = world.passes()
            await world.run(450)
            assert world.passes() - passes <= 11

    async def test_is_not_blamed_for_a_restart_long_after(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *cams("a"), seconds=5) as world:
            world.transport.fail(FaultKind.RESET_AFTER, "/replace/b")
            world.want(*cams("a", "b"))
            await world.run(60)
            world.simulator.restart()
            await world.run(20)
            assert world.ours() == {"a", "b"}

    async def test_is_not_blamed_for_a_reload_of_the_servers_file(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *cams("a"), seconds=5) as world:
            world.transport.fail(FaultKind.RESET_AFTER, "/replace/b")
            world.want(*cams("a", "b"))
            await world.run(0.01)
            world.simulator.reload()
            await world.run(20)
            assert world.ours() == {"a", "b"}

    async def test_is_blamed_for_the_death_of_a_server_that_does_not_tell_when_it_started(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *cams("a"), version=WITHOUT_INFO) as world:
            world.transport.fail(FaultKind.RESET_BEFORE, "/replace/killer")
            world.want(*cams("a", "killer"))
            await world.run(0.01)
            world.simulator.restart()
            await world.run(300)
            assert world.ours() == {"a"}
            assert world.state("killer") == ("ERROR", "RejectedByServer")
            assert world.state("a") == ("RUNNING", None)


class TestAServerThatGoesAwayInTheMiddleOfAPass:
    @pytest.mark.parametrize("version", [WITHOUT_INFO, NEWEST], ids=str)
    async def test_is_filled_again_and_no_stream_that_was_refused_a_connection_is_blamed(
        self, tmp_path: Path, version: Version
    ) -> None:
        async with World.begin(tmp_path, *many(100), version=version, seconds=0) as world:
            world.transport.latency = 0.01
            await world.run(0.5)
            assert 0 < len(world.ours()) < 100
            world.simulator.stop()
            await world.run(7)
            world.simulator.restart()
            await world.run(30)
            # The one whose write was under way at that moment may have been the cause, for all that is known.
            assert len(world.ours()) >= 99
            assert sum(world.sync(name) == "rejected" for name in world.views()) <= 1
            assert world.meter.drifted == 0

    @pytest.mark.parametrize("version", [WITHOUT_INFO, NEWEST], ids=str)
    async def test_counts_nothing_as_drift_however_long_it_was_away(self, tmp_path: Path, version: Version) -> None:
        async with World.begin(tmp_path, *cams("a", "b", "c"), version=version) as world:
            world.simulator.stop()
            await world.run(200)
            world.simulator.restart()
            await world.run(5)
            assert world.ours() == {"a", "b", "c"}
            assert world.meter.drifted == 0

    async def test_counts_nothing_as_drift_when_some_of_it_is_restored_later(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *cams("a", "b", "c")) as world:
            world.transport.fail(FaultKind.STATUS_500, "/replace/b", times=4)
            world.simulator.restart()
            await world.run(60)
            assert world.ours() == {"a", "b", "c"}
            assert world.meter.drifted == 0


class TestADaemonThatWasKilledInTheMiddle:
    @pytest.mark.parametrize("late", [0.0, 0.5])
    async def test_leaves_nothing_behind_that_the_next_one_does_not_know_as_ours(
        self, tmp_path: Path, late: float
    ) -> None:
        async with World.begin(tmp_path, *many(20), late=late, seconds=0) as world:
            world.transport.write_cost, server = 0.05, world.simulator
            await world.run(1.0 + late * 5)
        done = server.configured().keys() - FOREIGN.keys()
        assert 0 < len(done) < 20
        # Its last write is under way still, and nobody was told of it; the file is another by now.
        async with World.begin(tmp_path, *many(2), server=server, seconds=40) as world:
            assert world.ours() == {stream.name for stream in many(2)}


class TestANewerFile:
    async def test_that_comes_in_during_the_reads_is_the_one_that_is_acted_on(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, seconds=1) as world:
            world.transport.latency = 0.1
            world.want(*cams("mistake"))
            await world.run(0.25)
            world.want(*cams("meant"))
            await world.run(10)
            assert world.ours() == {"meant"}
            assert world.tried == {"meant": 1}

    async def test_gives_a_new_stream_its_grace_from_the_save_on(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with World.begin(tmp_path, *cams("a"), seconds=100) as world:
            world.transport.latency = 1.0
            with caplog.at_level(logging.WARNING):
                world.want(*cams("a", "b"))
                assert world.state("b") == ("STARTING", None)
                await world.run(10)
            assert world.state("b") == ("RUNNING", None)
            assert caplog.records == []


class TestWhatTheServerShowsLate:
    """Version 1.20.1 answers before its answer can be seen."""

    async def test_a_stream_switched_off_and_on_is_on_in_the_end(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *cams("a", "b"), late=1.0, seconds=20) as world:
            world.want(a_stream("a", cams("a")[0].options, enabled=False), *cams("b"))
            await world.run(0.2)
            world.want(*cams("a", "b"))
            await world.run(6)
            assert world.ours() == {"a", "b"}
            assert world.sync("a") == "in_sync"
            assert world.meter.drifted == 0

    async def test_an_option_changed_and_changed_back_is_back_in_the_end(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *cams("a", "b"), late=1.0, seconds=20) as world:
            world.want(*cams("a", maxReaders=5), *cams("b"))
            await world.run(0.2)
            world.want(*cams("a", "b"))
            await world.run(6)
            assert world.on_server()["a"]["maxReaders"] == 0
            assert world.sync("a") == "in_sync"
            assert world.meter.drifted == 0

    @pytest.mark.parametrize("version", [WITHOUT_INFO, Version(1, 20, 0), NEWEST], ids=str)
    async def test_many_new_paths_are_neither_written_twice_nor_thought_lost(
        self, tmp_path: Path, version: Version, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING):
            async with World.begin(tmp_path, *many(20), version=version, late=0.7, seconds=60) as world:
                assert len(world.ours()) == 20
                assert world.writes() == 20
                assert world.meter.drifted == 0
        assert not [record for record in caplog.records if "lost" in record.message]


class TestDrift:
    async def test_that_may_not_be_put_back_is_counted_and_told_once(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        paused = a_stream("a", cams("a")[0].options, paused=True)
        async with World.begin(tmp_path, *cams("a", "b")) as world:
            world.want(paused, *cams("b"))
            await world.run(1)
            with caplog.at_level(logging.WARNING):
                world.simulator.edit("a", {**paused.options, "maxReaders": 9})
                await world.run(400)
            assert world.on_server()["a"]["maxReaders"] == 9
            assert world.meter.drifted == 1
            assert len([record for record in caplog.records if "somebody else" in record.message]) == 1

    async def test_that_happens_again_is_counted_again(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *cams("a", "b")) as world:
            for round_ in (1, 2, 3):
                world.simulator.edit("a", {**cams("a")[0].options, "maxReaders": 9})
                await world.run(60)
                assert world.on_server()["a"]["maxReaders"] == 0
                assert world.meter.drifted == round_

    async def test_one_path_taken_away_is_put_back_by_the_next_look(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *cams("a", "b")) as world:
            world.simulator.remove("a")
            await world.run(3.2)
            assert world.ours() == {"a", "b"}
            assert world.meter.drifted == 1


class TestARefusal:
    async def test_because_of_a_foreign_path_is_lifted_when_that_path_goes(self, tmp_path: Path) -> None:
        boot = {**FOREIGN, "old-style": LEGACY}
        async with World.begin(tmp_path, *cams("a", "b"), boot=boot, seconds=300) as world:
            assert world.on_server().keys() == boot.keys()
            assert world.tried == {"a": 1, "b": 1}
            assert {world.sync("a"), world.sync("b")} == {"rejected"}
            world.simulator.remove("old-style")
            await world.run(50)
            assert world.ours() == {"a", "b"}

    async def test_of_a_path_to_be_adopted_is_not_tried_for_ever(self, tmp_path: Path) -> None:
        boot = {**FOREIGN, "old-style": LEGACY}
        theirs = a_stream("theirs", {"source": f"{SILENT}/ours"}, adopt=True)
        async with World.begin(tmp_path, theirs, boot=boot, seconds=600) as world:
            assert world.tried == {"theirs": 1}
            assert world.on_server()["theirs"]["source"] == FOREIGN["theirs"]["source"]

    async def test_because_of_another_stream_of_ours_is_lifted_when_that_stream_goes(self, tmp_path: Path) -> None:
        first, second = (a_stream(name, {"source": "rpiCamera"}) for name in ("first", "second"))
        async with World.begin(tmp_path, first, second, *cams("c"), seconds=200) as world:
            assert world.ours() == {"first", "c"}
            assert world.sync("second") == "rejected"
            assert world.tried["second"] == 1
            world.want(second, *cams("c"))
            await world.run(20)
            assert world.ours() == {"second", "c"}

    async def test_is_told_once(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.WARNING):
            async with World.begin(tmp_path, *cams("a"), boot={**FOREIGN, "old-style": LEGACY}, seconds=600):
                pass
        assert [record.message for record in caplog.records if "could not" in record.message] == ["could not create a"]


class TestAFailure:
    async def test_that_repeats_itself_is_told_once_and_tried_less_and_less(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with World.begin(tmp_path, seconds=1) as world:
            world.transport.fail(FaultKind.STATUS_500, "/replace/a", times=1000)
            with caplog.at_level(logging.WARNING):
                world.want(*cams("a", "b"))
                await world.run(1200)
            assert world.ours() == {"b"}
            assert [record.message for record in caplog.records if "create" in record.message] == ["could not create a"]
            assert 10 < world.tried["a"] < 60


class TestAServerThatRefusesOurLogin:
    async def test_is_asked_rarely_and_served_once_it_lets_us_in(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *cams("a"), seconds=10) as world:
            requests: list[str] = []
            world.transport.on_request = lambda method, target: requests.append(method + target)
            world.simulator.users = (User("reconciler", "secret"),)
            world.want(*cams("a", "b"))
            await world.run(600)
            assert world.ours() == {"a"}
            assert world.state("a") == ("UNKNOWN", "ServerAuthFailed")
            assert world.sync("a") == "unknown"
            assert len(requests) <= 600 / 30 * 3
            world.simulator.users = ()
            await world.run(60)
            assert world.ours() == {"a", "b"}


class TestWhatIsShown:
    async def test_of_a_server_that_is_away_is_that_nothing_is_known(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *cams("a")) as world:
            world.simulator.set_readers("a", 2)
            await world.run(3)
            assert world.views()["a"].readers == 2
            world.simulator.stop()
            await world.run(4)
            view = world.views()["a"]
            assert (view.status, view.sync, view.readers) == ("UNKNOWN", "unknown", 0)

    async def test_bytes_never_fall_back_when_the_server_or_the_camera_does(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *cams("a"), seconds=60) as world:
            seen = [world.views()["a"].inbound_bytes]
            for trouble in (world.simulator.restart, world.simulator.camera("a").die, world.simulator.reload):
                trouble()
                world.simulator.camera(f"{SILENT}/a").come_back()
                for _ in range(20):
                    await world.run(1)
                    seen.append(world.views()["a"].inbound_bytes)
            assert seen == sorted(seen)
            assert len(set(seen)) > 10
