"""What the daemon remembers of one server between two passes, and what may be concluded from it.

Only the inventory outlives the process; everything else is rebuilt by looking again, so that forgetting it costs at
most one needless try.

Not guaranteed: the inventory may name paths the server no longer has (they are `gone` in the next plan).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from reconciler.core.backoff import Failure
    from reconciler.core.model import Desired, Owned

__all__ = ["Memory", "Rejection", "Written", "note_missing"]


@dataclass(frozen=True, slots=True)
class Rejection:
    """A spec the server refused. It stays refused while spec, server and `surroundings` stay the same.

    `surroundings` names everything else the server judged together with it: MediaMTX validates its whole
    configuration at each write, so another path's fault can refuse ours (mediamtx-api 0.10). None: quarantined, that
    is refused whatever else changes, because the server died while this was written.
    """

    digest: str
    surroundings: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Written:
    """A write the server answered with 200; 1.20.1 shows it a little later (mediamtx-api 4.5)."""

    digest: str
    at: float


@dataclass(frozen=True, slots=True)
class Memory:
    """All by stream name. `missing_since`: inventory names absent from the desired state, since when (monotonic s)."""

    inventory: Mapping[str, Owned] = field(default_factory=dict)
    missing_since: Mapping[str, float] = field(default_factory=dict)
    failures: Mapping[str, Failure] = field(default_factory=dict)
    rejections: Mapping[str, Rejection] = field(default_factory=dict)
    written: Mapping[str, Written] = field(default_factory=dict)
    lost: bool = False
    """The server restarted or reloaded its file since it was last in sync: what is missing is to be restored."""


def note_missing(memory: Memory, desired: Desired, now: float) -> Memory:
    """Start the grace of names that left the desired state, and end that of names that came back."""
    known: Collection[str] = desired.streams.keys() | desired.set_aside.keys()
    missing = {name: memory.missing_since.get(name, now) for name in memory.inventory if name not in known}
    return memory if missing == memory.missing_since else replace(memory, missing_since=missing)
