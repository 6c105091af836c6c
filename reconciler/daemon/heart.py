"""Is the daemon's own loop alive? Each loop promises when it will be heard of again, and is dead when it breaks that.

A promise, not a fixed period: a loop that waits 30 s for its next pass and one that waits 2 s for an answer are both
judged by their own word. The systemd watchdog and `/health` both ask here.

Not guaranteed: a loop that is heard of may still achieve nothing; that is what the passes' metrics tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.core.seams import Clock

__all__ = ["Heart"]

_MARGIN = 15.0


class Heart:
    """The promises of all loops."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: dict[str, float] = {}

    def beat(self, who: str, *, within: float) -> None:
        """Note that `who` is alive and promises to beat again within so many seconds (plus a margin of 15)."""
        self._due[who] = self._clock.monotonic() + within + _MARGIN

    def forget(self, who: str) -> None:
        """Expect nothing more of `who`: it has ended as it should."""
        self._due.pop(who, None)

    def alive(self) -> tuple[bool, str]:
        """Say whether all promises are kept, and name the loops that broke theirs."""
        now = self._clock.monotonic()
        late = sorted(who for who, due in self._due.items() if due < now)
        if late:
            return False, "not heard of in time: " + ", ".join(late)
        return True, "all loops are heard of"
