"""The simulated server as an httpx transport, in the process: no socket, and no time under a virtual clock.

Timeouts are kept as a network would keep them: a client that gives up does not stop the server, which goes on with
what it was asked.

Not guaranteed: of the timeouts only `read` counts, as one for the whole answer; connecting takes no time.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from reconciler.mediamtx.simulator.faults import Fault, FaultKind
from reconciler.mediamtx.simulator.service import DownError, DroppedError, Service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from reconciler.mediamtx.simulator.answers import Response

__all__ = ["Fault", "FaultKind", "SimulatorTransport"]


class SimulatorTransport(Service, httpx.AsyncBaseTransport):
    """Give it to an httpx client; any host and port lead here. Its attributes may be changed at any time."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request, or fail as a network does."""
        body = await request.aread()
        headers = {key.lower(): value for key, value in request.headers.items()}
        target = request.url.raw_path.decode()
        serving = asyncio.create_task(self.answer(request.method, target, headers, body))
        serving.add_done_callback(_forget)
        try:
            async with asyncio.timeout(request.extensions.get("timeout", {}).get("read")):
                answer = await asyncio.shield(serving)
        except TimeoutError:
            raise httpx.ReadTimeout("timed out", request=request) from None
        except DownError:
            refused = ConnectionRefusedError(111, "Connection refused")
            raise httpx.ConnectError("All connection attempts failed", request=request) from refused
        except DroppedError as dropped:
            if dropped.answer is not None:
                return _half(dropped.answer, request)
            if dropped.reset:
                raise httpx.ReadError("", request=request) from ConnectionResetError(104, "Connection reset by peer")
            message = "Server disconnected without sending a response."
            raise httpx.RemoteProtocolError(message, request=request) from None
        return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body)


def _forget(serving: asyncio.Task[Response]) -> None:
    """Take notice of how it ended, for a client that has given up does not."""
    if not serving.cancelled():
        serving.exception()


def _half(answer: Response, request: httpx.Request) -> httpx.Response:
    length = {"content-length": str(len(answer.body))}
    return httpx.Response(answer.status, headers={**answer.headers, **length}, stream=_HalfBody(answer.body, request))


class _HalfBody(httpx.AsyncByteStream):
    def __init__(self, body: bytes, request: httpx.Request) -> None:
        self._body, self._request = body, request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        half = self._body[: len(self._body) // 2]
        yield half
        message = (
            "peer closed connection without sending complete message body "
            f"(received {len(half)} bytes, expected {len(self._body)})"
        )
        raise httpx.RemoteProtocolError(message, request=self._request)
