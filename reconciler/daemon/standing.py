"""Where each stream's configuration stands on its server, derived from the present plan.

Not guaranteed: between two passes a standing changes only by our own writes; a foreign edit shows at the next pass.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.core.model import Hold, Sync

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reconciler.core.change import Plan
    from reconciler.core.model import Stream

__all__ = ["UNKNOWN", "Standing", "standings_of", "tell_drift", "tell_holds"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """A sync word, and why it is not `in_sync`."""

    sync: Sync
    hold: Hold | None = None
    message: str = ""


UNKNOWN = Standing(Sync.UNKNOWN)
_IN_SYNC = Standing(Sync.IN_SYNC)
_SYNC_OF_HOLD = {Hold.REJECTED: Sync.REJECTED, Hold.CONFLICT: Sync.CONFLICT}


def standings_of(plan: Plan, streams: Iterable[Stream]) -> dict[str, Standing]:
    """Return each stream's standing; one the plan does not touch (stopped, and not there) is in sync."""
    standings = {stream.name: _IN_SYNC for stream in streams}
    for change in plan.changes:
        standings[change.name] = Standing(Sync.PENDING, None, f"{change.action.value}: {change.effect}")
    for held in plan.held:
        sync = _SYNC_OF_HOLD.get(held.hold, Sync.HELD)
        standings[held.change.name] = Standing(sync, held.hold, held.message)
    return standings


def tell_holds(before: Plan | None, plan: Plan) -> None:
    """Log what `plan` holds that the one before did not; a failure was told when it happened."""
    known = {(held.change.name, held.hold, held.message) for held in before.held} if before else set()
    for held in plan.held:
        if held.hold is not Hold.BACK_OFF and (held.change.name, held.hold, held.message) not in known:
            fields = {"server": plan.server, "stream": held.change.name, "hold": held.hold.value, "why": held.message}
            log.warning("%s of %s is held", held.change.action.value, held.change.name, extra={"fields": fields})


def tell_drift(server: str, names: Iterable[str]) -> None:
    """Log that somebody else has changed paths of ours."""
    for name in sorted(names):
        fields = {"server": server, "stream": name}
        log.warning("%s was changed by somebody else: putting it back", name, extra={"fields": fields})
