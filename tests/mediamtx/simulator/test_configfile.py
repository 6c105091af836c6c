"""What the simulator takes over from a mediamtx.yml."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.errors import SettingsError
from reconciler.mediamtx.simulator import User
from reconciler.mediamtx.simulator.configfile import BootFile, read_boot_file
from tests.support.simulator import Bench

if TYPE_CHECKING:
    from pathlib import Path

FULL = """\
logLevel: info
api: yes
authInternalUsers:
  - user: any
    permissions: [{action: publish}, {action: read, path: ""}]
  - user: reconciler
    pass: 12345
    ips: []
    permissions: [{action: api}]
pathDefaults:
  record: yes
paths:
  gate: {source: rtsp://192.0.2.1/live, sourceOnDemand: yes}
  all_others:
"""


def read(tmp_path: Path, text: str | bytes) -> BootFile:
    file = tmp_path / "mediamtx.yml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_boot_file(file)


def test_paths_defaults_and_users_are_taken_over(tmp_path: Path) -> None:
    boot = read(tmp_path, FULL)
    assert boot.paths == {"gate": {"source": "rtsp://192.0.2.1/live", "sourceOnDemand": True}, "all_others": {}}
    assert boot.defaults == {"record": True}
    assert boot.users == (User("any", "", api=False), User("reconciler", "12345"))


def test_a_server_starts_with_them(tmp_path: Path) -> None:
    boot = read(tmp_path, FULL)
    bench = Bench(boot=boot.paths, defaults=boot.defaults)
    assert {name: path["record"] for name, path in bench.configured().items()} == {"all_others": True, "gate": True}


@pytest.mark.parametrize("text", ["", "# nothing\n", "paths:\n", "paths: {}\nauthInternalUsers:\n"])
def test_an_empty_file_is_a_server_without_paths(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == BootFile({}, ())


@pytest.mark.parametrize("networks", ["[]", "['127.0.0.1', '::1']", "['127.0.0.0/8']"])
def test_when_anybody_may_use_the_api_nobody_has_to_log_in(tmp_path: Path, networks: str) -> None:
    users = f"[{{user: any, ips: {networks}, permissions: [{{action: api}}]}}, {{user: x, pass: y, permissions: []}}]"
    assert read(tmp_path, f"authInternalUsers: {users}").users == ()


def test_who_may_only_come_from_elsewhere_may_not_use_it(tmp_path: Path) -> None:
    users = "[{user: x, pass: y, ips: ['10.0.0.0/8'], permissions: [{action: api}]}]"
    assert read(tmp_path, f"authInternalUsers: {users}").users == (User("x", "y", api=False),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("paths: [a]", "is not a mediamtx.yml: `paths` must be a mapping"),
        ("paths: {gate: rtsp://x}", "is not a mediamtx.yml: each of `paths` must be a mapping"),
        ("pathDefaults: 3", "is not a mediamtx.yml: `pathDefaults` must be a mapping"),
        ("authInternalUsers: 3", "is not a mediamtx.yml: `authInternalUsers` must be a list"),
        ("authInternalUsers: [3]", "is not a mediamtx.yml: each of `authInternalUsers` must be a mapping"),
        ("- a", "is not a mediamtx.yml: the file must be a mapping"),
        ("paths:\n  gate: {", "is not readable as YAML, line 2"),
        (b"\xff\xfe\xff", "is not readable as YAML"),
        ("since: 2024-13-45", "is not readable as YAML"),
        ("[" * 3000, "is not readable as YAML"),
    ],
)
def test_what_is_no_such_file_is_told(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(SettingsError) as error:
        read(tmp_path, text)
    assert str(error.value).endswith(message)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        read_boot_file(tmp_path / "absent.yml")


def test_a_password_in_a_broken_line_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        read(tmp_path, "authInternalUsers: [{user: x, pass: s3cr3t")
    assert "s3cr3t" not in str(error.value)
