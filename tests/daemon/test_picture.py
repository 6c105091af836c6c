"""What is shown of everything: by page, API, metrics and `status`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from reconciler.core.board import ConfigView
from reconciler.core.model import Hold, Reason, SetAside, State, Sync
from reconciler.core.options.version import Version
from reconciler.core.problem import Position, Problem
from reconciler.daemon.intake import Generation
from reconciler.daemon.picture import draw_board
from reconciler.daemon.status_line import status_line
from reconciler.store import WantedTimes
from tests.support.build import SERVER, a_desired, a_stream
from tests.support.world import FOREIGN, SILENT, World, cams

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.core.board import Board
    from reconciler.core.model import Desired

pytestmark = pytest.mark.looptime


def board_of(world: World, desired: Desired | None = None, **times: WantedTimes) -> Board:
    known = world.keeper.known.generation
    assert known is not None
    generation = known if desired is None else Generation(1, desired, 0.0, 123.0, frozenset())
    config = ConfigView(path="streams.yaml", ok=True)
    return draw_board(at=1.0, config=config, generation=generation, keepers=[world.keeper], wanted=times)


class TestAStream:
    async def test_is_shown_with_what_the_server_and_the_file_say_of_it(self, tmp_path: Path) -> None:
        stream = replace(a_stream("a", {"source": "rtsp://u:hunter2secret@192.0.2.1/a"}), camera_id="c1")
        async with World.begin(tmp_path, stream, seconds=10) as world:
            world.simulator.set_readers("a", 2)
            await world.run(3)
            (view,) = board_of(world, a=WantedTimes(started_at=5.0, stopped_at=None)).streams
            assert (view.id, view.server, view.camera_id) == ("a", SERVER, "c1")
            assert (view.status, view.reason, view.sync) == (State.RUNNING, None, Sync.IN_SYNC)
            assert (view.readers, view.started_at, view.stopped_at) == (2, 5.0, None)
            assert view.inbound_bytes > 0
            assert view.tracks == ("H264",)
            assert "hunter2" not in repr(board_of(world))

    async def test_that_is_switched_off_is_stopped_and_in_sync(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, a_stream("a", enabled=False), *cams("b")) as world:
            view = board_of(world).streams[0]
            assert (view.status, view.reason, view.sync) == (State.STOPPED, Reason.DISABLED, Sync.IN_SYNC)

    async def test_that_is_paused_says_so(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, a_stream("a", paused=True)) as world:
            view = board_of(world).streams[0]
            assert (view.sync, view.hold) == (Sync.HELD, Hold.PAUSED)

    @pytest.mark.parametrize(("missing", "reason"), [(True, Reason.SECRET_MISSING), (False, Reason.INVALID)])
    async def test_that_never_had_a_usable_form_is_shown_too(
        self, tmp_path: Path, *, missing: bool, reason: Reason
    ) -> None:
        problem = Problem(Position("streams.yaml", 7, 3), "streams.z", "does not work", "z", secret_missing=missing)
        async with World.begin(tmp_path, *cams("a")) as world:
            desired = replace(a_desired(*cams("a")), set_aside={"z": SetAside("z", SERVER, (problem,))})
            view = board_of(world, desired).streams[-1]
            assert (view.id, view.status, view.reason, view.sync) == ("z", State.ERROR, reason, Sync.REJECTED)
            assert (view.message, view.position) == ("does not work", "streams.yaml:7:3")

    async def test_in_its_last_good_form_says_why(self, tmp_path: Path) -> None:
        problem = Problem(Position("streams.yaml", 7, 3), "streams.a", "unknown key", "a")
        async with World.begin(tmp_path, replace(cams("a")[0], problems=(problem,)), seconds=10) as world:
            view = board_of(world).streams[0]
            assert view.status is State.RUNNING
            assert view.message == "runs in its last good form: unknown key"


class TestAServer:
    async def test_is_shown_with_its_version_and_whose_paths_it_has(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *cams("a", "b"), version=Version(1, 17, 1)) as world:
            (view,) = board_of(world).servers
            assert (view.up, view.version, view.owned, view.foreign) == (True, "1.17.1", 2, len(FOREIGN))
            assert (view.pending, view.reason, view.message) == (0, None, "")

    async def test_that_does_not_tell_its_version_is_shown_with_a_guess(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *cams("a"), version=Version(1, 12, 0)) as world:
            version = board_of(world).servers[0].version
            assert version is not None
            assert version.startswith("about 1.1")

    async def test_that_does_not_answer_shows_nothing_of_what_was(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *cams("a", "b"), a_stream("p", paused=True)) as world:
            assert board_of(world).servers[0].held == {Hold.PAUSED: 1}
            world.simulator.stop()
            await world.run(5)
            board = board_of(world)
            (view,) = board.servers
            assert (view.up, view.reason, view.held, view.foreign) == (False, Reason.SERVER_UNREACHABLE, {}, 0)
            assert {(stream.status, stream.sync) for stream in board.streams} == {(State.UNKNOWN, Sync.UNKNOWN)}

    async def test_shows_what_is_still_to_be_done(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, seconds=1) as world:
            world.transport.latency = 0.5
            world.want(*cams("a", "b", "c", "d"))
            await world.run(3.2)
            assert 0 < board_of(world).servers[0].pending < 4


class TestTheWhole:
    async def test_is_ready_once_every_server_was_looked_at_whatever_came_of_it(self, tmp_path: Path) -> None:
        async with World.begin(tmp_path, *cams("a"), seconds=0) as world:
            assert not board_of(world).ready
            world.simulator.stop()
            await world.run(5)
            assert board_of(world).ready

    async def test_in_one_line(self, tmp_path: Path) -> None:
        dead = a_stream("dead", {"source": f"{SILENT}/dead"})
        async with World.begin(tmp_path, *cams("a", "b"), dead, a_stream("off", enabled=False), seconds=10) as world:
            world.simulator.camera("dead").die()
            await world.run(20)
            assert status_line(board_of(world)) == "4/4 in sync; 1 STOPPED, 2 RUNNING, 1 ERROR"
            world.simulator.stop()
            await world.run(60)
            line = status_line(board_of(world))
            assert line.startswith(f"server {SERVER}: ")
            assert line.endswith("0/4 in sync; 1 STOPPED, 3 UNKNOWN")
