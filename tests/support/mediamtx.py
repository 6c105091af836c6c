"""A real MediaMTX as a child process, for tests that hold our words against the real thing.

Every listener is on 127.0.0.1, on a free port; all that is not asked for is off. The binary is `MEDIAMTX_BIN`, of any
version the product supports. What a test looks up or changes here goes through MediaMTX's own API without any of our
code.

All methods block: where something else runs in the same event loop, call them through `asyncio.to_thread`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest

from reconciler.core.options.version import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from reconciler.core.model import Json, Options

__all__ = ["RealServer", "binary"]

_PATIENCE = 20.0


def binary() -> str:
    """Return the MediaMTX to test against; skip the test where there is none."""
    name = os.environ.get("MEDIAMTX_BIN")
    if not name:
        pytest.skip("MEDIAMTX_BIN is not set: no real MediaMTX to test against")
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"MEDIAMTX_BIN={name} is no program")
    return found


class RealServer:
    """One MediaMTX. `api_url` and `rtsp_url` stay the same over restarts."""

    def __init__(
        self, executable: str, directory: Path, settings: Mapping[str, Json], users: Mapping[str, str]
    ) -> None:
        self.version = _version(executable)
        self.api_port, self.rtsp_port = _free_port(), _free_port()
        self.api_url = f"http://127.0.0.1:{self.api_port}"
        self.rtsp_url = f"rtsp://127.0.0.1:{self.rtsp_port}"
        self.config_file = directory / "mediamtx.yml"
        self._executable, self._log_file = executable, directory / "mediamtx.log"
        self._settings = {**_settings(self.version, self.api_port, self.rtsp_port, users), **settings}
        self._process: subprocess.Popen[bytes] | None = None
        self._http = httpx.Client(
            base_url=self.api_url, trust_env=False, timeout=_PATIENCE, auth=next(iter(users.items()), None)
        )

    @classmethod
    @contextmanager
    def start(
        cls,
        directory: Path,
        *,
        paths: Mapping[str, Options] | None = None,
        users: Mapping[str, str] | None = None,
        rtsp: bool = False,
        extra: Mapping[str, Json] | None = None,
    ) -> Iterator[RealServer]:
        """Run a server whose file has `paths`, until the block ends.

        `users` (name to password) are those who may use the API, nobody else may; without any, all of this machine may.
        `extra` are settings of mediamtx.yml that win over ours.
        """
        server = cls(binary(), directory, {"rtsp": rtsp, **(extra or {})}, users or {})
        server.write_file(paths or {})
        try:
            server.boot()
            yield server
        finally:
            server.stop()
            server._http.close()

    # --- its life -------------------------------------------------------------------------------------------------

    def boot(self) -> None:
        """Start it, and wait until its API answers."""
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [self._executable, str(self.config_file)],
                cwd=self.config_file.parent,
                env={"PATH": os.environ.get("PATH", "")},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.wait_for(self._answers, "the API to answer")

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as a service manager would."""
        self._end(signal.SIGINT)

    def restart(self) -> None:
        """Kill it and start it anew, with what its file has."""
        self.kill()
        self.boot()

    def wait_until_dead(self) -> None:
        """Wait until it has ended by itself."""
        if self._process is not None:
            self._process.wait(_PATIENCE)

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """All that it has logged, over all its lives."""
        return self._log_file.read_text(errors="replace") if self._log_file.exists() else ""

    def write_file(self, paths: Mapping[str, Options]) -> None:
        """Replace its configuration file in one step. A running server reloads it, but not twice within a second."""
        settings = {**self._settings, "paths": {name: dict(options) for name, options in paths.items()}}
        draft = self.config_file.with_suffix(".new")
        draft.write_text(json.dumps(settings, indent=1))
        draft.replace(self.config_file)

    # --- looking and meddling, past our own client ----------------------------------------------------------------

    def get(self, path: str) -> Any:
        """Return the JSON of `GET path`, for example `/v3/paths/list`."""
        return self._http.get(path).raise_for_status().json()

    def configured(self) -> dict[str, dict[str, Any]]:
        """Return the configuration of all paths, by name."""
        return {item["name"]: item for item in self.get("/v3/config/paths/list?itemsPerPage=1000000")["items"]}

    def runtime(self) -> dict[str, dict[str, Any]]:
        """Return all that runs, by name."""
        return {item["name"]: item for item in self.get("/v3/paths/list?itemsPerPage=1000000")["items"]}

    def edit(self, name: str, options: Options) -> None:
        """Create or replace a path, as some other program."""
        self._http.post(f"/v3/config/paths/replace/{quote(name, safe='')}", json=dict(options)).raise_for_status()

    def remove(self, name: str) -> None:
        """Delete a path, as some other program."""
        self._http.delete(f"/v3/config/paths/delete/{quote(name, safe='')}").raise_for_status()

    def wait_until_ready(self, name: str) -> None:
        """Wait until a path has a stream."""
        self.wait_for(lambda: self.runtime().get(name, {}).get("ready") is True, f"{name} to be ready")

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until `condition()` is true; fail with the server's log when it does not become so."""
        deadline = time.monotonic() + _PATIENCE
        while not condition():
            if not self.running:
                pytest.fail(f"MediaMTX ended while a test waited for {what}:\n{self.log}")
            if time.monotonic() > deadline:
                pytest.fail(f"waited in vain for {what}; MediaMTX says:\n{self.log}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            return self._http.get("/v3/paths/list").is_success
        except httpx.TransportError:
            return False

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def _settings(version: Version, api_port: int, rtsp_port: int, users: Mapping[str, str]) -> dict[str, Json]:
    settings: dict[str, Json] = {
        "logLevel": "info",
        "logDestinations": ["stdout"],
        "api": True,
        "apiAddress": f"127.0.0.1:{api_port}",
        "rtspAddress": f"127.0.0.1:{rtsp_port}",
        **dict.fromkeys(["rtmp", "hls", "webrtc", "srt", "metrics", "pprof", "playback"], False),
    }
    settings["rtspTransports" if version >= Version(1, 11, 0) else "protocols"] = ["tcp"]
    if version >= Version(1, 19, 0):
        settings["moq"] = False
    if users:
        viewing: list[Json] = [{"action": "read", "path": ""}, {"action": "publish", "path": ""}]
        known: list[Json] = [{"user": "any", "pass": "", "ips": [], "permissions": viewing}]
        for name, password in users.items():
            known.append({"user": name, "pass": password, "ips": [], "permissions": [{"action": "api"}]})
        settings["authInternalUsers"] = known
    return settings


def _version(executable: str) -> Version:
    printed = subprocess.run([executable, "--version"], capture_output=True, text=True, check=True, timeout=_PATIENCE)
    version = Version.parse(printed.stdout or printed.stderr)
    if version is None:
        pytest.fail(f"{executable} does not tell its version: {printed.stdout}{printed.stderr}")
    return version


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
