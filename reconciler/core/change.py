"""What one pass would do to one server, as a value.

It can be shown, counted, refused and applied; it never runs by itself.

Field values in a change are as the server would print them; `Change.fields` of secret options carry masked text, so a
plan may be printed anywhere.

Not guaranteed: a plan is true only for the reads it was made from; the reader counts are a moment's.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.core.model import Action

if TYPE_CHECKING:
    from reconciler.core.model import Cause, Hold, Json, Stream

__all__ = ["Change", "Conflict", "FieldChange", "Held", "Plan"]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One option of an update: from what to what. Secrets are masked in both."""

    option: str
    before: Json
    after: Json


@dataclass(frozen=True, slots=True)
class Change:
    """One write. `readers` are those connected now; `restarts` says that they would be cut (mediamtx-api 4.1)."""

    action: Action
    name: str
    server: str
    cause: Cause
    fields: tuple[FieldChange, ...] = ()
    restarts: bool = False
    readers: int = 0
    stream: Stream | None = None
    """What to send; None for a delete."""

    @property
    def effect(self) -> str:
        """`in place`, `restarts, N readers`, `removes, N readers` or `adds`."""
        readers = "1 reader" if self.readers == 1 else f"{self.readers} readers"
        if self.action is Action.CREATE:
            return "adds"
        if self.action is Action.DELETE:
            return f"removes, {readers}"
        return f"restarts, {readers}" if self.restarts else "in place"


@dataclass(frozen=True, slots=True)
class Held:
    """A change that is planned but not allowed now. `until`: monotonic seconds, None when time does not free it."""

    change: Change
    hold: Hold
    message: str
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Conflict:
    """A path of the same name is there, is not ours, and differs."""

    name: str
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """All of one pass over one server, in the order in which it is applied.

    `in_sync` are names whose path equals its desired form, `adopted` those of them that were not in the inventory,
    `settling` those written so recently that the server may not show it yet, `gone` inventory names that are neither
    wanted nor on the server, `foreign` live paths that are not ours, `drifted` owned names that somebody else changed.
    """

    server: str
    changes: tuple[Change, ...] = ()
    held: tuple[Held, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    in_sync: frozenset[str] = frozenset()
    adopted: tuple[Stream, ...] = ()
    settling: frozenset[str] = frozenset()
    gone: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    drifted: frozenset[str] = frozenset()

    @property
    def digest(self) -> str:
        """Twelve hex digits that name exactly these changes, held ones included."""
        everything = [*self.changes, *(held.change for held in self.held)]
        facts = sorted([c.action.value, c.name, c.stream.digest if c.stream else ""] for c in everything)
        text = json.dumps([self.server, facts])
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def wake_at(self) -> float | None:
        """Monotonic second at which the first held change may go, None when none waits for time."""
        return min((held.until for held in self.held if held.until is not None), default=None)
