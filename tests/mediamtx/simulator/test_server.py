"""The simulated server on a socket: what a client and a person with curl get."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from reconciler.mediamtx.simulator import FaultKind, Service, Simulator
from reconciler.mediamtx.simulator.server import serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SOURCE = "rtsp://192.0.2.1/live?channel=1"


class Served:
    """A simulator that is served, and a client."""

    def __init__(self, service: Service, http: httpx.AsyncClient, port: int) -> None:
        self.service, self.simulator, self.http, self.port = service, service.simulator, http, port

    async def path(self, name: str) -> Any:
        return (await self.http.get(f"/v3/paths/get/{name}")).json()

    async def control(self, what: str) -> int:
        return (await self.http.post(f"/simulator/{what}")).status_code

    async def raw(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request + b"Host: x\r\nConnection: close\r\n\r\n")
            return await asyncio.wait_for(reader.read(), 10)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def served(**arguments: Any) -> AsyncIterator[Served]:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    service = Service(Simulator(clock=time, **arguments))
    serving = asyncio.create_task(serve(service.simulator, listener, service=service))
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=10) as http:
            yield Served(service, http, port)
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


async def test_a_path_is_configured_and_read_back() -> None:
    async with served() as s:
        answer = await s.http.post("/v3/config/paths/replace/gate", json={"source": SOURCE})
        assert (answer.status_code, answer.json(), answer.headers["server"]) == (200, {"status": "ok"}, "mediamtx")
        assert (await s.path("gate"))["source"] == {"type": "rtspSource", "id": ""}


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"/v3/paths/list", b"200"),
        (b"/v3//paths/list", b"404"),
        (b"/v3/x/../paths/list", b"404"),
        (b"/v3/config/paths/get/a%2Fb", b"200"),
        (b"/v3/config/paths/get/a/b", b"200"),
        (b"/v3/config/paths/get/%zz", b"400"),
        (b"/v3/paths/list/", b"301"),
    ],
)
async def test_a_path_arrives_byte_for_byte(target: bytes, status: bytes) -> None:
    async with served(boot={"a/b": {}}) as s:
        answer = await s.raw(b"GET " + target + b" HTTP/1.1\r\n")
        assert answer.split()[1] == status


async def test_a_long_body_arrives_whole() -> None:
    async with served() as s:
        answer = await s.http.post("/v3/config/paths/replace/gate", json={"runOnInit": "x" * 300_000})
        assert answer.status_code == 200
        assert len(s.simulator.configured()["gate"]["runOnInit"]) == 300_000  # type: ignore[arg-type]


async def test_a_value_that_ends_the_server_drops_the_connection_and_it_comes_back_empty() -> None:
    async with served(restart_after=0.0) as s:
        await s.http.post("/v3/config/paths/replace/gate", json={})
        with pytest.raises(httpx.RemoteProtocolError):
            await s.http.post("/v3/config/paths/replace/bad", json={"runOnInit": " "})
        assert (await s.http.get("/v3/config/paths/list")).json()["itemCount"] == 0
        assert s.simulator.crashes == 1


async def test_a_server_that_is_down_answers_nobody() -> None:
    async with served() as s:
        s.simulator.stop()
        with pytest.raises(httpx.TransportError):
            await s.http.get("/v3/paths/list")
        assert await s.control("restart") == 204
        assert (await s.http.get("/v3/paths/list")).status_code == 200


@pytest.mark.parametrize("kind", [FaultKind.RESET_BEFORE, FaultKind.RESET_AFTER, FaultKind.HALF_BODY])
async def test_faults_of_the_network_happen_on_a_socket_too(kind: FaultKind) -> None:
    async with served(boot={"gate": {}}) as s:
        s.service.fail(kind, "paths/list")
        with pytest.raises(httpx.TransportError):
            await s.http.get("/v3/config/paths/list")
        assert (await s.http.get("/v3/config/paths/list")).status_code == 200


async def test_it_can_be_ended_while_a_request_hangs() -> None:
    async with served() as s:
        s.service.fail(FaultKind.HANG)
        arrived = asyncio.Event()
        s.service.on_request = lambda *_: arrived.set()
        hanging = asyncio.create_task(s.http.get("/v3/paths/list"))
        await arrived.wait()
    with pytest.raises(httpx.TransportError):
        await hanging


class TestControl:
    @pytest.mark.parametrize(
        "which", [f"source={SOURCE}", "source=rtsp%3A%2F%2F192.0.2.1%2Flive%3Fchannel%3D1", "path=gate"]
    )
    async def test_a_camera_is_told_what_to_do(self, which: str) -> None:
        async with served(boot={"gate": {"source": SOURCE}}) as s:
            s.simulator.camera(SOURCE).connect_time = 0.0
            assert (await s.path("gate"))["ready"] is True
            assert await s.control(f"cameras?{which}&do=die") == 204
            assert (await s.path("gate"))["ready"] is False

    async def test_a_plus_in_a_source_is_a_plus(self) -> None:
        source = "udp+mpegts://192.0.2.1:1234"
        async with served(boot={"gate": {"source": source}}) as s:
            assert await s.control(f"cameras?source={source}&do=freeze") == 204
            assert set(s.simulator.cameras()) == {source}

    async def test_viewers_come_and_go(self) -> None:
        async with served(boot={"gate": {"source": SOURCE}}) as s:
            s.simulator.camera(SOURCE).connect_time = 0.0
            assert await s.control("readers?path=gate&count=2") == 204
            assert len((await s.path("gate"))["readers"]) == 2

    async def test_the_server_restarts_or_reloads(self) -> None:
        async with served(boot={"gate": {}}) as s:
            for what in ("restart", "reload"):
                await s.http.post("/v3/config/paths/replace/ward", json={})
                assert await s.control(what) == 204
                assert set(s.simulator.configured()) == {"gate"}

    async def test_a_fault_is_ordered(self) -> None:
        async with served() as s:
            assert await s.control("faults?kind=status_500&where=paths/list&times=2&skip=1") == 204
            statuses = [(await s.http.get("/v3/paths/list")).status_code for _ in range(4)]
            assert statuses == [200, 500, 500, 200]

    @pytest.mark.parametrize(
        ("what", "status"),
        [
            ("cameras", 400),
            ("cameras?do=die", 400),
            (f"cameras?source={SOURCE}&do=dance", 400),
            ("cameras?path=nope&do=die", 404),
            ("cameras?path=mobile&do=die", 404),
            ("readers?path=nope&count=1", 404),
            ("readers?path=mobile&count=-1", 400),
            ("readers?path=mobile", 400),
            ("faults?kind=nope", 400),
            ("nope", 404),
        ],
    )
    async def test_what_cannot_be_done_is_told(self, what: str, status: int) -> None:
        async with served(boot={"mobile": {}}) as s:
            answer = await s.http.post(f"/simulator/{what}")
            assert (answer.status_code, answer.headers["content-type"]) == (status, "text/plain; charset=utf-8")
            assert answer.text.strip()

    async def test_only_post_does_anything(self) -> None:
        async with served(boot={"gate": {}}) as s:
            await s.http.post("/v3/config/paths/replace/ward", json={})
            assert (await s.http.get("/simulator/restart")).status_code == 404
            assert set(s.simulator.configured()) == {"gate", "ward"}
