"""Since when each stream is wanted, and when it last stopped being wanted; kept in the store over restarts.

Not guaranteed: a stream edited while the daemon was down counts from when the daemon first read it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.store import WantedTimes

if TYPE_CHECKING:
    from reconciler.core.model import Desired
    from reconciler.daemon.seams import Records

__all__ = ["note_wanted"]


def note_wanted(store: Records, desired: Desired, now: float) -> None:
    """Bring the kept times in line with `desired`; `now` is seconds since the epoch."""
    kept = store.wanted_times()
    times: dict[str, WantedTimes] = {}
    for stream in desired.streams.values():
        before = kept.get(stream.name)
        wanted_before = before is not None and before.started_at is not None and before.stopped_at is None
        if stream.enabled and not wanted_before:
            times[stream.name] = WantedTimes(started_at=now, stopped_at=None)
        elif not stream.enabled and wanted_before and before is not None:
            times[stream.name] = WantedTimes(started_at=before.started_at, stopped_at=now)
        else:
            times[stream.name] = before or WantedTimes(started_at=None, stopped_at=None)
    if times != kept:
        store.keep_wanted_times(times)
