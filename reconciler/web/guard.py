"""Who may talk to us, as long as there are no tokens: programs on this machine, and nobody's web page.

A page on the internet can point its own host name at 127.0.0.1 and have the visitor's browser ask us (DNS rebinding);
such a request carries that name in `Host`, so any name but our own is refused.

Not guaranteed: every local user and program can read what is served.
"""

from __future__ import annotations

import ipaddress
from http import HTTPStatus
from typing import TYPE_CHECKING

from reconciler.errors import SettingsError
from reconciler.web.problems import problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["HostGuard", "check_listen_host", "is_loopback"]


def is_loopback(host: str) -> bool:
    """Whether `host` (a name or an address without brackets) can only mean this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_listen_host(host: str) -> None:
    """Hold the one rule on where to listen: on this machine only.

    Raises:
        SettingsError: `host` is, or may be, reachable from elsewhere.
    """
    if not is_loopback(host):
        raise SettingsError(
            f"daemon.listen: {host or 'every address'} can be reached from other machines, and there is no login yet: "
            "listen on 127.0.0.1, and let others in through a reverse proxy with a login, or an ssh tunnel "
            "(ssh -L 9810:127.0.0.1:9810 this-machine)"
        )


class HostGuard:
    """ASGI middleware: refuses foreign host names, and answers HEAD wherever there is a GET."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 421."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        # HTTP/1.0 needs none; browsers, whom this is about, always send one.
        if not all(is_loopback(_without_port(host)) for host in hosts):
            answer = problem(
                HTTPStatus.MISDIRECTED_REQUEST,
                "This host name is not ours: ask for 127.0.0.1 or localhost. A reverse proxy must send that as Host.",
            )
            await answer(scope, receive, send)
            return
        # The server leaves the body out itself; it keeps a scope of its own.
        inner = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        await self._app(inner, receive, send)


def _without_port(host: str) -> str:
    """`[::1]:9810` -> `::1`, `localhost:9810` -> `localhost`."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
