"""`reconciler simulate`: a MediaMTX that is none, as a process."""

from __future__ import annotations

import signal
import urllib.error
import urllib.request
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest

from reconciler.cli.exits import Exit
from tests.support.commands import Program, get

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.commands import Cli

ANY_PORT = ("--listen", "127.0.0.1:0")


def address(program: Program) -> str:
    return "http://" + program.wait_for("simulated MediaMTX").partition("http://")[2].partition("/")[0]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_serves_until_it_is_stopped(tmp_path: Path, how: signal.Signals) -> None:
    with Program.start(tmp_path, "simulate", *ANY_PORT) as program:
        url = address(program)
        assert get(f"{url}/v3/config/paths/list")["items"] == []
        assert get(f"{url}/v3/info")["version"] == "v1.20.1"
        assert program.stop(how) == Exit.OK
        assert "Traceback" not in program.output


def test_behaves_as_the_version_it_is_told(tmp_path: Path) -> None:
    with Program.start(tmp_path, "simulate", *ANY_PORT, "--mediamtx-version", "1.9.3") as program:
        url = address(program)
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(f"{url}/v3/info")


def test_begins_with_the_paths_and_users_of_a_mediamtx_yml(tmp_path: Path) -> None:
    (tmp_path / "mediamtx.yml").write_text(
        "authInternalUsers:\n- {user: me, pass: secret, permissions: [{action: api}]}\n"
        "paths: {theirs: {source: 'rtsp://127.0.0.1:5999/x', sourceOnDemand: yes}}\n"
    )
    with Program.start(tmp_path, "simulate", *ANY_PORT, "--config", "mediamtx.yml") as program:
        url = address(program)
        with pytest.raises(urllib.error.HTTPError, match="401"):
            get(f"{url}/v3/config/paths/list")
        request = urllib.request.Request(f"{url}/v3/config/paths/list")
        request.add_header("Authorization", "Basic " + b64encode(b"me:secret").decode())
        with urllib.request.urlopen(request) as answer:
            assert b'"theirs"' in answer.read()


def test_begins_with_the_shipped_mediamtx_yml(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    with Program.start(tmp_path, "simulate", *ANY_PORT, "-c", pytestconfig.rootpath / "mediamtx.yml") as program:
        assert get(f"{address(program)}/v3/config/paths/list")["items"] == []


class TestRefusals:
    @pytest.mark.parametrize("version", ["1.8.0", "2.0.0", "new"])
    def test_a_version_it_does_not_know(self, cli: Cli, version: str) -> None:
        ended = cli("simulate", "--mediamtx-version", version)
        assert ended.code == Exit.SETTINGS
        assert "between 1.9.0 and 1.20.1" in ended.err

    def test_a_port_that_is_taken(self, cli: Cli, simulated: str) -> None:
        ended = cli("simulate", "--listen", simulated.removeprefix("http://"))
        assert ended.code == Exit.SETTINGS
        assert "--listen" in ended.err

    def test_a_file_a_real_one_would_not_start_with(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "mediamtx.yml").write_text("paths: {gate: {source: nonsense}}\n")
        ended = cli("simulate", "-c", "mediamtx.yml")
        assert ended.code == Exit.ERROR
        assert ended.err.startswith("reconciler: mediamtx.yml: MediaMTX 1.20.1 would not start with it: ")

    @pytest.mark.parametrize("content", ["paths: [\n", "- 1\n", None])
    def test_a_file_that_is_none(self, cli: Cli, tmp_path: Path, content: str | None) -> None:
        if content is not None:
            (tmp_path / "mediamtx.yml").write_text(content)
        ended = cli("simulate", "-c", "mediamtx.yml")
        assert ended.code == Exit.SETTINGS
        assert ended.err.startswith("reconciler: mediamtx.yml: ")
