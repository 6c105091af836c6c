"""A simulated server asked without any of our client: what it says is looked at as it is."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from reconciler.mediamtx.simulator import Simulator
from tests.support.build import FakeClock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.core.model import Json, Options
    from reconciler.mediamtx.simulator import Response

__all__ = ["Bench", "LoopClock"]


class LoopClock:
    """The event loop's time, virtual under looptime, on both clocks."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def time(self) -> float:
        return 1_700_000_000.0 + self.monotonic()


class Bench:
    """A simulator on a clock that is set by hand."""

    def __init__(self, **arguments: Any) -> None:
        self.clock = FakeClock()
        self.simulator = Simulator(clock=self.clock, **arguments)

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def is_up(self) -> bool:
        return self.simulator.up

    def ask(
        self, method: str, path: str, body: Json = None, *, raw: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Response:
        content = raw or (json.dumps(body).encode() if body is not None else b"")
        return self.simulator.handle(method, path, headers or {}, content)

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status == 200, answer
        return json.loads(answer.body)

    def replace(self, name: str, options: Options | None = None) -> Response:
        return self.ask("POST", f"/v3/config/paths/replace/{quote(name, safe='')}", dict(options or {}))

    def patch(self, name: str, options: Options) -> Response:
        return self.ask("PATCH", f"/v3/config/paths/patch/{quote(name, safe='')}", dict(options))

    def delete(self, name: str) -> Response:
        return self.ask("DELETE", f"/v3/config/paths/delete/{quote(name, safe='')}")

    def configured(self) -> dict[str, Any]:
        return {item["name"]: item for item in self.get("/v3/config/paths/list?itemsPerPage=1000000")["items"]}

    def running(self) -> dict[str, Any]:
        return {item["name"]: item for item in self.get("/v3/paths/list?itemsPerPage=1000000")["items"]}

    def path(self, name: str) -> Any:
        return self.running()[name]
