"""A distinctive password is given in every way there is, and searched for in everything that comes out."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.support.daemon import DaemonProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "Zx9/q@W:vK7$pT"  # every character that a URL, a shell or a regular expression takes amiss
LITERAL = "Literal5ecretInTheFile"
TOKEN = "whipT0kenOfTheForward"
SERVER_PASSWORD = "mtxP4ssword"
REFERENCED = (PASSWORD, SERVER_PASSWORD)
SECRETS = (*REFERENCED, LITERAL, TOKEN)


def spellings(secret: str) -> set[str]:
    """How a secret may look after its way through a URL, a header or JSON."""
    return {
        secret,
        quote(secret, safe=""),
        quote(secret),
        quote(secret, safe="").lower(),
        json.dumps(secret)[1:-1],
        base64.b64encode(secret.encode()).decode().rstrip("="),
        base64.b64encode(f"admin:{secret}".encode()).decode().rstrip("="),
    }


def leaks(text: str, secrets: tuple[str, ...] = SECRETS) -> list[str]:
    return [spelling for secret in secrets for spelling in spellings(secret) if spelling in text]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def api_url(tmp_path: Path) -> Iterator[str]:
    """A simulated server that wants a login."""
    config = tmp_path / "mediamtx.yml"
    user = {"user": "admin", "pass": SERVER_PASSWORD, "permissions": [{"action": "api"}]}
    config.write_text(json.dumps({"authInternalUsers": [user], "paths": {"all_others": {}}}))
    port = free_port()
    command = [sys.executable, "-m", "reconciler", "-c", str(config), "simulate", "--listen", f"127.0.0.1:{port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as simulator:
        assert simulator.stdout is not None
        assert b"simulated MediaMTX" in simulator.stdout.readline()
        yield f"http://127.0.0.1:{port}"
        simulator.send_signal(signal.SIGTERM)


STREAMS: dict[str, Any] = {
    "kept-apart": {"source": "rtsp://192.0.2.1/x", "username": "admin", "password": "${env:CAMERA_PASSWORD}"},
    "in-the-url": {"source": f"rtsp://admin:{LITERAL}@192.0.2.2/x"},
    "forwarded": {"source": "publisher", "forward": [{"dest": "whip://192.0.2.3/x", "whipBearerToken": TOKEN}]},
    "broken": {"source": f"rtsp://admin:{LITERAL}@192.0.2.4:99999/x"},
    "unescaped": {"source": f"rtsp://admin:{LITERAL}/@192.0.2.4/x"},
    "mistyped": {"source": "rtsp://192.0.2.5/x", "passwort": LITERAL, "password": LITERAL},
    "refused-by-us": {"source": "publisher", "readUser": "u", "readPass": LITERAL},
    "phrase": {"source": "publisher", "srtReadPassphrase": LITERAL},
}


def a_daemon(tmp_path: Path, api_url: str) -> DaemonProcess:
    daemon = DaemonProcess(tmp_path, api_url, pace="observe: 500ms, resync: 1h, prune_after: 1s")
    login = f"url: '{api_url}', username: admin, password: '${{env:MTX_PASSWORD}}'"
    daemon._head = daemon._head.replace(f"url: '{api_url}'", login)
    daemon.environ = {"CAMERA_PASSWORD": PASSWORD, "MTX_PASSWORD": SERVER_PASSWORD}
    daemon.save(STREAMS)
    return daemon


def ask(url: str, api_url: str) -> None:
    """Make a foreign edit: it puts the passwords of both forms into the next plan."""
    login = base64.b64encode(f"admin:{SERVER_PASSWORD}".encode()).decode()
    request = urllib.request.Request(
        f"{api_url}/v3/config/paths/replace/{url}",
        data=json.dumps({"source": f"rtsp://admin:{LITERAL}2@192.0.2.9/x"}).encode(),
        headers={"Authorization": f"Basic {login}"},
        method="POST",
    )
    urllib.request.urlopen(request, timeout=10).close()


def test_no_secret_leaves_by_any_exit(tmp_path: Path, api_url: str) -> None:
    daemon = a_daemon(tmp_path, api_url)
    environ = {**os.environ, **daemon.environ, "XDG_STATE_HOME": str(tmp_path / "xdg")}
    everything: dict[str, str] = {}

    def reconciler(*arguments: str) -> None:
        command = [sys.executable, "-m", "reconciler", *arguments]
        ended = subprocess.run(command, capture_output=True, text=True, env=environ, check=False, timeout=60)
        everything[" ".join(arguments)] = ended.stdout + ended.stderr

    config = ("-c", str(daemon.file))
    for form in ("text", "json", "markdown"):
        reconciler(*config, "plan", "--format", form)
    reconciler(*config, "validate")
    reconciler(*config, "validate", "--json")
    daemon.boot()
    try:
        daemon.wait_for(lambda: daemon.stream("phrase")["sync"] == "in_sync", "the good streams are there")
        for name in ("kept-apart", "in-the-url"):
            ask(name, api_url)
        reconciler(*config, "plan", "--debug")
        reconciler(*config, "plan", "--format", "json")
        daemon.hang_up()
        daemon.wait_for(lambda: daemon.writes() >= 6, "the foreign edits are put back")
        for path in ("/metrics", "/api/streams", "/api/status", "/openapi.json", "/readyz?verbose"):
            everything[path] = daemon._get(path)
        address = daemon.url.removeprefix("http://")
        reconciler("status", "--address", address)
        reconciler("status", "--address", address, "--json")
        reconciler("status", "--address", address, "in-the-url")
        reconciler(*config, "--debug", "apply")
        daemon.save_text(f"streams: {{a: {{source: 'rtsp://u:{LITERAL}@h/x', source: x}}, b: [{LITERAL}")
        daemon.wait_for(lambda: not daemon.status()["config"]["ok"], "the broken file is seen")
        reconciler(*config, "validate")
        reconciler(*config, "plan")
        everything["status of a broken file"] = json.dumps(daemon.status())
        assert daemon.stop() == 0
    finally:
        daemon.kill()
    everything["log"] = daemon.log
    assert all(text for text in everything.values())
    assert "192.0.2.9" in everything[f"-c {daemon.file} plan --debug"]  # the foreign edits were seen
    assert {name: found for name, text in everything.items() if (found := leaks(text))} == {}


def test_the_state_directory_keeps_references_as_they_were_written(tmp_path: Path, api_url: str) -> None:
    daemon = a_daemon(tmp_path, api_url)
    daemon.boot()
    try:
        daemon.wait_for(lambda: daemon.stream("phrase")["sync"] == "in_sync", "the good streams are there")
        assert daemon.stop() == 0
    finally:
        daemon.kill()
    state = tmp_path / "state"
    assert state.stat().st_mode & 0o777 == 0o700
    for file in state.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600, file
        assert leaks(file.read_bytes().decode("latin-1"), REFERENCED) == [], file
    with sqlite3.connect(state / "state.db") as database:
        (document,) = database.execute("SELECT value FROM facts WHERE name = 'last_good'").fetchone()
    database.close()
    assert "${env:CAMERA_PASSWORD}" in document.decode()


def test_a_wrong_login_at_the_server_is_said_without_the_password(tmp_path: Path, api_url: str) -> None:
    daemon = a_daemon(tmp_path, api_url)
    daemon.environ["MTX_PASSWORD"] = "wr0ngP4ssword"
    daemon.boot()
    try:
        daemon.wait_for(lambda: daemon.stream("phrase")["reason"] == "ServerAuthFailed", "the refusal is named")
        time.sleep(0.5)
        assert leaks(daemon.log + json.dumps(daemon.status()), ("wr0ngP4ssword",)) == []
    finally:
        daemon.kill()
