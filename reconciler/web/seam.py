"""What the web edge may know of the daemon: two questions, answered by immutable values.

Both are asked in the event loop's thread and nowhere else; what takes long is then done with the answer, in another.

Not guaranteed: nothing here changes the daemon; calls that do come with their own seam.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from fastapi import Request  # noqa: TC002 - FastAPI reads it at run time

from reconciler.core.board import Board  # noqa: TC001 - FastAPI reads it at run time

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["Daemon", "attach", "daemon_of", "present_board"]


class Daemon(Protocol):
    """The running daemon as HTTP sees it."""

    def board(self) -> Board:
        """Return the present picture of everything."""

    def alive(self) -> tuple[bool, str]:
        """Say whether the daemon's own loops are heard of, and in one sentence which ones are not."""


def attach(app: FastAPI, daemon: Daemon) -> None:
    """Make `daemon` the one that the routes of `app` ask."""
    app.state.daemon = daemon


def daemon_of(request: Request) -> Daemon:
    """Return the daemon that a route is to ask."""
    daemon: Daemon = request.app.state.daemon
    return daemon


async def present_board(request: Request) -> Board:
    """Return the present board: a dependency for routes that run in a worker thread."""
    return daemon_of(request).board()
