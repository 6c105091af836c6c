"""The tools of the tests that follow: a camera, a real MediaMTX and a viewer see one another."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.support.camera import Camera
from tests.support.mediamtx import RealServer
from tests.support.reader import Reader, RefusedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

pytestmark = pytest.mark.real


@pytest.fixture
async def camera() -> AsyncIterator[Camera]:
    async with Camera.start(username="admin", password="p@ss/word") as running:
        yield running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RealServer]:
    # A frozen camera is given up after readTimeout; it is measured in whole seconds, so 1s would hit healthy ones too.
    with RealServer.start(tmp_path, rtsp=True, extra={"readTimeout": "3s"}) as running:
        yield running


async def test_a_viewer_gets_the_cameras_video(camera: Camera, server: RealServer) -> None:
    await asyncio.to_thread(server.edit, "gate", {"source": camera.url(), "rtspTransport": "tcp"})
    await asyncio.to_thread(server.wait_until_ready, "gate")
    async with Reader.play(f"{server.rtsp_url}/gate") as viewer:
        assert await viewer.receives(10_000), server.log
        assert camera.players() == 1
        runtime = await asyncio.to_thread(server.runtime)
        assert runtime["gate"]["tracks"] == ["H264"]
        assert len(runtime["gate"]["readers"]) == 1


async def test_a_viewer_notices_that_its_path_is_removed(camera: Camera, server: RealServer) -> None:
    await asyncio.to_thread(server.edit, "gate", {"source": camera.url(), "rtspTransport": "tcp"})
    await asyncio.to_thread(server.wait_until_ready, "gate")
    async with Reader.play(f"{server.rtsp_url}/gate") as viewer:
        await viewer.receives()
        await asyncio.to_thread(server.remove, "gate")
        await viewer.is_cut()
    with pytest.raises(RefusedError):
        async with Reader.play(f"{server.rtsp_url}/gate"):
            pass


async def test_one_camera_has_many_paths(camera: Camera, server: RealServer) -> None:
    names = ["one", "two", "three"]
    for name in names:
        await asyncio.to_thread(server.edit, name, {"source": camera.url(name), "rtspTransport": "tcp"})
    for name in names:
        await asyncio.to_thread(server.wait_until_ready, name)
        await camera.is_played(name)
    assert [camera.players(name) for name in names] == [1, 1, 1]


async def test_a_camera_that_asks_for_a_login_turns_others_away(camera: Camera) -> None:
    with pytest.raises(RefusedError) as refused:
        async with Reader.play(camera.url(login=False)):
            pass
    assert refused.value.status == 401


@pytest.mark.parametrize("fault", ["die", "freeze", "refuse"])
async def test_a_fault_of_the_camera_takes_the_stream_away_and_it_comes_back(
    camera: Camera, server: RealServer, fault: str
) -> None:
    await asyncio.to_thread(server.edit, "gate", {"source": camera.url(), "rtspTransport": "tcp"})
    await asyncio.to_thread(server.wait_until_ready, "gate")

    if fault == "die":
        await camera.die()
    elif fault == "freeze":
        camera.freeze()
    else:
        camera.refuse()
    await asyncio.to_thread(server.wait_for, lambda: not server.runtime()["gate"]["ready"], "the stream to go")

    if fault == "die":
        await camera.come_back()
    elif fault == "freeze":
        camera.thaw()
    else:
        camera.accept()
    await asyncio.to_thread(server.wait_until_ready, "gate")
