"""The machine's clocks, given to everything that needs the time.

Not guaranteed: `time` jumps when somebody sets the clock; decide by `monotonic`, show `time`.
"""

from __future__ import annotations

import time

__all__ = ["SystemClock"]


class SystemClock:
    """Both clocks."""

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def time(self) -> float:
        """Seconds since the epoch."""
        return time.time()
