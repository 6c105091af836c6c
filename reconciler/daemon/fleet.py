"""All servers at once: one keeper each, started, replaced and ended as the desired state names servers.

Not guaranteed: a server that leaves the file is let go, not emptied; its paths stay as they are and stay in the
inventory, so that they are known as ours when the server comes back.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.daemon.keeper import Pace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from reconciler.core.model import ServerSpec, Settings
    from reconciler.daemon.intake import Generation
    from reconciler.daemon.keeper import Keeper

__all__ = ["Fleet"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Running:
    """One keeper and its two loops."""

    keeper: Keeper
    tasks: tuple[asyncio.Task[None], ...]


class Fleet:
    """The keepers of all servers. `run` is a root task; the other methods are called by the loop that reads files."""

    def __init__(self, make_keeper: Callable[[ServerSpec], Keeper], wakers: Callable[[Fleet], None]) -> None:
        """`wakers` is called whenever the set of servers or their pace changed, to set the timers anew."""
        self._make_keeper, self._set_timers = make_keeper, wakers
        self._running: dict[str, _Running] = {}
        self._retired: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self.pace = Pace()

    @property
    def keepers(self) -> list[Keeper]:
        """The keepers, by server name."""
        return [self._running[name].keeper for name in sorted(self._running)]

    def take(self, generation: Generation) -> None:
        """Give every server its part of a desired state."""
        desired = generation.desired
        pace = _pace(desired.settings)
        specs = {name: running.keeper.spec for name, running in self._running.items()}
        for name in list(self._running):
            if desired.servers.get(name) != specs[name]:
                self._retire(name)
        for name, spec in desired.servers.items():
            if name not in self._running:
                self._start(spec)
            self._running[name].keeper.want(generation, pace)
        if specs != dict(desired.servers) or pace != self.pace:
            self.pace = pace
            self._set_timers(self)

    async def run(self) -> None:
        """Watch over all loops until cancelled, then end them; one that ends unasked ends this task with its error."""
        try:
            while True:
                await self._watch()
        finally:
            await self._stop()

    async def _watch(self) -> None:
        """Wait until the set of loops changes; raise when one of them has ended."""
        self._changed.clear()
        tasks = {task for running in self._running.values() for task in running.tasks}
        waiter = asyncio.create_task(self._changed.wait())
        try:
            done, _ = await asyncio.wait({waiter, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiter.cancel()
        for task in done - {waiter}:
            if any(task in running.tasks for running in self._running.values()):
                task.result()
                raise RuntimeError(f"{task.get_name()} ended unasked")

    async def _stop(self) -> None:
        """End all loops; writes in flight are finished, nothing else is written."""
        for name in list(self._running):
            self._retire(name)
        if self._retired:
            await asyncio.wait(self._retired.values())

    def _start(self, spec: ServerSpec) -> None:
        keeper, before = self._make_keeper(spec), self._retired.get(spec.name)
        loops = {"observe": keeper.observe_forever, "reconcile": keeper.reconcile_forever}
        tasks = tuple(
            asyncio.create_task(_after(before, loop), name=f"{kind} {spec.name}") for kind, loop in loops.items()
        )
        self._running[spec.name] = _Running(keeper, tasks)
        self._changed.set()

    def _retire(self, name: str) -> None:
        """End one keeper in the background, so that an unreachable server holds no other up."""
        running = self._running.pop(name)
        running.keeper.stop()
        retiring = asyncio.create_task(_end(running), name=f"end {name}")
        self._retired[name] = retiring
        retiring.add_done_callback(lambda done: self._retired.get(name) is done and self._retired.pop(name))
        self._changed.set()


async def _after(before: asyncio.Task[None] | None, loop: Callable[[], Awaitable[None]]) -> None:
    """Run `loop` once the server's former keeper has ended: one write at a time, also when its settings change."""
    if before is not None:
        await asyncio.wait({before})
    await loop()


async def _end(running: _Running) -> None:
    observe, reconcile = running.tasks
    observe.cancel()  # it only reads
    for ended in await asyncio.gather(observe, reconcile, return_exceptions=True):
        if isinstance(ended, Exception):
            log.error("a loop of server %s ended with an error", running.keeper.name, exc_info=ended)
    await running.keeper.close()


def _pace(settings: Settings) -> Pace:
    return Pace(observe=settings.observe, resync=settings.resync, prune_after=settings.prune_after)
