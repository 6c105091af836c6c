"""What the daemon writes down about one server while it works: the inventory in the store, the rest in memory.

The one place where `Memory`, which the core decides by, comes from and changes.

Not guaranteed: a name in the inventory may have been claimed just before a crash and never been written; the next
plan finds out by looking.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.backoff import Failure, failed
from reconciler.core.memory import Memory, Rejection, Written, note_missing
from reconciler.core.model import Action, Owned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reconciler.core.change import Change, Plan
    from reconciler.core.model import Desired, Stream
    from reconciler.core.seams import Clock
    from reconciler.daemon.seams import Records

__all__ = ["Notebook"]

_CLAIMED = ""
"""Digest of a path we are about to create, or have just deleted: ours if it appears, but of no form we know."""


class Notebook:
    """Mutable memory of one server."""

    def __init__(self, server: str, *, store: Records, clock: Clock, draw: Callable[[], float]) -> None:
        self._server, self._store, self._clock, self._draw = server, store, clock, draw
        self._inventory = store.inventory(server)
        self._missing_since: dict[str, float] = {}
        self._failures: dict[str, Failure] = {}
        self._rejections: dict[str, Rejection] = {}
        self._written: dict[str, Written] = {}
        self._lost = False

    def memory(self, desired: Desired | None = None) -> Memory:
        """Return the present memory; `desired`, when given, starts and ends the grace of vanished names."""
        memory = Memory(
            inventory=self._inventory,
            missing_since=self._missing_since,
            failures=self._failures,
            rejections=self._rejections,
            written=self._written,
            lost=self._lost,
        )
        if desired is None:
            return memory
        memory = note_missing(memory, desired, self._clock.monotonic())
        self._missing_since = dict(memory.missing_since)
        return memory

    def owns(self, name: str) -> bool:
        """Whether `name` is in the inventory."""
        return name in self._inventory

    def owned_names(self) -> set[str]:
        """Return a copy of the inventory's names."""
        return set(self._inventory)

    def claim(self, changes: Iterable[Change]) -> None:
        """Write down, before the first write, what is about to be created: a kill in between must not orphan it."""
        new = [
            self._entry(change.name, _CLAIMED, change.cause.value)
            for change in changes
            if change.action is not Action.DELETE and change.name not in self._inventory
        ]
        if new:
            self._own(new)

    def adopt(self, streams: Iterable[Stream]) -> None:
        """Take paths into the inventory that already are as desired."""
        self._own([self._entry(stream.name, stream.digest, "adopted") for stream in streams])

    def applied(self, change: Change) -> None:
        """Note a write the server accepted."""
        now = self._clock.monotonic()
        self._failures.pop(change.name, None)
        self._rejections.pop(change.name, None)
        if change.action is not Action.CREATE:
            # What was refused because of another path of ours may pass now that there is less, or other, beside it.
            self._rejections = {name: told for name, told in self._rejections.items() if told.surroundings is None}
        if change.stream is None:
            self._written[change.name] = Written("", now)
            self._own([self._entry(change.name, _CLAIMED, change.cause.value)])  # until it is seen to be gone
            return
        self._written[change.name] = Written(change.stream.digest, now)
        self._own([self._entry(change.name, change.stream.digest, change.cause.value)])

    def failure(self, name: str) -> Failure | None:
        """Return the failures in a row of a stream, if the last write did not work."""
        return self._failures.get(name)

    def forget_failures(self, plan: Plan) -> None:
        """Drop failures of what needs no write any more, be it that it was done after all, or is not wanted."""
        concerned = {change.name for change in plan.changes} | {held.change.name for held in plan.held}
        self._failures = {name: failure for name, failure in self._failures.items() if name in concerned}

    def failed(self, name: str, message: str) -> Failure:
        """Note a write that did not work, and leave the stream alone for a while."""
        failure = failed(self._failures.get(name), message, now=self._clock.monotonic(), draw=self._draw)
        self._failures[name] = failure
        return failure

    def rejected(self, stream: Stream, surroundings: str, message: str) -> None:
        """Note a spec that must not be sent again as things are."""
        self._failures.pop(stream.name, None)
        self._rejections[stream.name] = Rejection(stream.digest, surroundings, message)

    def quarantined(self, stream: Stream, message: str) -> None:
        """Note a spec that must not be sent again whatever else changes: the server died of it, or so it seems."""
        self._failures.pop(stream.name, None)
        self._rejections[stream.name] = Rejection(stream.digest, None, message)
        self.unclaim([stream.name])

    def unclaim(self, names: Iterable[str]) -> None:
        """Give back names that were claimed and never written: what appears there is not ours."""
        never = [name for name in names if (own := self._inventory.get(name)) and own.digest == _CLAIMED]
        self.gone(never)

    def gone(self, names: Iterable[str]) -> None:
        """Drop names from the inventory that are neither wanted nor on the server."""
        names = list(names)
        if not names:
            return
        self._store.disown(self._server, names)
        for name in names:
            self._inventory.pop(name, None)
            self._missing_since.pop(name, None)
            self._written.pop(name, None)

    def server_lost_everything(self) -> None:
        """The server restarted or reloaded its file: nothing written before holds, nothing that failed must again."""
        self._written.clear()
        self._failures.clear()
        self._lost = True

    def in_sync(self) -> None:
        """Everything wanted is there: what goes missing from now on is drift."""
        self._lost = False

    def just_written(self, settle: float) -> set[str]:
        """Names written within the last `settle` seconds: the server may not show them yet."""
        horizon = self._clock.monotonic() - settle
        return {name for name, written in self._written.items() if written.at > horizon}

    def forget_settled(self, settle: float) -> None:
        """Drop writes the server has had time to show."""
        recent = self.just_written(settle)
        self._written = {name: written for name, written in self._written.items() if name in recent}

    def earliest_retry(self, names: Iterable[str]) -> float | None:
        """Monotonic second at which the first of `names` that failed may be tried again."""
        failures = (self._failures.get(name) for name in names)
        return min((failure.not_before for failure in failures if failure is not None), default=None)

    def _own(self, entries: list[Owned]) -> None:
        if entries:
            self._store.own(entries)
            self._inventory.update({entry.name: entry for entry in entries})

    def _entry(self, name: str, digest: str, cause: str) -> Owned:
        return Owned(name, self._server, digest, self._clock.time(), cause)
