"""`reconciler run` as a process: what it prints, and how it ends."""

from __future__ import annotations

import json
import signal
import socket
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from reconciler.cli.exits import Exit
from tests.support.commands import Program, get

if TYPE_CHECKING:
    from pathlib import Path


def save(directory: Path, server: str, listen: str = "127.0.0.1:0") -> None:
    (directory / "streams.yaml").write_text(
        f"server: {{url: '{server}'}}\n"
        f"daemon: {{listen: '{listen}', state_dir: '{directory}/state'}}\n"
        "streams: {gate: {source: 'rtsp://admin:hunter2-and-more@127.0.0.1:5999/gate'}}\n"
    )


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_works_until_it_is_stopped_and_leaves_the_server_as_it_is(
    tmp_path: Path, simulated: str, how: signal.Signals
) -> None:
    save(tmp_path, simulated)
    with Program.start(tmp_path, "run") as program:
        program.wait_for("created gate")
        assert program.stop(how) == Exit.OK
        assert "hunter2-and-more" not in program.output
        assert "Traceback" not in program.output
    assert [item["name"] for item in get(f"{simulated}/v3/config/paths/list")["items"]] == ["gate"]


def test_logs_one_json_object_a_line_when_asked_to(tmp_path: Path, simulated: str) -> None:
    save(tmp_path, simulated)
    with Program.start(tmp_path, "run", "--log-format", "json") as program:
        created = json.loads(program.wait_for("created gate"))
        assert program.stop() == Exit.OK
        entries = [json.loads(line) for line in program.output.splitlines()]
    assert (created["level"], created["stream"], created["action"]) == ("info", "gate", "create")
    assert all({"time", "level", "logger", "message"} <= entry.keys() for entry in entries)


def test_a_port_that_is_taken_is_a_wrong_setting_that_systemd_need_not_try_again(tmp_path: Path) -> None:
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        save(tmp_path, "http://127.0.0.1:9", "{}:{}".format(*other.getsockname()))
        with Program.start(tmp_path, "run") as program:
            program.wait_for("daemon.listen")
            assert program.wait() == Exit.SETTINGS
            assert "Traceback" not in program.output
