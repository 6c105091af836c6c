"""`reconciler demo`, as a newcomer meets it: a process, a file to edit, Ctrl-C."""

from __future__ import annotations

import re
import socket
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.cli.demo import shipped_file
from reconciler.cli.exits import Exit
from tests.support.commands import Program, get, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.commands import Cli


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Program]:
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    with Program.start(tmp_path, "demo", TMPDIR=str(scratch)) as program:
        yield program


def file_of(program: Program) -> Path:
    return Path(program.wait_for("/streams.yaml").strip())


def started(program: Program) -> tuple[Path, str, str]:
    """Wait until the first paths are there; return the file, and the addresses of server and daemon."""
    file = file_of(program)
    for name in ("front-door", "gate", "mobile"):
        program.wait_for(f"+ created {name}")
    (server,) = re.findall(r"curl -s (\S+)/v3/paths/list", program.output)
    (daemon,) = re.findall(r"curl -s (\S+)/metrics", program.output)
    return file, server, daemon


def paths(server: str) -> dict[str, Any]:
    return {item["name"]: item for item in get(f"{server}/v3/config/paths/list")["items"]}


def test_what_it_says_is_there_is_there(demo: Program) -> None:
    file, server, daemon = started(demo)
    assert file.read_bytes() == shipped_file().read_bytes()
    assert {"front-door", "gate", "mobile"} <= set(paths(server))
    assert "garage" not in paths(server)
    streams = get(f"{daemon}/api/streams")["streams"]
    assert {stream["id"] for stream in streams} == {"front-door", "gate", "mobile", "garage"}


def test_an_edit_shows_on_the_server_and_as_a_line(demo: Program) -> None:
    file, server, _ = started(demo)
    file.write_text(file.read_text().replace("/stream1", "/stream2"))
    assert "~ updated gate" in demo.wait_for("updated")
    assert paths(server)["gate"]["source"].endswith("/stream2")


def test_a_broken_file_is_told_with_its_place_and_changes_nothing(demo: Program) -> None:
    file, server, _ = started(demo)
    before = paths(server)
    file.write_text(file.read_text() + "streams: [\n")
    demo.wait_for(f"{file}:")
    demo.wait_for("the last good state stays in force")
    assert paths(server) == before


def test_a_simulated_camera_can_be_made_to_die(demo: Program) -> None:
    _, _, daemon = started(demo)
    (line,) = re.findall(r"curl -X POST '(\S+)'", demo.output)
    wait_until(lambda: get(f"{daemon}/api/streams/front-door")["status"] == "RUNNING", "the camera runs")
    urllib.request.urlopen(urllib.request.Request(line, method="POST")).close()
    wait_until(lambda: get(f"{daemon}/api/streams/front-door")["status"] != "RUNNING", "the camera is seen to be down")


def test_ctrl_c_ends_it_quietly_and_leaves_nothing_behind(demo: Program) -> None:
    file, _, _ = started(demo)
    assert demo.stop() == Exit.OK
    assert "Traceback" not in demo.output
    assert "Stopped." in demo.output
    assert not file.parent.exists()


def test_what_was_edited_is_kept_and_named(demo: Program) -> None:
    file, _, _ = started(demo)
    file.write_text(file.read_text() + "# mine\n")
    assert demo.stop() == Exit.OK
    assert f"What you edited is kept in {file.parent}" in demo.output
    assert file.read_text().endswith("# mine\n")
    assert [entry.name for entry in file.parent.iterdir()] == ["streams.yaml"]


def test_ports_that_are_taken_are_said_and_others_used(tmp_path: Path) -> None:
    with closing(socket.socket()) as one, closing(socket.socket()) as other:
        for listener, port in ((one, 9997), (other, 9810)):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
                listener.listen()
            except OSError:
                pass  # somebody else's already: as good
        with Program.start(tmp_path, "demo", TMPDIR=str(tmp_path)) as program:
            _, server, daemon = started(program)
            assert "Port 9997 is taken" in program.output
            assert "Port 9810 is taken" in program.output
            assert not server.endswith(":9997")
            assert not daemon.endswith(":9810")


def test_on_a_server_of_ones_own_the_paths_stay_and_are_named(tmp_path: Path, simulated: str) -> None:
    with Program.start(tmp_path, "demo", "--server", simulated, TMPDIR=str(tmp_path)) as program:
        _, server, _ = started(program)
        assert server == simulated
        assert "/simulator/" not in program.output
        assert program.stop() == Exit.OK
        assert f"These paths stay on {simulated}" in program.output
        assert "front-door, gate, mobile" in program.output
    assert {"front-door", "gate", "mobile"} <= set(paths(simulated))


def test_another_file_can_be_shown(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("streams: {shed: {source: 'rtsp://127.0.0.1:5999/shed'}}\n")
    with Program.start(tmp_path, "demo", "-c", "mine.yaml", TMPDIR=str(tmp_path)) as program:
        program.wait_for("+ created shed")
        assert program.stop() == Exit.OK


class TestRefusals:
    @pytest.mark.parametrize("url", ["localhost", "127.0.0.1:9997", "ftp://x", "http://"])
    def test_a_server_that_is_no_address(self, cli: Cli, url: str) -> None:
        ended = cli("demo", "--server", url)
        assert ended.code == Exit.SETTINGS
        assert ended.err.startswith("reconciler: --server: ")

    def test_a_file_that_is_not_there(self, cli: Cli, tmp_path: Path) -> None:
        ended = cli("demo", "-c", "mine.yaml")
        assert (ended.code, ended.err) == (Exit.ERROR, "reconciler: mine.yaml: No such file or directory\n")
        assert list(tmp_path.iterdir()) == []
