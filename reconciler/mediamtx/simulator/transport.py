"""The simulated server as an httpx transport: in-process, with everything a network and a bad server can do.

Times pass by `asyncio.sleep`, so under a virtual clock they take none.

Not guaranteed: requests are answered one after another where a real server would overlap reads.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

import httpx

from reconciler.mediamtx.simulator.answers import CrashedError, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.mediamtx.simulator.simulator import Simulator

__all__ = ["Fault", "FaultKind", "SimulatorTransport"]

_WRITES = ("/add/", "/replace/", "/patch/", "/delete/")
_FOREVER = 3600.0


class FaultKind(Enum):
    """What goes wrong."""

    HANG = auto()
    RESET_BEFORE = auto()
    """The connection drops and nothing was done."""
    RESET_AFTER = auto()
    """The connection drops although it was done."""
    STATUS_500 = auto()
    GARBAGE = auto()
    HALF_BODY = auto()
    CUT_SHORT = auto()
    """A list lacks items, but counts them."""
    TERMINATED = auto()
    """`400 terminated`: the server is shutting down."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that hits requests whose target contains `where`, so many `times`."""

    kind: FaultKind
    where: str = ""
    times: int = 1


@dataclass(slots=True)
class SimulatorTransport(httpx.AsyncBaseTransport):
    """Times are seconds. `late`: for so long a config read after a write is stale, and the next write waits (1.20.1).

    `write_cost`: a write takes this for each configured path. `wedged`: configuration calls hang, runtime reads do not.
    """

    simulator: Simulator
    latency: float = 0.0
    late: float = 0.0
    write_cost: float = 0.0
    wedged: bool = False
    on_request: Callable[[str, str], None] | None = None
    faults: deque[Fault] = field(default_factory=deque)
    _stale: dict[str, tuple[float, Response]] = field(default_factory=dict)
    _busy_until: float = 0.0

    def fail(self, kind: FaultKind, where: str = "", times: int = 1) -> None:
        """Let the next matching requests fail."""
        self.faults.append(Fault(kind, where, times))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request, or fail it."""
        target = request.url.raw_path.decode()
        body = await request.aread()
        if self.on_request is not None:
            self.on_request(request.method, target)
        await asyncio.sleep(self.latency)
        self._must_be_up(request)
        fault = self._fault(target)
        if fault is FaultKind.HANG or (self.wedged and "/config/" in target):
            await self._hang(request)
        if fault is FaultKind.RESET_BEFORE:
            raise httpx.ReadError("reset", request=request)
        headers = {key.lower(): value for key, value in request.headers.items()}
        answer = await self._answer(request, target, headers, body, fault)
        if fault is FaultKind.RESET_AFTER:
            raise httpx.ReadError("reset", request=request)
        await asyncio.sleep(answer.delay)
        self._must_be_up(request)
        return httpx.Response(answer.status, headers=dict(answer.headers), content=self._broken(answer, fault))

    async def _answer(
        self, request: httpx.Request, target: str, headers: dict[str, str], body: bytes, fault: FaultKind | None
    ) -> Response:
        is_write = any(word in target for word in _WRITES)
        if fault is FaultKind.STATUS_500:
            return Response(500, {}, b"")
        if fault is FaultKind.TERMINATED:
            return Response(400, {"content-type": "application/json"}, b'{"status":"error","error":"terminated"}')
        if is_write:
            await self._queue()
        now = self.simulator.now
        if not is_write and "/config/paths/list" in target and (held := self._stale.get(target)) and held[0] > now:
            return held[1]
        try:
            if is_write and self.late:
                self._freeze_lists(headers, now + self.late)
            return self.simulator.handle(request.method, target, headers, body)
        except CrashedError:
            raise httpx.RemoteProtocolError(
                "Server disconnected without sending a response.", request=request
            ) from None

    async def _queue(self) -> None:
        """Wait for the write before, then take this one's time."""
        now = self.simulator.now
        wait = max(0.0, self._busy_until - now)
        await asyncio.sleep(wait + self.write_cost * len(self.simulator.config.declared))
        self._busy_until = self.simulator.now + self.late

    def _freeze_lists(self, headers: dict[str, str], until: float) -> None:
        for target in ("/v3/config/paths/list?itemsPerPage=2147483647",):
            self._stale[target] = (until, self.simulator.handle("GET", target, headers))

    def _fault(self, target: str) -> FaultKind | None:
        for index, fault in enumerate(self.faults):
            if fault.where in target:
                del self.faults[index]
                if fault.times > 1:
                    self.faults.insert(index, Fault(fault.kind, fault.where, fault.times - 1))
                return fault.kind
        return None

    async def _hang(self, request: httpx.Request) -> None:
        timeouts = request.extensions.get("timeout", {})
        await asyncio.sleep(timeouts.get("read") or _FOREVER)
        raise httpx.ReadTimeout("timed out", request=request)

    def _must_be_up(self, request: httpx.Request) -> None:
        if not self.simulator.up:
            raise httpx.ConnectError("refused", request=request) from ConnectionRefusedError(111, "Connection refused")

    def _broken(self, answer: Response, fault: FaultKind | None) -> bytes:
        match fault:
            case FaultKind.GARBAGE:
                return b"<html>no</html>"
            case FaultKind.HALF_BODY:
                return answer.body[: len(answer.body) // 2]
            case FaultKind.CUT_SHORT:
                value = json.loads(answer.body)
                value["items"] = value["items"][: len(value["items"]) // 2]
                return json.dumps(value).encode()
            case _:
                return answer.body
