"""Wakes the loops at their intervals, and lets a loop go on when nobody wakes it.

The scheduler follows the wall clock: set back by an hour (a recorder without a battery-backed clock, at its first NTP
answer), it is silent for that hour. So it only sets events, never does work, and every loop waits for its event no
longer than until a deadline of its own on the monotonic clock.

Not guaranteed: an exact rhythm. Ticks that fall due while the loop is blocked come late and as one.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC
from typing import TYPE_CHECKING, Any, Protocol

from apscheduler.executors.debug import DebugExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.core.seams import Clock

__all__ = ["Scheduler", "Wakers", "wait_for_wake"]


class Scheduler(Protocol):
    """What is used of APScheduler's `AsyncIOScheduler`."""

    def add_job(self, func: Callable[[], None], trigger: Any, **options: Any) -> object:
        """Call `func` whenever `trigger` says so."""

    def remove_all_jobs(self) -> None:
        """Forget everything that was added."""

    def start(self) -> None:
        """Begin; a loop must be running."""

    def shutdown(self, *, wait: bool) -> None:
        """End; nothing is called afterwards."""


class Wakers:
    """Calls synchronous callbacks in the event loop, each at its interval. They must only set events, and not block.

    A callback that raises is logged and called again at the next interval.
    """

    def __init__(self, scheduler: Scheduler | None = None) -> None:
        """`scheduler` is APScheduler's for asyncio unless another is given."""
        # It announces every single run at INFO.
        logging.getLogger("apscheduler").setLevel(logging.WARNING)
        # The default executor would call from a thread, where setting an asyncio event wakes nobody.
        self._scheduler: Scheduler = scheduler or AsyncIOScheduler(timezone=UTC, executors={"default": DebugExecutor()})
        self._started = False

    def add(self, name: str, seconds: float, jitter: float, callback: Callable[[], None]) -> None:
        """Call `callback` every `seconds` plus an evenly drawn 0 to `jitter` s, the first time after one interval.

        A second call with the same `name` replaces the first.
        """
        self._scheduler.add_job(
            callback,
            IntervalTrigger(seconds=seconds, jitter=jitter or None, timezone=UTC),
            id=name,
            name=name,
            replace_existing=True,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,  # late is better than not at all
        )

    def clear(self) -> None:
        """Forget all callbacks."""
        self._scheduler.remove_all_jobs()

    def start(self) -> None:
        """Begin calling; an event loop must be running."""
        self._started = True
        self._scheduler.start()

    def stop(self) -> None:
        """Call no more. Harmless when not started."""
        if self._started:
            self._started = False
            self._scheduler.shutdown(wait=False)


async def wait_for_wake(event: asyncio.Event, until: float, clock: Clock) -> bool:
    """Wait for `event`, but no longer than until the monotonic second `until`; tell whether the event is set.

    `event` stays set: clear it before looking at what it announces. Other tasks get a turn even when there is nothing
    to wait for.
    """
    await asyncio.sleep(0)
    try:
        async with asyncio.timeout(max(0.0, until - clock.monotonic())):
            await event.wait()
    except TimeoutError:
        return event.is_set()
    return True
