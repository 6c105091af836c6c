"""The simulated server on a real socket, for `reconciler simulate`, the demo, and anybody's CI.

Cameras are told what to do by `POST /simulator/cameras?source=URL&do=die|freeze|live`; that route is ours, MediaMTX has
no such thing.

Not guaranteed: one request at a time, plain HTTP, no TLS.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import uvicorn

from reconciler.mediamtx.simulator.answers import CrashedError, Response
from reconciler.mediamtx.simulator.cameras import Mode

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from reconciler.mediamtx.simulator.simulator import Simulator

__all__ = ["serve"]

_MODES = {"die": Mode.DEAD, "freeze": Mode.FROZEN, "live": Mode.LIVE}
_CONTROL = "/simulator/cameras"


class _Quiet(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the process's signals alone."""
        yield


async def serve(simulator: Simulator, listener: socket.socket) -> None:
    """Serve on a bound socket until cancelled."""
    config = uvicorn.Config(
        _Application(simulator),
        lifespan="off",
        ws="none",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=1,
    )
    server = _Quiet(config)
    try:
        await server.serve(sockets=[listener])
    except asyncio.CancelledError:
        server.force_exit = True
        if server.started:
            await server.shutdown(sockets=[listener])
        raise
    finally:
        listener.close()


class _Application:
    """ASGI, with the path as it was sent: names are percent-encoded and must not be normalised."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        query = scope["query_string"].decode()
        target = scope["raw_path"].decode() + (f"?{query}" if query else "")
        headers = {key.decode().lower(): value.decode("latin-1") for key, value in scope["headers"]}
        answer = self._answer(scope["method"], target, headers, body)
        await asyncio.sleep(answer.delay)
        sent = [(key.encode(), value.encode()) for key, value in answer.headers.items()]
        sent.append((b"content-length", str(len(answer.body)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": sent})
        await send({"type": "http.response.body", "body": answer.body})

    def _answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Response:
        path, _, query = target.partition("?")
        if path == _CONTROL and method == "POST":
            return self._control(parse_qs(query))
        if not self._simulator.up:
            self._simulator.restart()  # a service manager would have
        try:
            return self._simulator.handle(method, target, headers, body)
        except CrashedError:
            self._simulator.restart()
            return Response(500, {"connection": "close"}, b"")

    def _control(self, query: dict[str, list[str]]) -> Response:
        source, mode = query.get("source", [""])[0], _MODES.get(query.get("do", [""])[0])
        if not source or mode is None:
            return Response(400, {"content-type": "text/plain"}, b"needs source=URL and do=die, freeze or live\n")
        self._simulator.set_camera(source, mode)
        return Response(204, {}, b"")
