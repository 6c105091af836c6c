"""Other processes that use a state directory, and a user who is not root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOBODY = 65534
# The interpreter itself may be where nobody else can read it: what is needed is imported before.
_BECOME_NOBODY = f"""
import os, reconciler.store, traceback
os.setgroups([])
os.setresgid({_NOBODY}, {_NOBODY}, {_NOBODY})
os.setresuid({_NOBODY}, {_NOBODY}, {_NOBODY})
"""


class RunPython(Protocol):
    """Starts a program with `directory` as its only argument; its output is a pipe of text."""

    def __call__(self, program: str, directory: Path, *, unprivileged: bool = False) -> subprocess.Popen[str]: ...


@pytest.fixture
def python() -> Iterator[RunPython]:
    running: list[subprocess.Popen[str]] = []

    def run(program: str, directory: Path, *, unprivileged: bool = False) -> subprocess.Popen[str]:
        prelude = _BECOME_NOBODY if unprivileged and os.geteuid() == 0 else ""
        process = subprocess.Popen(
            [sys.executable, "-c", prelude + program, str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONDONTWRITEBYTECODE": "1"},
        )
        running.append(process)
        return process

    yield run
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def unprivileged_directory() -> Iterator[Path]:
    """Yield a directory of the user that `python(unprivileged=True)` runs as."""
    directory = Path(tempfile.mkdtemp(prefix="reconciler-test-"))
    if os.geteuid() == 0:
        os.chown(directory, _NOBODY, _NOBODY)
    yield directory
    directory.chmod(0o700)
    shutil.rmtree(directory)
