"""Answers requests in their time: latency, slow and queued writes, a wedged configuration, and faults on demand.

Both ways to the simulator go through here, the transport in the process and the socket. Time passes by
`asyncio.sleep`, so under a virtual clock it takes none.

Not guaranteed: reads overlap freely, also with writes; a real server makes some wait.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from reconciler.mediamtx.simulator.answers import CrashedError, Response
from reconciler.mediamtx.simulator.faults import Fault, FaultKind, Faults

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reconciler.mediamtx.simulator.simulator import Simulator

__all__ = ["REAL_WRITE_COST", "DownError", "DroppedError", "Service"]

REAL_WRITE_COST = 0.067e-3
"""Seconds that one write costs a real server for each configured path (mediamtx-api, measured)."""
_CONFIG = "/v3/config/"
_FOREVER = 365 * 86400.0


class DownError(Exception):
    """Nobody listens."""


class DroppedError(Exception):
    """The connection drops: without any answer, or in the middle of `answer`, of which the first half was sent.

    `reset`: by a reset, not by being closed.
    """

    def __init__(self, answer: Response | None = None, *, reset: bool = False) -> None:
        super().__init__("dropped")
        self.answer, self.reset = answer, reset


class Service:
    """Seconds: `latency` of every request; `write_cost`, for each configured path, of a write; `late` of its effect.

    `wedged`: calls about the configuration hang, what runs can be read (what versions up to 1.20.0 come to).
    `on_request` is told method and target of every request that arrives.
    """

    def __init__(
        self,
        simulator: Simulator,
        *,
        latency: float = 0.0,
        late: float = 0.0,
        write_cost: float = 0.0,
        wedged: bool = False,
        on_request: Callable[[str, str], None] | None = None,
    ) -> None:
        self.simulator = simulator
        self.latency, self.write_cost, self.wedged, self.on_request = latency, write_cost, wedged, on_request
        self.faults = Faults()
        self._writing = asyncio.Lock()
        if late:
            simulator.late = late

    @property
    def late(self) -> float:
        """The simulator's lateness."""
        return self.simulator.late

    @late.setter
    def late(self, seconds: float) -> None:
        self.simulator.late = seconds

    def fail(self, kind: FaultKind, where: str = "", times: int = 1, *, skip: int = 0) -> None:
        """Let the next requests that contain `where` fail, after `skip` of them."""
        self.faults.add(Fault(kind, where, times, skip))

    async def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Answer one request; header names are in lower case.

        Raises:
            DownError: nobody listens.
            DroppedError: the connection ends before the answer does.
        """
        await asyncio.sleep(self.latency)
        if not self.simulator.up:
            raise DownError
        if self.on_request is not None:
            self.on_request(method, target)
        fault = self.faults.take(target)
        if fault is FaultKind.HANG or (self.wedged and target.startswith(_CONFIG)):
            await _hang()
        if fault is FaultKind.RESET_BEFORE:
            raise DroppedError(reset=True)
        answer = self._refusal(fault) or await self._handle(method, target, headers, body)
        if fault is FaultKind.HANG_AFTER:
            await _hang()
        if fault is FaultKind.RESET_AFTER:
            raise DroppedError(reset=True)
        if answer.delay:
            await asyncio.sleep(answer.delay)
            if not self.simulator.up:
                raise DroppedError
        if fault is FaultKind.HALF_BODY:
            raise DroppedError(answer)
        return _broken(answer, fault)

    def _refusal(self, fault: FaultKind | None) -> Response | None:
        match fault:
            case FaultKind.STATUS_500:
                return Response(500, {}, b"")
            case FaultKind.TERMINATED:
                return _json(400, {"status": "error", "error": "terminated"})
            case FaultKind.UNAUTHORIZED:
                return _json(401, {"status": "error", "error": "authentication error"})
            case _:
                return None

    async def _handle(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        try:
            if method in {"GET", "HEAD", "OPTIONS"} or not target.startswith(_CONFIG):
                return self.simulator.handle(method, target, headers, body)
            async with self._writing:
                await asyncio.sleep(max(0.0, self.simulator.busy_until - self.simulator.now))
                await asyncio.sleep(self.write_cost * len(self.simulator.config.view.paths))
                return self.simulator.handle(method, target, headers, body)
        except CrashedError:
            raise DroppedError from None


async def _hang() -> NoReturn:
    await asyncio.sleep(_FOREVER)
    raise DroppedError


def _json(status: int, body: Mapping[str, str]) -> Response:
    return Response(status, {"content-type": "application/json; charset=utf-8"}, json.dumps(body).encode())


def _broken(answer: Response, fault: FaultKind | None) -> Response:
    if fault is FaultKind.GARBAGE:
        return Response(200, {"content-type": "text/html"}, b"<html>no</html>")
    if fault is FaultKind.CUT_SHORT:
        value = json.loads(answer.body)
        value["items"] = value["items"][: len(value["items"]) // 2]
        return replace(answer, body=json.dumps(value).encode())
    return answer
