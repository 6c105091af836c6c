"""Tells the watcher that something happened in a directory, so that it need not wait for its next poll.

Watches directories, because a watched file is lost with its inode at the first atomic save. Directories are armed anew
when one of them is replaced or another one is to be watched.

Not guaranteed: anything. Hints come late, twice, for files of others, or (network file systems, exhausted inotify
watches, a directory that may not be listed) never; whoever uses them looks for himself and polls besides.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from watchfiles import awatch

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

__all__ = ["DirectoryHints"]

log = logging.getLogger(__name__)

_STEP_MS = 20
"""A hint comes one to two steps after its cause. Half of it costs twice the idle CPU: 0.4 % of a core as it is."""

_DEBOUNCE_MS = 200
_LOOK_AGAIN = 0.1
_RETRY = 10.0


class DirectoryHints:
    """Calls `wake` when an entry of a watched directory may have changed."""

    def __init__(self, wake: Callable[[], None], *, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._wake = wake
        self._sleep = sleep
        self._wanted: Mapping[str, tuple[int, int]] = {}
        self._rearm = asyncio.Event()
        self._trouble = ""

    def watch(self, directories: Mapping[str, tuple[int, int]]) -> None:
        """Watch `directories` (path -> device and inode) from now on. Cheap when they are the same as before."""
        if directories != self._wanted:
            self._wanted = directories
            self._rearm.set()

    async def run(self) -> None:
        """Give hints until cancelled. Trouble with notification is logged once and retried; it never ends this."""
        # Its INFO lines count the changes of every file of the directory.
        logging.getLogger("watchfiles").setLevel(logging.WARNING)
        while True:
            self._rearm = asyncio.Event()
            if not self._wanted:
                await self._rearm.wait()
                continue
            # Nobody reports what happened before the directories were armed.
            look_again = asyncio.get_running_loop().call_later(_LOOK_AGAIN, self._wake)
            try:
                await self._relay(list(self._wanted))
            except Exception as error:  # noqa: BLE001 - no trouble with a hint is worth the daemon
                await self._rest(error)
            finally:
                look_again.cancel()

    async def _relay(self, directories: list[str]) -> None:
        changes: AsyncGenerator[object, None] = awatch(
            *directories,
            watch_filter=None,
            debounce=_DEBOUNCE_MS,
            step=_STEP_MS,
            stop_event=self._rearm,
            force_polling=False,  # the watcher's own polls are better at it
            recursive=False,
        )
        async with contextlib.aclosing(changes):
            async for _ in changes:
                self._trouble = ""
                self._wake()

    async def _rest(self, error: Exception) -> None:
        """Log new trouble, then wait before arming again."""
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        trouble = f"{type(error).__name__}: {error}"
        if trouble != self._trouble:
            self._trouble = trouble
            log.warning(
                "file change notification does not work here, changes are found by polling",
                extra={"fields": {"error": trouble}},
            )
        await self._sleep(_RETRY)
