"""What a daemon starts on: the file where it can be used, else the last good state."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.support.daemon import DaemonProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOBODY = "http://127.0.0.1:9"  # nobody listens there; what is asked here needs no server
STREAMS = {"a": {"source": "publisher"}}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[DaemonProcess]:
    process = DaemonProcess(tmp_path, NOBODY)
    process.save(STREAMS)
    yield process
    process.kill()


def listen_on(daemon: DaemonProcess, port: int) -> None:
    daemon._head = daemon._head.replace(daemon._head.partition("listen: '")[2].partition("'")[0], f"127.0.0.1:{port}")
    daemon.save(STREAMS)


def test_a_setting_edited_while_it_was_stopped_holds_from_the_next_start(daemon: DaemonProcess) -> None:
    first, second = free_port(), free_port()
    listen_on(daemon, first)
    daemon.boot()
    daemon.wait_for(lambda: daemon.status()["config"]["ok"], "the file is read")
    assert daemon.url.endswith(f":{first}")
    assert daemon.stop() == 0
    listen_on(daemon, second)
    daemon.boot()
    daemon.wait_for(lambda: daemon.status()["config"]["ok"], "the file is read")
    assert daemon.url.endswith(f":{second}")
    assert "takes effect at the next start" not in daemon.log


def test_a_broken_file_is_started_on_with_the_last_good_settings_and_streams(daemon: DaemonProcess) -> None:
    port = free_port()
    listen_on(daemon, port)
    daemon.boot()
    daemon.wait_for(lambda: daemon.stream("a")["status"] != "absent", "the stream is known")
    assert daemon.stop() == 0
    daemon.save_text("streams: [")
    daemon.boot()
    daemon.wait_for(lambda: daemon.stream("a")["status"] != "absent", "the stream is still known")
    assert daemon.url.endswith(f":{port}")
    assert not daemon.status()["config"]["ok"]
