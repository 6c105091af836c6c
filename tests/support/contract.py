"""One face for a real MediaMTX and a simulated one, so that a promise is written down once and asked of both.

Both have one camera, at `source`. In the real one time passes, in the simulated one it is moved on.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import httpx

from reconciler.mediamtx.simulator import CrashedError, User
from tests.support.camera import Camera
from tests.support.mediamtx import RealServer
from tests.support.reader import Reader
from tests.support.simulator import Bench

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from reconciler.core.model import Json, Options
    from reconciler.core.options.version import Version

__all__ = ["Answer", "Server", "real", "simulated", "until"]

_PATIENCE = 20.0
_STEP = 0.05


@dataclass(frozen=True)
class Answer:
    """`body` is JSON where it is that, else text."""

    status: int
    body: Any
    headers: Mapping[str, str]


class Server(Protocol):
    """A running server."""

    version: Version
    source: str

    async def ask(
        self, method: str, target: str, body: Json = None, *, authorization: str | None = None
    ) -> Answer | None:
        """Return the answer; None when the connection dropped."""

    async def wait(self, seconds: float) -> None:
        """Let time pass."""

    async def restart(self) -> None:
        """End the process and start it anew."""

    async def reload(self, paths: Mapping[str, Options]) -> None:
        """Rewrite the file under the running process."""

    async def dies(self) -> bool:
        """Say whether it ends by itself, within a while."""

    async def camera_dies(self) -> None: ...

    async def camera_freezes(self) -> None: ...

    async def camera_comes_back(self) -> None: ...

    async def watch(self, name: str) -> None:
        """Let somebody watch a path, from now on."""

    async def nobody_watches(self, name: str) -> None:
        """Let all viewers leave."""


class _Simulated:
    source = "rtsp://192.0.2.1/live"

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.version: Version = bench.simulator.version

    async def ask(
        self, method: str, target: str, body: Json = None, *, authorization: str | None = None
    ) -> Answer | None:
        headers = {"authorization": authorization} if authorization else {}
        try:
            answer = self._bench.ask(method, target, body, headers=headers)
        except CrashedError:
            return None
        is_json = "json" in answer.headers.get("content-type", "")
        return Answer(answer.status, json.loads(answer.body) if is_json else answer.body.decode(), answer.headers)

    async def wait(self, seconds: float) -> None:
        self._bench.wait(seconds)

    async def restart(self) -> None:
        self._bench.simulator.restart()

    async def reload(self, paths: Mapping[str, Options]) -> None:
        self._bench.simulator.change_file(paths)
        self._bench.simulator.reload()

    async def dies(self) -> bool:
        self._bench.wait(2)
        return not self._bench.is_up()

    async def camera_dies(self) -> None:
        self._bench.simulator.camera(self.source).die()

    async def camera_freezes(self) -> None:
        self._bench.simulator.camera(self.source).freeze()

    async def camera_comes_back(self) -> None:
        self._bench.simulator.camera(self.source).come_back()

    async def watch(self, name: str) -> None:
        entry = self._bench.simulator.runtime.entries[name]
        self._bench.simulator.set_readers(name, entry.viewers + 1)

    async def nobody_watches(self, name: str) -> None:
        self._bench.simulator.set_readers(name, 0)


class _Real:
    def __init__(self, server: RealServer, camera: Camera, viewers: AsyncExitStack) -> None:
        self._server, self._camera, self._viewers = server, camera, viewers
        self.version, self.source = server.version, camera.url()

    async def ask(
        self, method: str, target: str, body: Json = None, *, authorization: str | None = None
    ) -> Answer | None:
        headers = {"Authorization": authorization} if authorization else {}
        async with httpx.AsyncClient(base_url=self._server.api_url, trust_env=False, timeout=_PATIENCE) as http:
            try:
                answer = await http.request(
                    method, target, content=None if body is None else json.dumps(body), headers=headers
                )
            except httpx.TransportError:
                return None
        is_json = "json" in answer.headers.get("content-type", "")
        return Answer(answer.status_code, answer.json() if is_json else answer.text, answer.headers)

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def restart(self) -> None:
        await asyncio.to_thread(self._server.restart)

    async def reload(self, paths: Mapping[str, Options]) -> None:
        await asyncio.to_thread(self._server.write_file, paths)

    async def dies(self) -> bool:
        for _ in range(40):
            if not self._server.running:
                return True
            await asyncio.sleep(_STEP)
        return False

    async def camera_dies(self) -> None:
        await self._camera.die()

    async def camera_freezes(self) -> None:
        self._camera.freeze()

    async def camera_comes_back(self) -> None:
        self._camera.thaw()
        if not await self._listens():
            await self._camera.come_back()

    async def _listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self._camera.port)
        except ConnectionError:
            return False
        writer.close()
        await writer.wait_closed()
        return True

    async def watch(self, name: str) -> None:
        viewer = await self._viewers.enter_async_context(Reader.play(f"{self._server.rtsp_url}/{name}"))
        await viewer.receives()

    async def nobody_watches(self, name: str) -> None:
        del name
        await self._viewers.aclose()


async def until(server: Server, look: Callable[[], Awaitable[bool]], what: str) -> None:
    """Let time pass until `look` sees what it wants."""
    for _ in range(int(_PATIENCE / _STEP)):
        if await look():
            return
        await server.wait(_STEP)
    raise AssertionError(f"it never came to this: {what}")


@asynccontextmanager
async def simulated(
    version: Version, *, paths: Mapping[str, Options], users: Mapping[str, str]
) -> AsyncIterator[Server]:
    """Give a simulated server whose file has `paths`."""
    known = [User(name, password) for name, password in users.items()]
    yield _Simulated(Bench(version=version, boot=paths, users=known))


@asynccontextmanager
async def real(directory: Path, *, paths: Mapping[str, Options], users: Mapping[str, str]) -> AsyncIterator[Server]:
    """Give the real server of MEDIAMTX_BIN whose file has `paths`; skip the test where there is none."""
    # A silent camera is given up after readTimeout; 10 s unless told.
    settings: dict[str, Json] = {"readTimeout": "3s"}
    async with Camera.start() as camera, AsyncExitStack() as viewers:
        with RealServer.start(directory, paths=paths, users=users, rtsp=True, extra=settings) as server:
            yield _Real(server, camera, viewers)
