"""A whole world in virtual time: a simulated MediaMTX, a store on disk, and our keeper of that server.

Everything that happens is read from the server afterwards, never from calls that were made. A second `World` on the
same directory is the daemon after a restart; `World(server=...)` gives it the server of another.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reconciler.core.model import ServerSpec
from reconciler.core.options.version import NEWEST, Version
from reconciler.daemon.heart import Heart
from reconciler.daemon.intake import Generation
from reconciler.daemon.keeper import Keeper, Pace
from reconciler.daemon.notebook import Notebook
from reconciler.daemon.picture import stream_views
from reconciler.logs import Redactor
from reconciler.mediamtx.client import Client
from reconciler.mediamtx.simulator import Simulator, SimulatorTransport
from reconciler.store import Store
from tests.support.build import SERVER, a_desired, a_stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping
    from pathlib import Path

    from reconciler.core.board import StreamView
    from reconciler.core.model import Json, Options, Stream
    from reconciler.daemon.applying import ChangeResult

__all__ = ["FOREIGN", "SILENT", "LoopClock", "Meter", "World", "cams", "many"]

SILENT = "rtsp://192.0.2.1"
"""Where cameras are that the simulated server connects to at will."""

FOREIGN: dict[str, dict[str, Json]] = {"all_others": {}, "theirs": {"source": "rtsp://192.0.2.200/theirs"}}


def cams(*names: str, **options: Json) -> list[Stream]:
    """Return a stream of each name, all with the same options."""
    return [a_stream(name, {"source": f"{SILENT}/{name}", **options}) for name in names]


def many(count: int) -> list[Stream]:
    """Return so many streams, cam000 and on."""
    return cams(*(f"cam{number:03}" for number in range(count)))


class LoopClock:
    """The time of the running loop, which is virtual under looptime."""

    def __init__(self) -> None:
        self._wall = time.time() - asyncio.get_running_loop().time()

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def time(self) -> float:
        return self._wall + asyncio.get_running_loop().time()


class Meter:
    """Counts what a keeper counts."""

    def __init__(self) -> None:
        self.drifted = 0
        self.restarts = 0
        self.passes: Counter[str] = Counter()
        self.converged_after: list[float] = []

    def pass_done(self, server: str, kind: str, result: str, seconds: float) -> None:
        del server, seconds
        self.passes[f"{kind} {result}"] += 1

    def change_done(self, server: str, action: str, result: str) -> None: ...

    def drift(self, server: str, count: int) -> None:
        del server
        self.drifted += count

    def converged(self, seconds: float) -> None:
        self.converged_after.append(seconds)

    def server_restarted(self, server: str) -> None:
        del server
        self.restarts += 1


class World:
    """Use `World.begin`; all times are virtual seconds."""

    def __init__(self, directory: Path, simulator: Simulator, pace: Pace) -> None:
        self.clock = LoopClock()
        self.simulator, self.pace = simulator, pace
        self.tried: Counter[str] = Counter()
        self.transport = SimulatorTransport(simulator, on_request=self._note_request)
        self.store = Store.open(directory)
        self.meter = Meter()
        self.results: list[ChangeResult] = []
        self.spec = ServerSpec(SERVER, "http://127.0.0.1:9997")
        self.keeper = Keeper(
            self.spec,
            client=Client(self.spec, clock=self.clock, redactor=Redactor(), transport=self.transport),
            notebook=Notebook(SERVER, store=self.store, clock=self.clock, draw=lambda: 0.5),
            clock=self.clock,
            draw=lambda: 0.5,
            meter=self.meter,
            heart=Heart(self.clock),
            on_change=self.results.append,
        )
        self._generation = 0
        self._streams: dict[str, Stream] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    @asynccontextmanager
    async def begin(
        cls,
        directory: Path,
        *streams: Stream,
        version: Version = NEWEST,
        server: Simulator | None = None,
        boot: Mapping[str, Options] | None = None,
        pace: Pace | None = None,
        seconds: float = 5.0,
        **options: Any,
    ) -> AsyncIterator[World]:
        """Start a daemon on `streams` and let it work for `seconds`; it is killed in the end."""
        simulator = server or Simulator(
            clock=LoopClock(), version=version, boot=FOREIGN if boot is None else boot, **options
        )
        world = cls(directory, simulator, pace or Pace())
        try:
            world.want(*streams)
            world.start()
            await world.run(seconds)
            yield world
        finally:
            await world.kill()

    def start(self) -> None:
        """Start both loops."""
        loops = (self.keeper.observe_forever(), self.keeper.reconcile_forever())
        self._tasks = [asyncio.create_task(loop) for loop in loops]

    async def run(self, seconds: float) -> None:
        """Let the world go on."""
        await asyncio.sleep(seconds)
        for task in self._tasks:
            if task.done():
                task.result()

    async def stop(self) -> None:
        """End the daemon as SIGTERM does: the write in flight is finished."""
        self.keeper.stop()
        await asyncio.gather(*self._tasks)
        await self.kill()

    async def kill(self) -> None:
        """End the daemon as SIGKILL does: at once, whatever it is doing."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self.keeper.close()
        self.store.close()

    def _note_request(self, method: str, target: str) -> None:
        if method != "GET":
            self.tried[target.rpartition("/")[2]] += 1

    # --- wishes ---------------------------------------------------------------------------------------------------

    def want(self, *streams: Stream, set_aside: Iterable[str] = ()) -> None:
        """Save a file with exactly these streams."""
        before, self._streams = self._streams, {stream.name: stream for stream in streams}
        names = before.keys() | self._streams.keys()
        fresh = frozenset(name for name in names if before.get(name) != self._streams.get(name))
        self._generation += 1
        desired = replace(a_desired(*streams, set_aside=set_aside), servers={SERVER: self.spec})
        now = self.clock.monotonic()
        generation = Generation(self._generation, desired, now, self.clock.time(), fresh if before else frozenset())
        self.keeper.want(generation, self.pace)

    # --- outcomes -------------------------------------------------------------------------------------------------

    def on_server(self) -> dict[str, Mapping[str, Json]]:
        """Return every path of the server's configuration."""
        return dict(self.simulator.configured())

    def ours(self) -> set[str]:
        """Return the names on the server that were not there before us."""
        return self.on_server().keys() - FOREIGN.keys()

    def writes(self) -> int:
        """Return how many writes the server has taken, whoever made them."""
        return sum(self.simulator.writes.values())

    def views(self) -> dict[str, StreamView]:
        """Return what is shown of each stream."""
        return {view.id: view for view in stream_views(self.keeper, {})}

    def passes(self) -> int:
        """Return how many full looks there were, however they ended."""
        return sum(count for kind, count in self.meter.passes.items() if kind.startswith("resync"))

    def state(self, name: str) -> tuple[str, str | None]:
        """Return a stream's state and reason."""
        verdict = self.keeper.known.vitals.vital(name).verdict
        return verdict.state.value, verdict.reason.value if verdict.reason else None

    def sync(self, name: str) -> str:
        """Return a stream's sync."""
        return self.keeper.known.standing(name).sync.value
