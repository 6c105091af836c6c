"""Says when the files that make up the desired state have changed, and are done changing.

The truth is our own look: signatures of all files at each poll, then (when one differs) waiting until they hold still,
then their content. Notification by the kernel only shortens the wait for the next look. What is reported is a change of
content: `touch`, `chmod` and a save without an edit report nothing.

How long files must hold still depends on how they were saved. A file written in place may be half written: it must
hold still for `settle`. A file that was replaced by another one in one go (an editor's or a tool's atomic save, a
symbolic link that was pointed elsewhere) is complete at the moment it appears: `SETTLE_REPLACED` is enough. That is
judged by what was seen: another, non-empty inode at each path that differs, with no absence and no further write in
between. A writer that removes the file, creates it again unseen, writes a part and pauses is taken for a save; so is
one that pauses longer than `settle` in an in-place write. Neither does lasting harm: the rest of the file is the next
change, and streams missing from a half file are only deleted after a time of grace.

Not guaranteed: that the content reported is still there when it is read. Whoever reads a newer one will be told again.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar

from reconciler.daemon.hints import DirectoryHints
from reconciler.daemon.signature import FileSignature, content_digest, directories, replaced_whole, take

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

    from reconciler.core.seams import Clock

__all__ = ["SETTLE_REPLACED", "Offload", "Watcher"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

SETTLE_REPLACED = 0.025
"""Seconds without change after which a file put in another's place is taken as complete.

Counted from our first look; a hint only comes when the directory has been quiet for a step of its own before.
"""

_LEAST_LOOKS = 4
"""So often files are looked at while they must hold still for `settle`, to notice the start of the quiet time."""

_TICK_NS = 20_000_000
"""File systems stamp with the kernel's coarse clock, which lags by up to one tick (10 ms at 100 Hz)."""


class Offload(Protocol):
    """Runs a blocking function away from the event loop, as `asyncio.to_thread` does."""

    async def __call__(self, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Return what `function` returns."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A file as it was when its content was last read."""

    signature: FileSignature
    content: str


class Watcher:
    """Watches the file at `path` and those it leads to. Times are seconds.

    `poll`: from one look to the next without a hint. `settle`: see the module. `max_settle`: the
    longest wait for a file that never holds still; it is then reported as it is. `offload`: all access to the file
    system goes through it, so that a network file system which hangs holds up nothing else.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]],
        poll: float = 2.0,
        settle: float = 0.25,
        max_settle: float = 2.0,
        hints: bool = True,
        offload: Offload = asyncio.to_thread,
    ) -> None:
        self._main = _absolute(path)
        self._clock, self._sleep, self._offload = clock, sleep, offload
        self._poll, self._settle, self._max_settle = poll, settle, max_settle
        self._settle_replaced = min(settle, SETTLE_REPLACED)
        self._use_hints = hints
        self._files: tuple[str, ...] = (self._main,)
        self._globs: tuple[str, ...] = ()
        self._known: dict[str, _Known] = {}
        self._wake = asyncio.Event()
        self._poked = False
        self._followed_anew = False
        self._confirm_at = 0.0
        self._handed_over_ns = 0

    def follow(self, files: Sequence[str], globs: Sequence[str]) -> None:
        """Watch `files` and what `globs` match, besides the main file, in place of those followed before.

        Call it with what the last load read. A file that is new here counts as changed only if it was changed since
        the change that led to that load was reported; otherwise the loader has seen it as it is.
        """
        wanted = tuple(dict.fromkeys((self._main, *(_absolute(file) for file in files))))
        patterns = tuple(_absolute(pattern) for pattern in globs)
        if (wanted, patterns) != (self._files, self._globs):
            self._files, self._globs = wanted, patterns
            self._followed_anew = True
            self._wake.set()

    def poke(self) -> None:
        """Report at the next turn even when nothing changed (SIGHUP: the user asks for another load)."""
        self._poked = True
        self._wake.set()

    async def changes(self) -> AsyncGenerator[float, None]:
        """Yield at once, then each time content has changed and settled; read the files after each.

        The value is the monotonic time at which the change was first noticed. Changes while the consumer is busy are
        reported as one. Close the generator (`contextlib.aclosing`) to end the watching. One at a time.
        """
        hints = DirectoryHints(self._wake.set, sleep=self._sleep) if self._use_hints else None
        hinting = asyncio.create_task(hints.run(), name="file-hints") if hints else None
        try:
            noticed = self._clock.monotonic()
            self._known = await self._offload(_read, await self._look(), {})
            while True:
                self._confirm_at = self._clock.monotonic() + self._poll
                self._handed_over_ns = time.time_ns()  # compared with time stamps of files, which know no other clock
                yield noticed
                noticed = await self._next_change(hints)
        finally:
            if hinting is not None:
                hinting.cancel()
                await asyncio.wait((hinting,))

    async def _next_change(self, hints: DirectoryHints | None) -> float:
        """Take turns until something is to be reported; return when it was noticed."""
        while True:
            if hints:
                hints.watch(await self._directories())
            await self._pause()
            self._wake.clear()
            noticed = self._clock.monotonic()
            if self._followed_anew and await self._take_in():
                self._poked = False
                return noticed
            confirm = noticed >= self._confirm_at
            current = await self._look()
            changed = False
            if confirm or current != self._signatures():
                changed = await self._settled_change(current, read_all=confirm)
            if changed or self._poked:
                self._poked = False
                return noticed

    async def _pause(self) -> None:
        """Wait for a hint, a poke, or the next poll."""
        if self._wake.is_set():
            return
        waits = (asyncio.ensure_future(self._sleep(self._poll)), asyncio.create_task(self._wake.wait()))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _take_in(self) -> bool:
        """Learn the files followed anew; tell whether one of them changed after the load that named it began."""
        self._followed_anew = False
        current = await self._look()
        new = {path: signature for path, signature in current.items() if path not in self._known}
        kept = {path: known for path, known in self._known.items() if path in current}
        self._known = kept | await self._offload(_read, new, {})
        return any(signature.ctime_ns >= self._handed_over_ns - _TICK_NS for signature in new.values())

    async def _settled_change(self, current: Mapping[str, FileSignature], *, read_all: bool) -> bool:
        """Wait until the files hold still, read what differs, and tell whether content changed."""
        deadline = self._clock.monotonic() + self._max_settle
        before = self._signatures()
        whole = replaced_whole(before, current)
        while True:
            if current != before:
                current = await self._hold_still(current, deadline, whole=whole)
            read = await self._offload(_read, current, {} if read_all else self._known)
            newer = await self._look()
            if newer == current or self._clock.monotonic() >= deadline:
                break
            current, whole = newer, False
        changed = {path: known.content for path, known in read.items()} != {
            path: known.content for path, known in self._known.items()
        }
        self._known = read
        self._confirm_at = float("inf") if read_all else self._clock.monotonic() + self._poll
        return changed

    async def _hold_still(
        self, current: Mapping[str, FileSignature], deadline: float, *, whole: bool
    ) -> Mapping[str, FileSignature]:
        """Return the signatures once they have stayed the same for long enough, or as they are at `deadline`.

        `whole`: all that happened so far was other files being put in place.
        """
        quiet_since = self._clock.monotonic()
        while True:
            needed = self._settle_replaced if whole else self._settle
            quiet_until = min(quiet_since + needed, deadline)
            left = quiet_until - self._clock.monotonic()
            if left <= 0:
                return current
            await self._sleep(min(left, self._settle / _LEAST_LOOKS))
            newer = await self._look()
            if newer != current:
                whole = whole and replaced_whole(current, newer)
                current, quiet_since = newer, self._clock.monotonic()

    async def _look(self) -> dict[str, FileSignature]:
        return await self._offload(take, self._files, self._globs)

    def _signatures(self) -> dict[str, FileSignature]:
        return {path: known.signature for path, known in self._known.items()}

    async def _directories(self) -> dict[str, tuple[int, int]]:
        return await self._offload(directories, (*self._files, *self._known), self._globs)


def _absolute(path: str | Path) -> str:
    """Return `path` from the root, links and `..` left as they are: both may lead elsewhere tomorrow."""
    return str(Path(path).absolute())


def _read(current: Mapping[str, FileSignature], known: Mapping[str, _Known]) -> dict[str, _Known]:
    """Return `current` with content, taken from `known` where the signature is the same."""
    read: dict[str, _Known] = {}
    for path, signature in current.items():
        earlier = known.get(path)
        same = earlier is not None and earlier.signature == signature
        read[path] = earlier if earlier and same else _Known(signature, content_digest(path))
    return read
