"""The whole daemon against a real MediaMTX, as a user would try it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.core.options.version import Version
from tests.support.camera import Camera
from tests.support.daemon import DaemonProcess
from tests.support.mediamtx import RealServer
from tests.support.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.real

DEAD = "rtsp://127.0.0.1:5999"
THEIRS: dict[str, Any] = {"source": f"{DEAD}/theirs", "sourceOnDemand": True}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RealServer]:
    with RealServer.start(tmp_path, paths={"all_others": {}}) as running:
        yield running


def streams(*names: str, **options: Any) -> dict[str, Any]:
    return {name: {"source": f"{DEAD}/{name}", **options} for name in names}


def ours(server: RealServer) -> set[str]:
    return set(server.configured()) - {"all_others", "theirs"}


def test_cameras_come_change_and_go_with_the_file(server: RealServer, tmp_path: Path) -> None:
    with DaemonProcess.start(tmp_path, server.api_url, streams("a", "b", "c")) as daemon:
        daemon.wait_for(lambda: ours(server) == {"a", "b", "c"}, "three paths")
        daemon.save({**streams("a", "c", "d"), "c": {"source": f"{DEAD}/elsewhere", "maxReaders": 7}})
        daemon.wait_for(lambda: ours(server) == {"a", "c", "d"}, "b gone and d there")
        daemon.wait_for(lambda: server.configured()["c"]["maxReaders"] == 7, "c changed")
        assert server.configured()["c"]["source"] == f"{DEAD}/elsewhere"
        daemon.save(streams("a", "c", "d"))
        daemon.wait_for(lambda: server.configured()["c"]["maxReaders"] == 0, "the removed option back at its default")


def test_no_declared_value_is_ever_written_twice(server: RealServer, tmp_path: Path) -> None:
    every_kind: dict[str, Any] = {
        "sourceOnDemand": True,
        "sourceOnDemandStartTimeout": "90s",
        "sourceOnDemandCloseAfter": "1m30s",
        "rtspTransport": "tcp",
        "maxReaders": 3,
        "record": "yes",
        "recordSegmentDuration": "1h",
        "recordDeleteAfter": "0s",
        "recordPartDuration": "500ms",
        "rpiCameraAWBGains": [1.5, 2],
        "runOnReady": "true $MTX_PATH",
        "runOnReadyRestart": "on",
    }
    wanted = {**streams("all-kinds", **every_kind), **streams("week", recordDeleteAfter="168h")}
    if server.version >= Version(1, 16, 0):
        wanted |= streams("new", recordMaxPartSize="50MB", rtspUDPSourcePortRange=[20000, 30000])
    if server.version >= Version(1, 20, 0):
        wanted |= streams("forwarded", forward=[{"dest": "rtsp://127.0.0.1:5998/x"}])
    with DaemonProcess.start(tmp_path, server.api_url, wanted, pace="observe: 300ms, resync: 1s") as daemon:
        daemon.wait_for(lambda: ours(server) == set(wanted), "all paths")
        daemon.wait_for(lambda: all(s["sync"] == "in_sync" for s in daemon.status()["streams"]), "in sync")
        written = daemon.writes()
        daemon.wait_for_passes(10)
        assert daemon.writes() == written == len(wanted)


def test_paths_of_others_are_left_alone_and_ours_put_back(server: RealServer, tmp_path: Path) -> None:
    server.edit("theirs", THEIRS)
    with DaemonProcess.start(tmp_path, server.api_url, streams("a", "b")) as daemon:
        daemon.wait_for(lambda: ours(server) == {"a", "b"}, "our paths")
        theirs = server.configured()["theirs"]
        server.edit("a", {"source": f"{DEAD}/hijacked", "maxReaders": 9})
        daemon.wait_for(lambda: server.configured()["a"]["source"] == f"{DEAD}/a", "the foreign edit put back")
        server.remove("b")
        daemon.wait_for(lambda: "b" in ours(server), "the foreign delete put back")
        daemon.save(streams("a"))
        daemon.wait_for(lambda: ours(server) == {"a"}, "b removed")
        assert server.configured()["theirs"] == theirs
        assert "all_others" in server.configured()
        drift = daemon.metrics()["reconciler_drift_total", frozenset({("server", "default")})]
        assert drift == 2


def test_everything_comes_back_when_mediamtx_does(server: RealServer, tmp_path: Path) -> None:
    with DaemonProcess.start(tmp_path, server.api_url, streams("a", "b", "c")) as daemon:
        daemon.wait_for(lambda: ours(server) == {"a", "b", "c"}, "three paths")
        server.kill()
        daemon.wait_for(lambda: daemon.stream("a")["status"] == "UNKNOWN", "nothing known of a dead server")
        server.boot()
        daemon.wait_for(lambda: ours(server) == {"a", "b", "c"}, "all restored")
        server.restart()
        daemon.wait_for(lambda: ours(server) == {"a", "b", "c"}, "all restored again")
        assert daemon.metrics()["reconciler_drift_total", frozenset({("server", "default")})] == 0


def test_everything_comes_back_when_mediamtx_reloads_its_file(server: RealServer, tmp_path: Path) -> None:
    with DaemonProcess.start(tmp_path, server.api_url, streams("a", "b")) as daemon:
        daemon.wait_for(lambda: ours(server) == {"a", "b"}, "both paths")
        time.sleep(1.1)  # MediaMTX does not see a second write within a second
        server.write_file({"all_others": {}, "from_file": {}})
        daemon.wait_for(lambda: {"a", "b", "from_file"} <= set(server.configured()), "restored beside the file's path")


BREAKAGES = [
    "",
    "streams:",
    "streams: {}\n",
    "streams: [a, b]",
    "\tstreams: {}",
    "streams: {a: {source: publisher}, a: {source: publisher}}",
    "streams: {a: &x {source: *x}}",
    "streamz: {a: {source: publisher}}",
    "streams: {a: {source: publisher}",
    "%!$",
    "\x00",
    "streams: !!python/object:os.system {}",
    "--- {streams: {}}\n--- {streams: {}}",
]


def test_a_broken_file_changes_nothing(server: RealServer, tmp_path: Path) -> None:
    with DaemonProcess.start(tmp_path, server.api_url, streams("a", "b")) as daemon:
        daemon.wait_for(lambda: ours(server) == {"a", "b"}, "both paths")
        for text in BREAKAGES:
            daemon.save_text(daemon._head + text if text.startswith("streams: {}") else text)
            before = daemon.passes()
            daemon.wait_for(lambda before=before: daemon.passes() >= before + 2, "two more passes")  # type: ignore[misc]
            assert ours(server) == {"a", "b"}, text
        daemon.file.unlink()
        daemon.wait_for_passes(2)
        assert ours(server) == {"a", "b"}
        daemon.save(streams("a", "b", "c"))
        daemon.wait_for(lambda: ours(server) == {"a", "b", "c"}, "the mended file taken in")


def test_a_broken_stream_keeps_its_path_and_the_others_go_on(server: RealServer, tmp_path: Path) -> None:
    with DaemonProcess.start(tmp_path, server.api_url, streams("a", "b")) as daemon:
        daemon.wait_for(lambda: ours(server) == {"a", "b"}, "both paths")
        daemon.save({"a": {"source": f"{DEAD}/a", "maxReaderz": 1}, **streams("c")})
        daemon.wait_for(lambda: ours(server) == {"a", "c"}, "c there, b gone, a left")
        server.restart()
        daemon.wait_for(lambda: ours(server) == {"a", "c"}, "a restored in its last good form")
        daemon.kill()
        server.restart()
        daemon.boot()
        daemon.wait_for(lambda: ours(server) == {"a", "c"}, "and by a new daemon too")


def test_fifty_saves_in_a_row_end_on_the_last(server: RealServer, tmp_path: Path) -> None:
    with DaemonProcess.start(tmp_path, server.api_url, streams("a")) as daemon:
        daemon.wait_for(lambda: ours(server) == {"a"}, "the first path")
        for readers in range(1, 51):
            daemon.save(streams("a", maxReaders=readers))
            time.sleep(0.01)
        daemon.wait_for(lambda: server.configured()["a"]["maxReaders"] == 50, "the last save")


def test_killed_in_the_middle_of_200_creates_it_finishes_them_and_owns_them_all(
    server: RealServer, tmp_path: Path
) -> None:
    names = [f"cam{number:03}" for number in range(200)]
    daemon = DaemonProcess(tmp_path, server.api_url)
    daemon.save(streams(*names))
    daemon.boot()
    daemon.wait_for(lambda: len(ours(server)) >= 20, "some of them")
    daemon.kill()
    assert len(ours(server)) < 200
    try:
        daemon.boot()
        daemon.wait_for(lambda: len(ours(server)) == 200, "all of them")
        daemon.wait_for(lambda: all(s["sync"] == "in_sync" for s in daemon.status()["streams"]), "in sync")
        daemon.wait_for_passes(2)
        written = daemon.writes()
        daemon.wait_for_passes(2)
        assert daemon.writes() == written < 200
        daemon.save(streams(*names[:199]))
        daemon.wait_for(lambda: len(ours(server)) == 199, "one less: what the killed daemon made is owned")
    finally:
        daemon.kill()


def test_stopping_and_starting_changes_nothing(server: RealServer, tmp_path: Path) -> None:
    with DaemonProcess.start(tmp_path, server.api_url, streams("a", "b")) as daemon:
        daemon.wait_for(lambda: ours(server) == {"a", "b"}, "both paths")
        assert daemon.stop() == 0
        assert ours(server) == {"a", "b"}
        daemon.boot()
        daemon.wait_for_passes(3)
        assert daemon.writes() == 0


async def test_a_watched_camera_is_not_cut_by_anything_that_does_not_concern_it(tmp_path: Path) -> None:
    async with Camera.start(username="admin", password="p@ss/w:rd") as camera:
        with RealServer.start(tmp_path, rtsp=True, paths={"all_others": {}}) as server:
            source = {"source": camera.url(login=False), "username": "admin", "password": "p@ss/w:rd"}
            recording = {"record": False, "recordPath": str(tmp_path / "%path" / "%Y-%m-%d_%H-%M-%S-%f")}
            live = {"live": {**source, "rtspTransport": "tcp", **recording}}
            await asyncio.to_thread(_watch_through_trouble, tmp_path, server, live)


def _watch_through_trouble(tmp_path: Path, server: RealServer, live: dict[str, Any]) -> None:
    with DaemonProcess.start(tmp_path, server.api_url, {**live, **streams("a", "b")}) as daemon:
        daemon.wait_for(lambda: daemon.stream("live")["status"] == "RUNNING", "the camera runs")
        ready = server.runtime()["live"]["readyTime"]

        async def watch() -> None:
            async with Reader.play(f"{server.rtsp_url}/live") as viewer:
                assert await viewer.receives(1000)
                await asyncio.to_thread(_trouble, daemon, server, live)
                assert await viewer.receives(1000)

        asyncio.run(watch())
        assert server.runtime()["live"]["readyTime"] == ready
        assert "p@ss" not in daemon.log
        assert "p%40ss" not in daemon.log


def _trouble(daemon: DaemonProcess, server: RealServer, live: dict[str, Any]) -> None:
    daemon.wait_for(lambda: daemon.stream("live")["readers"] == 1, "the viewer is counted")
    daemon.save({**live, **streams("a", "c")})
    daemon.wait_for(lambda: ours(server) == {"live", "a", "c"}, "others came and went")
    daemon.save({"live": {**live["live"], "labels": {"site": "hq"}}, **streams("a")})
    daemon.save_text("streams: [")
    daemon.wait_for_passes(2)
    daemon.kill()
    daemon.boot()
    daemon.save({"live": {**live["live"], "record": True}})
    daemon.wait_for(lambda: server.configured()["live"]["record"], "the recording is on")
    daemon.wait_for(lambda: daemon.stream("live")["sync"] == "in_sync", "in sync")
    daemon.hang_up()
    daemon.wait_for_passes(2)
    assert daemon.stop() == 0
    daemon.boot()
