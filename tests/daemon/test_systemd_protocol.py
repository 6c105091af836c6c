"""The daemon as a service manager sees it: a process, its datagrams, its exit code."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PATIENCE = 40.0


def refusing_port() -> int:
    """Return a port of this machine on which nobody listens."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Service:
    """Starts `reconciler run` as systemd does, and hears what it says. All methods block."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.file = directory / "streams.yaml"
        self.write()
        self.address = str(directory / "notify")
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(self.address)
        self.said: list[str] = []
        self.processes: list[subprocess.Popen[str]] = []

    def write(self, listen: str = "127.0.0.1:0", streams: str = "{}") -> None:
        self.file.write_text(
            f"server: {{url: 'http://127.0.0.1:{refusing_port()}'}}\n"
            f"daemon: {{listen: '{listen}', observe: 200ms}}\n"
            f"streams: {streams}\n"
        )

    def start(self, *, watchdog: float = 1.5) -> subprocess.Popen[str]:
        environ = {
            **os.environ,
            "NOTIFY_SOCKET": self.address,
            "WATCHDOG_USEC": str(int(watchdog * 1e6)),
            "STATE_DIRECTORY": str(self.directory / "state"),
        }
        environ.pop("WATCHDOG_PID", None)
        process = subprocess.Popen(
            [sys.executable, "-m", "reconciler", "run", "-c", str(self.file)],
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def hear(self, start: str) -> str:
        """Wait for a datagram that begins so; what came before it is in `said`."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            self.manager.settimeout(max(0.01, deadline - time.monotonic()))
            message = self.manager.recv(4096).decode()
            self.said.append(message)
            if message.startswith(start):
                return message
        raise AssertionError(f"{start!r} was never said, only {self.said}")

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()
        self.manager.close()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with closing(Service(tmp_path)) as made:
        yield made


def test_it_is_ready_although_the_server_is_away_and_says_how_it_is(service: Service) -> None:
    service.start()
    service.hear("READY=1")
    assert service.said.count("READY=1") == 1
    status = service.hear("STATUS=")
    while "default" not in status:
        status = service.hear("STATUS=")
    assert "\n" not in status


def test_it_feeds_the_watchdog(service: Service) -> None:
    service.start(watchdog=1.5)
    for _ in range(3):
        service.hear("WATCHDOG=1")


def test_it_is_ready_on_a_broken_file_too_and_says_where_it_is_broken(service: Service) -> None:
    service.file.write_text("streams:\n  gate: [\n")
    service.start()
    service.hear("READY=1")
    status = service.hear("STATUS=")
    while "streams.yaml:" not in status:
        status = service.hear("STATUS=")


def test_a_hang_up_is_a_reload_that_ends(service: Service) -> None:
    before = time.monotonic_ns() // 1000
    process = service.start()
    service.hear("READY=1")
    process.send_signal(signal.SIGHUP)
    reloading = service.hear("RELOADING=1")
    match = re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)", reloading)
    assert match is not None
    assert before < int(match[1]) <= time.monotonic_ns() // 1000
    service.hear("READY=1")
    assert process.poll() is None


def test_a_hang_up_on_a_broken_file_ends_too(service: Service) -> None:
    process = service.start()
    service.hear("READY=1")
    service.file.write_text("streams: [")
    process.send_signal(signal.SIGHUP)
    service.hear("RELOADING=1")
    service.hear("READY=1")
    assert process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_that_it_stops_and_ends_well(service: Service, number: signal.Signals) -> None:
    process = service.start()
    service.hear("READY=1")
    process.send_signal(number)
    service.hear("STOPPING=1")
    _, log = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 0
    assert "Traceback" not in log
    assert log.rstrip().endswith("stopped; the servers are left as they are")


def test_a_port_that_is_taken_ends_it_with_78_and_says_which(service: Service) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        service.write(listen=f"127.0.0.1:{port}")
        process = service.start()
        _, log = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 78
    assert f"127.0.0.1:{port}" in log
    assert "Traceback" not in log


def test_a_state_directory_in_use_ends_the_second_one_with_1_and_names_the_first(service: Service) -> None:
    first = service.start()
    service.hear("READY=1")
    second = service.start()
    _, log = second.communicate(timeout=_PATIENCE)
    assert second.returncode == 1
    assert f"is in use by pid {first.pid}" in log
    assert "Traceback" not in log
    assert first.poll() is None
