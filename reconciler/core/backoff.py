"""Exponential back-off with full jitter: how long to leave a failing thing alone.

The n-th wait is drawn evenly from 0 to min(cap, base * 2^(n-1)) seconds, never less than a tenth of that bound, so that
many failures of one moment do not come back in one moment ("full jitter", AWS architecture blog 2015).

Not guaranteed: it knows nothing of what failed; the caller forgets a failure when it has succeeded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BASE", "CAP", "Failure", "failed"]

BASE = 0.5
CAP = 60.0
_LEAST_SHARE = 0.1
_MAX_EXPONENT = 16


@dataclass(frozen=True, slots=True)
class Failure:
    """So many failures in a row, the last with `message` (redacted); wait until `not_before` (monotonic seconds)."""

    attempts: int
    not_before: float
    message: str


def failed(previous: Failure | None, message: str, *, now: float, draw: Callable[[], float]) -> Failure:
    """Return the failure that follows `previous`; `draw` gives evenly distributed numbers in [0, 1)."""
    attempts = previous.attempts + 1 if previous else 1
    bound = min(CAP, BASE * 2 ** min(attempts - 1, _MAX_EXPONENT))
    return Failure(attempts, now + bound * max(_LEAST_SHARE, draw()), message)
