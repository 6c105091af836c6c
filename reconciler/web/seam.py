"""What the web edge may know of the daemon: two questions, answered by immutable values.

Both are asked from the event loop and from worker threads, so they must not wait and must not need a lock.

Not guaranteed: nothing here changes the daemon; calls that do come with their own seam.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from reconciler.core.board import Board

__all__ = ["Daemon"]


class Daemon(Protocol):
    """The running daemon as HTTP sees it."""

    def board(self) -> Board:
        """Return the present picture of everything."""

    def alive(self) -> tuple[bool, str]:
        """Say whether the daemon's own loops are heard of, and in one sentence which ones are not."""
