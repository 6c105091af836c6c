"""Sockets and signals of the commands that serve until Ctrl-C: `simulate` and `demo`.

Not guaranteed: a port found free may be taken a moment later; who binds it has it.
"""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from reconciler.errors import SettingsError
from reconciler.spec.quantities import address

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["bind", "bind_near", "parse_address", "stop_on_signals"]

_BACKLOG = 128


def parse_address(text: str) -> tuple[str, int]:
    """Read HOST:PORT.

    Raises:
        SettingsError: it is none.
    """
    try:
        return address(text)
    except ValueError as error:
        raise SettingsError(f"{text}: {error}") from None


def bind(host: str, port: int) -> socket.socket:
    """Return a socket listening on the address; port 0 takes any free one.

    Raises:
        SettingsError: it is taken, or not ours.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)  # who connects from now on waits until we serve
    except OSError as error:
        listener.close()
        taken = error.errno == errno.EADDRINUSE
        reason = "another program listens there: choose another with --listen" if taken else error.strerror
        raise SettingsError(f"cannot listen on {host}:{port}: {reason}") from None
    return listener


def bind_near(host: str, port: int) -> socket.socket:
    """Return a socket listening on the address or, when it is taken, to any free port of that host."""
    try:
        return bind(host, port)
    except SettingsError:
        return bind(host, 0)


@asynccontextmanager
async def stop_on_signals() -> AsyncIterator[asyncio.Event]:
    """Give an event that SIGINT and SIGTERM set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
