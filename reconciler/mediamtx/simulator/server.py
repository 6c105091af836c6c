"""The simulated server on a real socket, for `reconciler simulate`, the demo, and anybody's CI.

Paths arrive byte for byte: nothing is normalised or redirected that MediaMTX would not. What can be done to the
simulator over HTTP is in `control`. A server that a poisonous value ends is back after a second, as under a service
manager; until then connections are dropped where a real one would have them refused.

Not guaranteed: plain HTTP/1.1, no TLS; request bodies are read whole before anything else.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from reconciler.mediamtx.simulator.control import PREFIX, control
from reconciler.mediamtx.simulator.service import DownError, DroppedError, Service

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from reconciler.mediamtx.simulator.answers import Response
    from reconciler.mediamtx.simulator.simulator import Simulator

__all__ = ["serve"]

_BACK_AFTER = 1.0
_KEEP_ALIVE = 30
_NO_CONTENT = 204
_CONNECTION = "reconciler.connection"


class _Quiet(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the process's signals alone."""
        yield


class _Protocol(H11Protocol):
    """HTTP that lets the application drop the connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        application = self.app

        async def with_connection(scope: Any, receive: Any, send: Any) -> None:
            await application({**scope, _CONNECTION: transport}, receive, send)

        self.app = with_connection


async def serve(simulator: Simulator, listener: socket.socket, *, service: Service | None = None) -> None:
    """Serve on a bound socket until cancelled; `service` says how fast and how well, by default as well as possible."""
    if simulator.restart_after is None:
        simulator.restart_after = _BACK_AFTER
    config = uvicorn.Config(
        _Application(service or Service(simulator)),
        http=_Protocol,
        lifespan="off",
        ws="none",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        date_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
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
    """ASGI, with the path as it was sent."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        try:
            answer = await self._answer(scope, body)
        except DownError:
            await _drop(scope[_CONNECTION], receive)
        except DroppedError as dropped:
            if dropped.answer is not None:
                half = dropped.answer.body[: len(dropped.answer.body) // 2]
                await send(_start(dropped.answer))
                await send({"type": "http.response.body", "body": half, "more_body": True})
            await _drop(scope[_CONNECTION], receive)
        else:
            await send(_start(answer))
            await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Any, body: bytes) -> Response:
        path, query = scope["raw_path"].decode(), scope["query_string"].decode()
        if path.startswith(PREFIX):
            return control(self._service, scope["method"], path, query)
        headers = {key.decode().lower(): value.decode("latin-1") for key, value in scope["headers"]}
        return await self._service.answer(scope["method"], f"{path}?{query}" if query else path, headers, body)


def _start(answer: Response) -> dict[str, Any]:
    headers = [(key.encode(), value.encode()) for key, value in answer.headers.items()]
    if answer.status != _NO_CONTENT:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    return {"type": "http.response.start", "status": answer.status, "headers": headers}


async def _drop(connection: asyncio.Transport, receive: Any) -> None:
    """Close a connection, what was written going out first, and wait until that is noticed."""
    connection.close()
    while (await receive())["type"] != "http.disconnect":
        pass
