from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import os
import pty
import socket
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from reconciler.cli import status
from reconciler.core.model import State
from reconciler.errors import DaemonUnreachableError, ReconcilerError
from reconciler.web import Metrics, WebServer, create_app
from reconciler.web.wire import board_json, stream_json
from tests.support.boards import FakeDaemon, a_board, a_healthy_board

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@pytest.fixture
def daemon() -> FakeDaemon:
    return FakeDaemon(a_board())


@pytest.fixture
async def address(daemon: FakeDaemon) -> AsyncIterator[str]:
    server = WebServer(create_app(daemon, Metrics()), "127.0.0.1", 0)
    task = asyncio.create_task(server.serve())
    yield f"127.0.0.1:{server.port}"
    await server.stop()
    await task


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    status.add_parser(parser.add_subparsers())
    return parser.parse_args(["status", *arguments])


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run the command in this thread's stead, so that the daemon can answer; returns what it printed."""

    def in_thread(*arguments: str) -> str:
        args = parsed(*arguments)
        assert args.run(args) == 0
        return capsys.readouterr().out

    return in_thread


async def test_shows_every_stream_the_ill_ones_first(address: str, run: Callable[..., str]) -> None:
    printed = await asyncio.to_thread(run, "--address", address)
    _, _, below = printed.partition("STREAM")
    names = [line.split()[0] for line in below.partition("\n\n")[0].splitlines()[1:] if not line.startswith(" ")]
    assert names == ["yard", "hall/east", "dock", "front-door", "gate"]


async def test_what_is_wrong_with_files_and_servers_comes_before_the_table(
    address: str, run: Callable[..., str]
) -> None:
    printed = await asyncio.to_thread(run, "--address", address)
    above, _, _ = printed.partition("STREAM")
    assert "streams.yaml:12:5: streams.yard.sorce: unknown key, did you mean 'source'?\n" in above
    assert "server far (http://10.9.0.2:9997) cannot be read: ServerUnreachable: connection refused" in above


async def test_json_is_the_board_exactly(address: str, run: Callable[..., str], daemon: FakeDaemon) -> None:
    printed = await asyncio.to_thread(run, "--address", address, "--json")
    assert json.loads(printed) == board_json(daemon.shown)


async def test_json_of_one_stream_is_that_of_the_api(address: str, run: Callable[..., str], daemon: FakeDaemon) -> None:
    printed = await asyncio.to_thread(run, "--address", address, "--json", "hall/east")
    assert json.loads(printed) == stream_json(daemon.shown.streams[1])


async def test_one_stream_is_shown_in_full(address: str, run: Callable[..., str]) -> None:
    printed = await asyncio.to_thread(run, "--address", address, "front-door")
    assert printed.startswith("front-door  RUNNING\n")
    assert "rtsp://admin:***@10.0.0.11:554/Streaming/Channels/101" in printed


async def test_it_succeeds_however_ill_the_streams_are(address: str, daemon: FakeDaemon) -> None:
    ill = tuple(replace(view, status=State.ERROR) for view in daemon.shown.streams)
    daemon.shown = replace(daemon.shown, streams=ill)
    args = parsed("--address", address)
    assert await asyncio.to_thread(args.run, args) == 0


async def test_an_unknown_stream_is_an_error(address: str) -> None:
    args = parsed("--address", address, "hall/west")
    with pytest.raises(ReconcilerError, match="There is no stream 'hall/west'"):
        await asyncio.to_thread(args.run, args)


async def test_an_awkward_name_reaches_the_daemon_as_it_is(address: str) -> None:
    args = parsed("--address", address, "a b?c#d%2F")
    with pytest.raises(ReconcilerError, match=r"There is no stream 'a b\?c#d%2F'"):
        await asyncio.to_thread(args.run, args)


def test_no_daemon_is_an_error_that_says_how_to_start_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        unused_port = taken.getsockname()[1]
    args = parsed("--address", f"127.0.0.1:{unused_port}")
    with pytest.raises(DaemonUnreachableError) as caught:
        args.run(args)
    message = str(caught.value)
    assert f"127.0.0.1:{unused_port}" in message
    assert "reconciler run" in message
    assert "--address" in message


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi", b"SSH-2.0\r\n", b""]
)
async def test_something_else_at_the_address_is_told_apart(answer: bytes) -> None:
    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(other, "127.0.0.1", 0) as server:
        args = parsed("--address", f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
        with pytest.raises(DaemonUnreachableError):
            await asyncio.to_thread(args.run, args)


async def test_the_environment_may_name_the_address(
    address: str, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILER_ADDRESS", address)
    assert "front-door" in await asyncio.to_thread(run)


def test_a_wrong_address_is_refused_by_the_parser(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed("--address", "nowhere:port")
    assert "is not an address" in capsys.readouterr().err


def test_it_starts_without_heavy_imports() -> None:
    program = (
        "import sys, reconciler.cli.status;"
        "heavy = {'httpx', 'pydantic', 'fastapi', 'uvicorn', 'yaml', 'asyncio', 'prometheus_client', 'sqlite3',"
        " 'dataclasses', 'logging'};"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class TestWatch:
    def watched(self, *pictures: str | DaemonUnreachableError, clear: bool = False) -> tuple[str, list[float]]:
        out, slept = io.StringIO(), list[float]()
        coming = iter(pictures)

        def show() -> str:
            picture = next(coming, None)
            if picture is None:
                raise KeyboardInterrupt
            if isinstance(picture, DaemonUnreachableError):
                raise picture
            return picture

        status.watch(show, out=out, sleep=slept.append, clear=clear)
        return out.getvalue(), slept

    def test_shows_again_every_two_seconds_until_interrupted(self) -> None:
        assert self.watched("one\n", "two\n") == ("one\ntwo\n", [2.0, 2.0])

    def test_waits_for_a_daemon_that_is_being_restarted(self) -> None:
        printed, _ = self.watched("one\n", DaemonUnreachableError("nobody there"), "two\n")
        assert printed == "one\nnobody there\ntwo\n"

    def test_an_interrupt_while_waiting_ends_it_too(self) -> None:
        def interrupted(_: float) -> None:
            raise KeyboardInterrupt

        status.watch(lambda: "one\n", out=io.StringIO(), sleep=interrupted, clear=False)


class TestTerminal:
    """The command as a process on a terminal of its own."""

    async def on_terminal(self, address: str, *arguments: str, columns: int = 100, **environ: str) -> str:
        program = (
            "import argparse; from reconciler.cli import status; p = argparse.ArgumentParser();"
            "status.add_parser(p.add_subparsers()); a = p.parse_args(); raise SystemExit(a.run(a))"
        )
        master, slave = pty.openpty()
        size = f"stty cols {columns} rows 50; exec "
        command = [sys.executable, "-c", program, "status", "--address", address, *arguments]
        process = await asyncio.create_subprocess_exec(
            "sh", "-c", size + '"$@"', "sh", *command,
            stdin=slave, stdout=slave, stderr=slave, env={**os.environ, "TERM": "xterm", **environ},
        )  # fmt: skip
        os.close(slave)
        reading = asyncio.to_thread(self.all_of, master)
        printed, _ = await asyncio.gather(reading, process.wait())
        return printed

    def all_of(self, master: int) -> str:
        read = b""
        with contextlib.suppress(OSError):  # how a terminal says that its last writer is gone
            while some := os.read(master, 65536):
                read += some
        os.close(master)
        return read.decode()

    async def test_colours_and_no_line_wider_than_it(self, address: str) -> None:
        printed = await self.on_terminal(address, columns=90, NO_COLOR="")
        assert "\x1b[31mERROR\x1b[0m" in printed
        plain = await self.on_terminal(address, columns=90, NO_COLOR="1")
        assert "\x1b" not in plain
        assert max(len(line.rstrip("\r")) for line in plain.split("\n")) <= 90

    async def test_a_pipe_gets_neither_colours_nor_cuts(
        self, address: str, run: Callable[..., str], daemon: FakeDaemon
    ) -> None:
        long = replace(a_healthy_board().streams[0], source_url="rtsp://10.0.0.1/" + "x" * 300)
        daemon.shown = replace(a_healthy_board(), streams=(long,))
        printed = await asyncio.to_thread(run, "--address", address)
        assert "x" * 300 in printed
        assert "\x1b" not in printed
