"""Cameras, and what a path has of one over time. Pure: every step is told what time it is (monotonic seconds).

As real servers do it (mediamtx-api 3.2, 3.3): a source is tried again 5 s after each failure, for ever; a camera that
falls silent stays `ready` for 10 s; the byte counter belongs to one connection and begins anew with the next.

Not guaranteed: bytes come at an even rate; there is no media behind them. An attempt fails at once, however it fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["READ_TIMEOUT", "RETRY", "Camera", "Connection", "Mode"]

RETRY = 5.0
READ_TIMEOUT = 10.0


class Mode(Enum):
    """How a camera behaves."""

    LIVE = auto()
    DEAD = auto()
    """Takes no connections, and has dropped those it had."""
    FROZEN = auto()
    """Keeps its connections open and sends nothing."""
    REFUSING = auto()
    """Serves the connections it has and takes no more, as a camera does that has no session left."""


class Camera:
    """One source. `connect_time` is seconds until a new connection delivers, `rate` bytes a second.

    `switch` makes a camera another: whoever has connections to it lives up to that moment first.
    """

    def __init__(
        self, switch: Callable[[Camera, Mode], None], *, connect_time: float = 0.2, rate: int = 250_000
    ) -> None:
        self.connect_time, self.rate = connect_time, rate
        self.mode = Mode.LIVE
        self._switch = switch

    def die(self) -> None:
        """Drop all connections and take no more, now."""
        self._switch(self, Mode.DEAD)

    def freeze(self) -> None:
        """Fall silent, now."""
        self._switch(self, Mode.FROZEN)

    def refuse(self) -> None:
        """Take no more connections, from now on."""
        self._switch(self, Mode.REFUSING)

    def come_back(self) -> None:
        """Work again, from now on; whoever was cut off finds out with his next attempt."""
        self._switch(self, Mode.LIVE)


@dataclass(slots=True)
class Connection:
    """What one path has of its camera. Call `advance` up to a moment before the camera's mode is changed at it.

    `last_ready`: when it last became ready. `carried`: bytes of the connections before the present one.
    """

    camera: Camera
    next_try: float
    ready_since: float | None = None
    silent_since: float | None = None
    last_ready: float | None = None
    carried: int = 0
    _counted: int = 0
    _counting_since: float = 0.0

    def advance(self, now: float) -> None:
        """Live through the time until `now`, in which the camera's mode did not change."""
        if self.ready_since is not None:
            self._keep(now)
        if self.ready_since is None:
            self._try(now)

    def drop(self, now: float) -> None:
        """Lose the connection at `now`."""
        self.carried += self.bytes_in(now)
        self.ready_since = self.silent_since = None
        self.next_try = now + RETRY

    def feel(self, now: float) -> None:
        """Take notice that the camera's mode has just been changed."""
        silent = self.camera.mode is Mode.FROZEN
        if self.ready_since is not None and silent and self.silent_since is None:
            self._counted, self.silent_since = self.bytes_in(now), now
        elif not silent and self.silent_since is not None:
            # What was missed is not made up for.
            self._counting_since, self.silent_since = now, None
        self.advance(now)

    def bytes_in(self, now: float) -> int:
        """Return the bytes of the present connection; 0 when there is none."""
        if self.ready_since is None:
            return 0
        if self.silent_since is not None:
            return self._counted
        return self._counted + int(max(0.0, now - self._counting_since) * self.camera.rate)

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
                    self.ready_since = self.last_ready = self._counting_since = delivers
                    self._counted = 0
                return
            self.next_try += RETRY
