from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.cli.ask import Address, find_address, parse_address
from reconciler.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT = Address("127.0.0.1", 9810)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9000", Address("127.0.0.1", 9000)),
        ("localhost", Address("localhost", 9810)),
        (":9000", Address("127.0.0.1", 9000)),
        ("[::1]:9000", Address("::1", 9000)),
        ("http://nvr.lan:9000/", Address("nvr.lan", 9000)),
        (" 127.0.0.1:9000\n", Address("127.0.0.1", 9000)),
    ],
)
def test_ways_to_write_an_address(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "host:port", "host:70000", "https://host", "host/path", "u:p@host", "[::1"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="is not an address: write host:port"):
        parse_address(text)


def test_addresses_are_written_as_they_are_read() -> None:
    for text in ("127.0.0.1:9810", "[::1]:9810"):
        assert str(parse_address(text)) == text


def test_the_default_when_nothing_says_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_address(None, {}) == DEFAULT


def test_a_wrong_environment_is_named() -> None:
    with pytest.raises(SettingsError, match="RECONCILER_ADDRESS"):
        find_address(None, {"RECONCILER_ADDRESS": "no:where"})


def test_the_environment_comes_before_the_file(tmp_path: Path) -> None:
    config = tmp_path / "streams.yaml"
    config.write_text("daemon: {listen: 127.0.0.1:9001}\n")
    assert find_address(config, {"RECONCILER_ADDRESS": "127.0.0.1:9002"}).port == 9002


@pytest.mark.parametrize(
    ("content", "port"),
    [
        ("daemon: {listen: 127.0.0.1:9001, resync: 30s}\nstreams: {}\n", 9001),
        (
            "version: 1\ndaemon:\n  # where\n  listen: 127.0.0.1:9001   # here\n\n  resync: 30s\nstreams:\n  a: {}\n",
            9001,
        ),
        ("daemon:\n  {\n  listen: '127.0.0.1:9001',\n}\nstreams: {}\n", 9001),
        ("daemon:\n# a remark\n  listen: '[::1]:9001'\n", 9001),
        ("streams:\n  listen:\n    source: rtsp://10.0.0.1/daemon:\n", 9810),
        ("daemon: {resync: 30s}\n", 9810),
        ("daemon: {listen: nonsense:port}\n", 9810),
        ("daemon: [listen]\n", 9810),
        ("daemon: {listen: \n", 9810),
        ("daemon: listen\n", 9810),
        ("", 9810),
    ],
)
def test_the_file_may_name_it(tmp_path: Path, content: str, port: int) -> None:
    config = tmp_path / "streams.yaml"
    config.write_text(content)
    assert find_address(config, {}).port == port


def test_the_file_is_looked_for_where_run_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "streams.yaml").write_text("daemon: {listen: 127.0.0.1:9001}\n")
    (tmp_path / "other.yaml").write_text("daemon: {listen: 127.0.0.1:9002}\n")
    assert find_address(None, {}).port == 9001
    assert find_address(None, {"RECONCILER_CONFIG": str(tmp_path / "other.yaml")}).port == 9002


def test_only_the_section_is_read_as_yaml(tmp_path: Path) -> None:
    config = tmp_path / "streams.yaml"
    config.write_text("streams: {broken\ndaemon: {listen: 127.0.0.1:9001}\nmore: [broken\n")
    assert find_address(config, {}).port == 9001
