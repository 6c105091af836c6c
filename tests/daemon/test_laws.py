"""The laws (docs/laws.md), each with tests that try to break it. Outcomes are read from the server.

 1 level-triggered                       TestLevelTriggered
 2 a second pass writes nothing          TestASecondPass
 3 never more than asked                 TestForeignPaths, and tests/core/test_plan.py
 4 a bad file changes nothing            tests/real/test_end_to_end.py, tests/daemon/test_process.py, tests/spec
 5 an unreadable server is not empty     TestAServerThatCannotBeRead
 6 one bad camera delays nobody          TestOneBadCamera
 7 viewers are cut only when declared    TestViewers
 8 mass deletion needs a yes             TestRemoval, and tests/core/test_plan.py
 9 stopping changes nothing              TestStopping
10 no secret leaves                      tests/test_secrets.py
11 one write at a time                   TestOneWriteAtATime
12 says what it does not know            TestHealth
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from reconciler.core.options.version import NEWEST, Version
from reconciler.daemon.keeper import Pace
from reconciler.mediamtx.simulator import FaultKind, Mode
from tests.support.build import a_stream
from tests.support.world import FOREIGN, SILENT, World, cams, many

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.core.model import Json

pytestmark = pytest.mark.looptime

VERSIONS = [Version(1, 9, 3), Version(1, 12, 0), Version(1, 17, 1), NEWEST]


class TestLevelTriggered:
    async def test_what_is_there_already_is_taken_over_without_a_write(self, tmp_path: Path) -> None:
        streams = cams("a", "b")
        boot = {**FOREIGN, **{stream.name: stream.options for stream in streams}}
        async with World.begin(tmp_path, *streams, boot=boot) as world:
            assert world.writes() == 0
            assert {world.sync("a"), world.sync("b")} == {"in_sync"}

    @pytest.mark.parametrize("version", VERSIONS, ids=str)
    async def test_a_restart_is_repaired_by_the_next_look_and_is_no_drift(
        self, tmp_path: Path, version: Version
    ) -> None:
        async with World.begin(tmp_path, *cams("a", "b"), version=version) as world:
            world.simulator.restart()
            assert world.ours() == set()
            await world.run(3)
            assert world.ours() == {"a", "b"}
            assert world.meter.drifted == 0

    @pytest.mark.parametrize("version", VERSIONS, ids=str)
    async def test_a_reload_of_the_servers_file_is_repaired_by_the_next_look(
        self, tmp_path: Path, version: Version
    ) -> None:
        async with World.begin(tmp_path, *cams("a", "b"), version=version) as world:
            world.simulator.reload()
            await world.run(3)
            assert world.ours() == {"a", "b"}
            assert world.meter.drifted == 0

    async def test_a_server_that_was_away_is_served_when_it_is_back(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *cams("a")) as world:
            world.simulator.stop()
            await world.run(120)
            world.want(*cams("a", "b"))
            await world.run(1)
            world.simulator.restart()
            await world.run(3)
            assert world.ours() == {"a", "b"}

    async def test_a_restart_in_the_middle_of_200_creates_loses_none(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *many(200), seconds=0) as world:
            world.transport.latency = 0.01
            await world.run(1)
            assert 0 < len(world.ours()) < 200
            world.simulator.restart()
            await world.run(20)
            assert len(world.ours()) == 200

    async def test_a_newer_file_interrupts_a_long_pass_and_goes_first(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *many(300), seconds=0) as world:
            world.transport.latency = 0.1
            await world.run(5)
            assert len(world.ours()) < 100
            world.want(*many(300), *cams("zz-urgent"))
            await world.run(1)
            assert "zz-urgent" in world.ours()
            assert len(world.ours()) < 100

    async def test_a_daemon_killed_in_the_middle_orphans_nothing_and_repeats_nothing(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *many(200), seconds=0) as world:
            world.transport.latency = 0.01
            await world.run(1.05)
            half, server = len(world.ours()), world.simulator
        assert 0 < half < 200
        async with World.begin(tmp_path, *many(200), server=server) as world:
            assert len(world.ours()) == 200
            assert world.writes() <= 201  # the one in flight may have been repeated
            world.want(*many(199))
            await world.run(10)
            assert len(world.ours()) == 199


class TestASecondPass:
    @pytest.mark.parametrize("version", VERSIONS, ids=str)
    async def test_writes_nothing_whatever_was_declared(self, tmp_path: Path, version: Version) -> None:
        every_kind: dict[str, Json] = {
            "sourceOnDemand": True,
            "sourceOnDemandStartTimeout": "90s",
            "sourceOnDemandCloseAfter": "0s",
            "rtspTransport": "tcp",
            "record": True,
            "recordSegmentDuration": "3600s",
            "recordDeleteAfter": "168h",
            "rpiCameraAWBGains": [1.5, 2],
            "runOnReady": "true",
        }
        if version >= Version(1, 20, 0):
            every_kind |= {"recordMaxPartSize": "1500K", "forward": [{"dest": "rtsp://192.0.2.9/x"}]}
        async with World.begin(tmp_path, *cams("a", **every_kind), *cams("b"), version=version) as world:
            assert world.writes() == 2
            await world.run(10 * 45)
            assert world.meter.passes["resync ok"] >= 10
            assert world.writes() == 2

    async def test_does_not_repeat_what_the_server_shows_late(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *cams("a", "b"), late=0.8, seconds=30) as world:
            world.want(*cams("a", "b", "c"))
            await world.run(60)
            assert world.ours() == {"a", "b", "c"}
            assert (world.writes(), world.meter.drifted) == (3, 0)

    @pytest.mark.parametrize("field", [{"maxReaders": 5}, {"record": True}, {"source": "rtsp://192.0.2.66/x"}])
    async def test_puts_back_a_foreign_edit_of_any_field_and_counts_it(
        self, tmp_path: Path, field: dict[str, Json]
    ) -> None:
        async with World.begin(tmp_path, *cams("a")) as world:
            before = world.on_server()["a"]
            world.simulator.edit("a", {**cams("a")[0].options, **field})
            await world.run(50)
            assert world.on_server()["a"] == before
            assert world.meter.drifted == 1


class TestForeignPaths:
    async def test_are_never_touched_whatever_happens(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *cams("a", "b")) as world:
            theirs = {name: world.on_server()[name] for name in FOREIGN}
            world.want(*cams("b"))
            await world.run(20)
            world.simulator.restart()
            await world.run(20)
            world.want(*cams("b", "theirs"))
            await world.run(50)
            world.want(*cams("b"))
            await world.run(50)
            assert {name: world.on_server()[name] for name in FOREIGN} == theirs
            assert all(world.simulator.restarts[name] == 0 for name in FOREIGN)

    async def test_of_a_streams_name_are_a_conflict_until_adopted(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *cams("theirs")) as world:
            assert world.sync("theirs") == "conflict"
            assert world.state("theirs") == ("ERROR", "Conflict")
            world.want(a_stream("theirs", {"source": f"{SILENT}/theirs"}, adopt=True))
            await world.run(5)
            assert world.on_server()["theirs"]["source"] == f"{SILENT}/theirs"


class TestAServerThatCannotBeRead:
    @pytest.mark.parametrize(
        ("kind", "where"),
        [
            pytest.param(kind, where, id=f"{kind.name.lower()}-{where}")
            for kind in FaultKind
            for where in ("/v3/paths/list", "/v3/config/paths/list", "/v3/config/pathdefaults", "/v3/info")
            if kind is not FaultKind.CUT_SHORT or where.endswith("list")
        ],
    )
    async def test_is_not_taken_for_an_empty_one(self, tmp_path: Path, kind: FaultKind, where: str) -> None:
        async with World.begin(tmp_path, *cams("a", "b", "c")) as world:
            before, written = world.on_server(), world.writes()
            world.transport.fail(kind, where, times=20)
            world.want(*cams("a", "b"))
            await world.run(4)
            assert world.on_server().keys() >= {"a", "b"}
            world.transport.faults.clear()
            await world.run(150)
            assert world.ours() == {"a", "b"}
            assert world.writes() == written + 1
            assert {name: world.on_server()[name] for name in ("a", "b")} == {name: before[name] for name in ("a", "b")}

    async def test_with_wedged_configuration_calls_still_shows_how_its_cameras_are(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *cams("a")) as world:
            world.transport.wedged = True
            world.want(*cams("a", "b"))
            await world.run(60)
            assert world.sync("a") == "unknown"
            assert world.state("a") == ("RUNNING", None)
            world.transport.wedged = False
            await world.run(100)
            assert world.ours() == {"a", "b"}

    async def test_is_complained_of_once_for_as_long_as_it_lasts(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with World.begin(tmp_path, *cams("a")) as world:
            world.simulator.stop()
            with caplog.at_level(logging.ERROR):
                await world.run(300)
            assert len([record for record in caplog.records if "cannot read" in record.message]) == 1


class TestOneBadCamera:
    async def test_that_the_server_refuses_delays_nobody(self, tmp_path: Path) -> None:
        bad = a_stream("bad", {"source": f"{SILENT}/bad", "sourceRedirect": "rtsp://192.0.2.1/x"})
        async with World.begin(tmp_path, bad, *many(20)) as world:
            assert len(world.ours()) == 20
            assert world.sync("bad") == "rejected"
            assert world.state("bad") == ("ERROR", "RejectedByServer")
            await world.run(200)
            assert world.simulator.writes["bad"] == 0

    @pytest.mark.parametrize("kind", [FaultKind.RESET_BEFORE, FaultKind.STATUS_500, FaultKind.HANG])
    async def test_whose_writes_fail_delays_nobody(self, tmp_path: Path, kind: FaultKind) -> None:
        async with World.begin(tmp_path, seconds=2) as world:
            world.transport.fail(kind, "/replace/bad", times=5)
            world.want(*cams("bad"), *many(20))
            await world.run(40)
            assert len(world.ours() - {"bad"}) == 20
            await world.run(300)
            assert "bad" in world.ours()

    async def test_that_kills_the_server_is_set_aside_after_the_first_time(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *many(5)) as world:
            world.transport.fail(FaultKind.RESET_BEFORE, "/replace/killer", times=1)
            world.want(*many(5), *cams("killer"))
            await world.run(0.1)
            world.simulator.restart()
            await world.run(300)
            assert world.ours() == {stream.name for stream in many(5)}
            assert world.sync("killer") == "rejected"
            world.want(*many(5), *cams("killer", maxReaders=1))
            await world.run(10)
            assert "killer" in world.ours()


class TestViewers:
    async def test_are_cut_by_declared_changes_of_their_own_path_only(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *cams("watched", "other")) as world:
            world.simulator.set_readers("watched", 3)
            world.want(*cams("watched", record=True), *cams("third"))
            await world.run(100)
            assert world.on_server()["watched"]["record"] is True
            assert world.simulator.readers_cut["watched"] == 0
            world.want(*cams("watched", record=True, maxReaders=9))
            await world.run(5)
            assert world.simulator.readers_cut["watched"] == 3
            effects = [result.change.effect for result in world.results if result.change.name == "watched"]
            assert effects[1:] == ["in place", "restarts, 3 readers"]


class TestRemoval:
    async def test_waits_for_its_grace_and_is_undone_by_a_return(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *cams("a", "b"), pace=Pace(prune_after=5)) as world:
            world.want(*cams("a"))
            await world.run(4)
            assert (world.ours(), world.sync("a")) == ({"a", "b"}, "in_sync")
            world.want(*cams("a", "b"))
            await world.run(30)
            assert (world.ours(), world.writes()) == ({"a", "b"}, 2)
            world.want(*cams("a"))
            await world.run(7)
            assert world.ours() == {"a"}

    async def test_of_everything_never_happens(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *cams("a", "b")) as world:
            world.want()
            await world.run(600)
            assert world.ours() == {"a", "b"}

    async def test_never_hits_a_stream_whose_entry_is_broken(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *cams("a", "b")) as world:
            world.want(*cams("b"), set_aside=["a"])
            await world.run(600)
            assert world.ours() == {"a", "b"}


class TestStopping:
    async def test_finishes_the_write_in_flight_and_begins_no_other(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *many(50), seconds=0) as world:
            world.transport.latency = 0.5
            await world.run(3.2)
            done = len(world.ours())
            world.keeper.stop()
            await world.run(5)
            assert done <= len(world.ours()) <= done + 1
            assert world.store.inventory("default").keys() >= world.ours()
            written = world.writes()
            await world.run(100)
            assert world.writes() == written


class TestOneWriteAtATime:
    async def test_holds_also_while_everything_happens_at_once(self, tmp_path: Path) -> None:
        at_once: list[int] = []
        async with World.begin(tmp_path, *many(30), seconds=0) as world:
            handle, running = world.transport.handle_async_request, 0

            async def counted(request: object) -> object:
                nonlocal running
                is_write = "/replace/" in str(getattr(request, "url", "")) or "/delete/" in str(request)
                running += is_write
                at_once.append(running)
                try:
                    return await handle(request)  # type: ignore[arg-type] # passed through
                finally:
                    running -= is_write

            world.transport.handle_async_request = counted  # type: ignore[method-assign,assignment] # a spy
            world.transport.latency = 0.05
            for number in range(10):
                world.want(*many(30 + number))
                world.keeper.wake_reconcile()
                await asyncio.sleep(0.3)
            await world.run(20)
            assert len(world.ours()) == 39
        assert max(at_once) == 1


class TestHealth:
    async def test_follows_a_camera_through_its_life(self, tmp_path: Path) -> None:
        source = f"{SILENT}/a"
        async with World.begin(tmp_path, *cams("a"), seconds=5) as world:
            assert world.state("a") == ("RUNNING", None)
            since = world.keeper.known.vitals.vital("a").since
            await world.run(60)
            assert world.keeper.known.vitals.vital("a").since == since
            world.simulator.set_camera(source, Mode.DEAD)
            await world.run(4)
            assert world.state("a") == ("ERROR", "NotReady")
            world.simulator.set_camera(source, Mode.LIVE)
            await world.run(12)
            assert world.state("a") == ("RUNNING", None)
            pulse = world.keeper.known.vitals.pulse("a")
            assert pulse is not None
            assert pulse.restarts == 1

    async def test_notices_a_camera_that_froze(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *cams("a"), seconds=5) as world:
            world.simulator.set_camera(f"{SILENT}/a", Mode.FROZEN)
            await world.run(14)
            assert world.state("a")[0] == "ERROR"

    async def test_of_a_server_that_cannot_be_read_is_unknown(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *cams("a")) as world:
            world.simulator.stop()
            await world.run(5)
            assert world.state("a") == ("UNKNOWN", "ServerUnreachable")

    async def test_of_on_demand_and_publisher_paths_is_idle(self, tmp_path: Path) -> None:
        streams = [*cams("a", sourceOnDemand=True), a_stream("p", {"source": "publisher"})]
        async with World.begin(tmp_path, *streams, seconds=30) as world:
            assert (world.state("a"), world.state("p")) == (("IDLE", None), ("IDLE", None))
