from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from typing import TYPE_CHECKING

import httpx
import pytest

from reconciler.errors import SettingsError
from reconciler.web.app import create_app
from reconciler.web.metrics import Metrics
from reconciler.web.server import WebServer
from tests.support.boards import FakeDaemon, a_board

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import FastAPI


@pytest.fixture
def app() -> FastAPI:
    daemon = FakeDaemon(a_board())
    return create_app(daemon, Metrics())


@contextlib.asynccontextmanager
async def serving(server: WebServer) -> AsyncIterator[httpx.AsyncClient]:
    task = asyncio.create_task(server.serve())
    try:
        async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
            yield client
    finally:
        await server.stop()
        await task


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


async def test_serves_what_the_application_answers(app: FastAPI) -> None:
    async with serving(WebServer(app, "127.0.0.1", 0)) as client:
        assert (await client.get("/health")).json() == {"status": "healthy"}
        assert (await client.get("/metrics")).headers["content-type"].startswith("text/plain")
        assert (await client.get("/api/streams/hall%2Feast")).json()["id"] == "hall/east"


async def test_says_nothing_of_what_it_is_made_of(app: FastAPI) -> None:
    async with serving(WebServer(app, "127.0.0.1", 0)) as client:
        assert "server" not in (await client.get("/health")).headers


async def test_a_head_request_gets_headers_only(app: FastAPI) -> None:
    async with serving(WebServer(app, "127.0.0.1", 0)) as client:
        answer = await client.head("/health")
        assert (answer.status_code, answer.content) == (200, b"")
        assert (await client.get("/health")).status_code == 200


async def test_the_port_is_bound_before_anything_is_served(app: FastAPI) -> None:
    server = WebServer(app, "127.0.0.1", 0)
    port = server.port
    assert not is_free(port)
    await server.stop()
    assert is_free(port)


async def test_a_taken_port_is_an_error_that_names_the_way_out(app: FastAPI) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SettingsError) as caught:
            WebServer(app, "127.0.0.1", port)
    message = str(caught.value)
    assert f"127.0.0.1:{port}" in message
    assert "daemon.listen" in message
    assert "another port" in message


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "nvr.lan", "", "::ffff:10.0.0.1"])
async def test_listening_where_others_can_reach_it_is_refused(app: FastAPI, host: str) -> None:
    with pytest.raises(SettingsError, match="ssh tunnel"):
        WebServer(app, host, 0)


async def test_localhost_means_all_its_addresses_on_one_port(app: FastAPI) -> None:
    async with serving(WebServer(app, "localhost", 0)) as client:
        assert (await client.get("/healthz")).text == "ok\n"


async def test_stopping_frees_the_port_and_may_be_done_again(app: FastAPI) -> None:
    for _ in range(2):
        server = WebServer(app, "127.0.0.1", 0)
        port = server.port
        async with serving(server) as client:
            await client.get("/health")
        assert is_free(port)


async def test_being_cancelled_frees_the_port_too(app: FastAPI) -> None:
    server = WebServer(app, "127.0.0.1", 0)
    port = server.port
    task = asyncio.create_task(server.serve())
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        await client.get("/health")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert is_free(port)
    await server.stop()


async def test_stopping_before_serving_serves_nothing(app: FastAPI) -> None:
    server = WebServer(app, "127.0.0.1", 0)
    await server.stop()
    await server.serve()


async def test_an_idle_viewer_does_not_keep_it_from_stopping(app: FastAPI) -> None:
    server = WebServer(app, "127.0.0.1", 0)
    with socket.socket() as idle:
        async with serving(server) as client:
            await client.get("/health")
            idle.connect(("127.0.0.1", server.port))
            await client.get("/health")


async def test_signals_stay_with_the_process(app: FastAPI) -> None:
    before = (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT))
    async with serving(WebServer(app, "127.0.0.1", 0)) as client:
        await client.get("/health")
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
