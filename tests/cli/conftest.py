from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import Cli, Program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Cli]:
    """Run commands in an empty directory, with nothing in the environment that concerns us."""
    monkeypatch.chdir(tmp_path)
    for name in ("RECONCILER_CONFIG", "RECONCILER_ADDRESS", "STATE_DIRECTORY", "JOURNAL_STREAM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield Cli(capsys)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a simulated MediaMTX in a process of its own."""
    with Program.start(tmp_path_factory.mktemp("simulated"), "simulate", "--listen", "127.0.0.1:0") as program:
        line = program.wait_for("simulated MediaMTX")
        yield line.partition("http://")[2].partition("/")[0].join(("http://", ""))
