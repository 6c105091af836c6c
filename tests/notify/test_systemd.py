"""The datagrams a service manager gets, and that none can do harm."""

from __future__ import annotations

import os
import socket
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest

from reconciler.notify.systemd import Notifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """Yield a listening socket, and its address as systemd would write it."""
    address = str(tmp_path / "notify") if request.param == "path" else f"@reconciler-test-{os.getpid()}-{tmp_path.name}"
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
        listening.bind(address.replace("@", "\0", 1))
        yield listening, address


def heard(manager: socket.socket) -> list[str]:
    """Return everything said so far."""
    said: list[str] = []
    while True:
        try:
            said.append(manager.recv(4096, socket.MSG_DONTWAIT).decode())
        except BlockingIOError:
            return said


def test_says_each_thing_in_one_datagram(manager: tuple[socket.socket, str]) -> None:
    listening, address = manager
    notifier = Notifier.from_environ({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "30000000"})
    assert notifier.active
    notifier.ready()
    notifier.status("12/12 in sync")
    notifier.reloading(123456789)
    notifier.watchdog()
    notifier.stopping()
    assert heard(listening) == [
        "READY=1",
        "STATUS=12/12 in sync",
        "RELOADING=1\nMONOTONIC_USEC=123456789",
        "WATCHDOG=1",
        "STOPPING=1",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("two\nlines\r\nREADY=1", "two lines READY=1"),
        ("a\0b\x1b[2Jc\u2028d", "a b [2Jc d"),
        ("", ""),
        ("é 😀 \ud800", "é 😀"),
        ("x" * 5000, "x" * 1000),
    ],
)
def test_a_status_is_one_line_that_says_nothing_else(tmp_path: Path, text: str, said: str) -> None:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
        listening.bind(str(tmp_path / "notify"))
        Notifier(str(tmp_path / "notify")).status(text)
        assert heard(listening) == [f"STATUS={said}"]


class TestWatchdog:
    @pytest.mark.parametrize(
        ("environ", "interval"),
        [
            ({"WATCHDOG_USEC": "30000000"}, 10.0),
            ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 10.0),
            ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getppid())}, None),
            ({"WATCHDOG_USEC": "0"}, None),
            ({"WATCHDOG_USEC": "-1"}, None),
            ({"WATCHDOG_USEC": "soon"}, None),
            ({"WATCHDOG_USEC": ""}, None),
            ({}, None),
        ],
    )
    def test_is_fed_at_a_third_of_its_limit_if_it_waits_for_us(
        self, environ: dict[str, str], interval: float | None
    ) -> None:
        assert Notifier.from_environ({"NOTIFY_SOCKET": "/run/x", **environ}).watchdog_interval == interval

    def test_of_another_process_is_not_fed(self, tmp_path: Path) -> None:
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
            listening.bind(str(tmp_path / "notify"))
            environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}
            Notifier.from_environ(environ).watchdog()
            assert heard(listening) == []

    def test_is_none_where_there_is_nobody_to_tell(self) -> None:
        assert Notifier.from_environ({"WATCHDOG_USEC": "30000000"}).watchdog_interval is None


class TestNobodyToTell:
    @pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}])
    def test_nothing_is_sent(self, environ: dict[str, str]) -> None:
        notifier = Notifier.from_environ(environ)
        assert not notifier.active
        notifier.ready()
        notifier.status("nobody hears")

    def test_a_manager_that_has_gone_does_no_harm(self, tmp_path: Path) -> None:
        address = tmp_path / "notify"
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
            listening.bind(str(address))
        notifier = Notifier(str(address), 1.0)
        notifier.watchdog()
        address.unlink()
        notifier.watchdog()
        Notifier("/" + "x" * 300).ready()

    def test_a_manager_that_does_not_read_does_not_hold_us_for_ever(self, tmp_path: Path) -> None:
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
            listening.bind(str(tmp_path / "notify"))
            with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as filler:
                filler.settimeout(0)
                filler.connect(str(tmp_path / "notify"))
                with suppress(BlockingIOError):
                    while True:
                        filler.send(b"x")
            Notifier(str(tmp_path / "notify")).ready()
            assert "READY=1" not in heard(listening)
