"""The client's promises, kept against a real MediaMTX of whatever version `MEDIAMTX_BIN` is."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from reconciler.core.model import ServerSpec
from reconciler.core.options.effective import effective
from reconciler.core.options.version import Version
from reconciler.errors import AmbiguousError, CredentialsError, RejectedError, TransientError
from reconciler.logs import Redactor
from reconciler.mediamtx.client import Client
from tests.support.camera import Camera
from tests.support.mediamtx import RealServer
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from reconciler.core.model import Json, LiveConfig

pytestmark = pytest.mark.real

INFO_SINCE = Version(1, 15, 2)
ONLINE_SINCE = Version(1, 16, 0)
NOWHERE = "rtsp://127.0.0.1:5999"


@asynccontextmanager
async def talking(
    server: RealServer, *, username: str | None = None, password: str | None = None
) -> AsyncIterator[Client]:
    client = Client(ServerSpec("main", server.api_url, username, password), clock=time, redactor=Redactor())
    try:
        yield client
    finally:
        await client.aclose()


async def config(client: Client) -> LiveConfig:
    return await client.read_config((await client.observe()).facts)


async def config_in_time(client: Client, *, paths: set[str]) -> LiveConfig:
    """Read until just these paths are configured: 1.20.1 says yes a moment before it shows."""
    return await eventually(lambda: config(client), lambda live: set(live.paths) == paths)


async def test_version_and_start(server: RealServer) -> None:
    async with talking(server) as client:
        facts = (await client.observe()).facts
        assert (await client.observe()).facts == facts
    if server.version >= INFO_SINCE:
        assert facts.version == server.version
        assert facts.started is not None
    else:
        assert (facts.version, facts.started) == (None, None)


async def test_the_version_to_judge_by_is_known_even_where_the_server_does_not_tell(server: RealServer) -> None:
    async with talking(server) as client:
        version = (await config(client)).version
    if server.version >= INFO_SINCE:
        assert version == server.version
    else:
        # No more can be told than which options it knows: those of 1.9.0 and of 1.9.3 are the same.
        assert (version.major, version.minor) == (server.version.major, server.version.minor)


async def test_a_restart_shows(server: RealServer) -> None:
    async with talking(server) as client:
        await client.replace("gate", {"source": f"{NOWHERE}/gate"}, paths=0)
        before = await client.observe()
        await asyncio.to_thread(server.restart)
        after = await client.observe()
    assert set(before.runtime) == {"gate"}
    assert after.runtime == {}
    if server.version >= INFO_SINCE:
        assert after.facts.started != before.facts.started


async def test_replace_creates_updates_and_resets_what_is_not_named(server: RealServer) -> None:
    async with talking(server) as client:
        await client.replace("gate", {"source": f"{NOWHERE}/gate", "maxReaders": 3}, paths=0)
        live = await config_in_time(client, paths={"gate"})
        assert live.paths["gate"]["maxReaders"] == 3

        await client.replace("gate", {"source": f"{NOWHERE}/other"}, paths=1)
        live = await eventually(lambda: config(client), lambda live: live.paths["gate"]["source"] == f"{NOWHERE}/other")
        assert live.paths["gate"]["maxReaders"] == live.defaults["maxReaders"]


async def test_what_is_read_is_what_we_expect_to_read(server: RealServer) -> None:
    options: dict[str, Json] = {"source": f"{NOWHERE}/gate", "sourceOnDemandCloseAfter": "90s", "record": True}
    async with talking(server) as client:
        await client.replace("gate", options, paths=0)
        live = await config_in_time(client, paths={"gate"})
    assert live.paths["gate"] == effective(options, live.defaults, live.version)


async def test_equal_reads_are_one_object(server: RealServer) -> None:
    async with talking(server) as client:
        await client.replace("gate", {}, paths=0)
        live = await config_in_time(client, paths={"gate"})
        assert await config(client) is live
        await asyncio.to_thread(server.edit, "gate", {"maxReaders": 1})
        await asyncio.to_thread(server.wait_for, lambda: server.configured()["gate"]["maxReaders"] == 1, "the edit")
        assert await config(client) is not live


async def test_deleting_twice_is_fine(server: RealServer) -> None:
    async with talking(server) as client:
        await client.replace("gate", {}, paths=0)
        await client.delete("gate", paths=1)
        await client.delete("gate", paths=0)
        assert (await config_in_time(client, paths=set())).paths == {}


@pytest.mark.parametrize("name", ["a/b/c", "a.b-c_d", "~^cam(\\d+)$"])
async def test_a_name_arrives_as_it_is(server: RealServer, name: str) -> None:
    async with talking(server) as client:
        await client.replace(name, {}, paths=0)
        await config_in_time(client, paths={name})
        await client.delete(name, paths=1)
        await config_in_time(client, paths=set())


async def test_a_refused_value_is_told_in_the_servers_words_and_changes_nothing(server: RealServer) -> None:
    async with talking(server) as client:
        with pytest.raises(RejectedError, match="invalid source: 'bogus'"):
            await client.replace("gate", {"source": "bogus"}, paths=0)
        with pytest.raises(RejectedError, match='unknown field "nope"'):
            await client.replace("gate", {"nope": 1}, paths=0)
        assert (await config(client)).paths == {}
        await client.replace("ward", {}, paths=0)


async def test_the_password_the_server_repeats_is_taken_out(server: RealServer) -> None:
    async with talking(server) as client:
        with pytest.raises(RejectedError) as refused:
            await client.replace("gate", {"source": "rtsp://admin:pa/ss word@127.0.0.1:5999/x"}, paths=0)
    assert refused.value.message == "'rtsp://admin:***@127.0.0.1:5999/x' is not a valid URL"


async def test_a_wrong_login_and_none(tmp_path: Path) -> None:
    with RealServer.start(tmp_path, users={"reconciler": "right-one"}) as server:
        async with talking(server, username="reconciler", password="right-one") as client:
            await client.observe()
        async with talking(server) as client:
            with pytest.raises(CredentialsError, match="MediaMTX asks for one"):
                await client.observe()
        async with talking(server, username="reconciler", password="wrong-one") as client:
            with pytest.raises(CredentialsError, match="with the permission `api`") as refused:
                await client.replace("gate", {}, paths=0)
        assert "wrong-one" not in str(refused.value)
        assert server.configured() == {}


async def test_two_hundred_paths_are_one_page(tmp_path: Path) -> None:
    names = {f"cam/{number:03}" for number in range(200)}
    with RealServer.start(tmp_path, paths={name: {} for name in names}) as server:
        async with talking(server) as client:
            assert set((await config(client)).paths) == names
            assert set((await client.observe()).runtime) == names


async def test_a_live_and_a_dead_camera(tmp_path: Path) -> None:
    async with Camera.start() as camera:
        paths = {"live": {"source": camera.url(), "rtspTransport": "tcp"}, "dead": {"source": f"{NOWHERE}/dead"}}
        with RealServer.start(tmp_path, paths=paths) as server:
            await asyncio.to_thread(server.wait_until_ready, "live")
            async with talking(server) as client:
                first = (await client.observe()).runtime
                received = first["live"].inbound_bytes
                seen = await eventually(client.observe, lambda now: now.runtime["live"].inbound_bytes > received)
    later = seen.runtime
    assert later["live"].ready
    assert later["live"].tracks == ("H264",)
    assert later["live"].source_type == later["dead"].source_type == "rtspSource"
    assert not later["dead"].ready
    assert later["dead"].online is (True if server.version >= ONLINE_SINCE else None)


async def test_a_server_killed_between_two_requests(server: RealServer) -> None:
    async with talking(server) as client:
        await client.observe()
        await asyncio.to_thread(server.kill)
        with pytest.raises(TransientError):
            await client.observe()
        with pytest.raises(TransientError, match="is MediaMTX running there"):
            await client.replace("gate", {}, paths=0)
        await asyncio.to_thread(server.boot)
        await client.replace("gate", {}, paths=0)


async def test_a_server_that_dies_of_a_write_leaves_it_open(server: RealServer) -> None:
    async with talking(server) as client:
        # Its 200 may win the race against its death.
        with suppress(AmbiguousError):
            await client.replace("gate", {"runOnInit": " "}, paths=0)
        await asyncio.to_thread(server.wait_until_dead)
        await asyncio.to_thread(server.boot)
        assert (await client.observe()).runtime == {}
