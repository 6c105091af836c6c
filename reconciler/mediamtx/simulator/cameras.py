"""Cameras, and what a path shows of one over time. Pure: every step is told what time it is (monotonic seconds).

As real servers do it (mediamtx-api 3.2, 3.3): a source is tried again 5 s after each failure, for ever; a camera that
falls silent stays `ready` for 10 s; the byte counter belongs to one connection and begins anew with the next.

Not guaranteed: bytes come at an even rate; there is no media behind them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

__all__ = ["READ_TIMEOUT", "RETRY", "Camera", "Connection", "Mode"]

RETRY = 5.0
READ_TIMEOUT = 10.0


class Mode(Enum):
    """How a camera behaves."""

    LIVE = auto()
    DEAD = auto()
    """Refuses connections, and has dropped those it had."""
    FROZEN = auto()
    """Keeps its connections open and sends nothing."""


class Camera:
    """One source. `connect_time` is seconds until a new connection delivers, `rate` bytes a second."""

    def __init__(self, *, connect_time: float = 0.2, rate: int = 250_000) -> None:
        self.connect_time, self.rate = connect_time, rate
        self.mode = Mode.LIVE


@dataclass(slots=True)
class Connection:
    """What one path has of its camera. Call `advance` up to a moment before the camera's mode is changed at it."""

    camera: Camera
    next_try: float
    ready_since: float | None = None
    silent_since: float | None = None
    seen: float = 0.0

    def advance(self, now: float) -> None:
        """Live through the time until `now`, in which the camera's mode did not change."""
        self.seen = max(self.seen, now)
        if self.ready_since is not None:
            self._keep(now)
        if self.ready_since is None:
            self._try(now)

    def drop(self, now: float) -> None:
        """Lose the connection at `now`."""
        self.ready_since = self.silent_since = None
        self.next_try = now + RETRY

    def bytes_in(self, now: float) -> int:
        """Return the bytes of the present connection; 0 when there is none."""
        if self.ready_since is None:
            return 0
        until = now if self.silent_since is None else self.silent_since
        return int(max(0.0, until - self.ready_since) * self.camera.rate)

    def _keep(self, now: float) -> None:
        if self.camera.mode is Mode.DEAD:
            self.drop(now)
        elif self.silent_since is not None and now - self.silent_since >= READ_TIMEOUT:
            self.drop(self.silent_since + READ_TIMEOUT)

    def _try(self, now: float) -> None:
        while self.next_try <= now:
            delivers = self.next_try + self.camera.connect_time
            if self.camera.mode is Mode.LIVE:
                if delivers <= now:
                    self.ready_since, self.silent_since = delivers, None
                return
            self.next_try += RETRY
