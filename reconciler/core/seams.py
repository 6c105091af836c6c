"""Protocols between the pure core and the edges: time is passed in, never taken."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Clock"]


class Clock(Protocol):
    """Two clocks: one that never jumps, to decide by; one that people read, to show."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""

    def time(self) -> float:
        """Seconds since the epoch; may jump."""
