"""Listens and serves: uvicorn, without what it does to the process it runs in.

The sockets are bound before anything else starts, so that a taken port is an error like any other (uvicorn would end
the process); signals stay the daemon's.

Not guaranteed: `stop()` waits for answers under way, but not longer than two seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from typing import TYPE_CHECKING

import uvicorn

from reconciler.errors import SettingsError
from reconciler.web.guard import check_listen_host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp

__all__ = ["WebServer"]

log = logging.getLogger(__name__)

_GRACE_SECONDS = 2
_BACKLOG = 128


class _Quiet(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the process's signals alone."""
        yield


class WebServer:
    """One application on one address."""

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        """Bind at once; port 0 takes any free one. `stop` closes what is bound, served or not.

        Raises:
            SettingsError: the address may not be listened on, or cannot be.
        """
        check_listen_host(host)
        self._host = host
        self._sockets = _bind(host, port)
        config = uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            access_log=False,
            log_config=None,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        self._server = _Quiet(config)
        self._ended = asyncio.Event()
        self._ended.set()

    @property
    def port(self) -> int:
        """The port listened on."""
        port: int = self._sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """Where to ask, such as `http://127.0.0.1:9810`."""
        return f"http://{_written(self._host, self.port)}"

    async def serve(self) -> None:
        """Serve until `stop` is called or the task is cancelled; the sockets are closed in either case."""
        if self._server.should_exit:
            return
        self._ended.clear()
        log.info("listening on %s", self.url)
        try:
            await self._server.serve(sockets=self._sockets)
        except asyncio.CancelledError:
            self._server.force_exit = True
            if self._server.started:
                await self._server.shutdown(sockets=self._sockets)
            raise
        finally:
            self._close()
            self._ended.set()

    async def stop(self) -> None:
        """Have `serve` finish what is under way, wait for its end, and close the sockets. May be called again."""
        self._server.should_exit = True
        await self._ended.wait()
        self._close()

    def _close(self) -> None:
        for listener in self._sockets:
            listener.close()


def _written(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _bind(host: str, port: int) -> list[socket.socket]:
    """Bind every address of `host` (`localhost` has two) to the same port.

    Raises:
        SettingsError: no address of `host` can be listened on.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise SettingsError(f"daemon.listen: {host} is not an address of this machine: {error.strerror}") from error
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            taken = sockets[0].getsockname()[1] if sockets else port
            listener = socket.socket(family, kind, protocol)
            try:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                listener.bind((address[0], taken, *address[2:]))
                listener.listen(_BACKLOG)
            except OSError as error:
                listener.close()
                if error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT} or len(found) == 1:
                    raise
            else:
                sockets.append(listener)
    except OSError as error:
        for listener in sockets:
            listener.close()
        raise SettingsError(_why(host, port, error)) from error
    if not sockets:
        raise SettingsError(f"daemon.listen: no address of {host} is there on this machine")
    return sockets


def _why(host: str, port: int, error: OSError) -> str:
    where = f"cannot listen on {_written(host, port)} (daemon.listen)"
    if error.errno == errno.EADDRINUSE:
        return (
            f"{where}: another program, perhaps another reconciler, already does: stop it "
            f"(ss -ltnp 'sport = :{port}' names it), or set daemon.listen to another port"
        )
    if error.errno == errno.EACCES:
        return f"{where}: ports below 1024 need a privilege: set daemon.listen to a higher port"
    return f"{where}: {error.strerror}"
