"""The command line as a user meets it: in this process, or as a process of its own."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reconciler.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pytest

__all__ = ["Cli", "Ended", "Program", "get", "wait_until"]

_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


class Cli:
    """Runs commands in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str | Path) -> Ended:
        self._capsys.readouterr()
        # In a thread: `asyncio.run` would take the main thread's event loop from under the test plugins.
        with ThreadPoolExecutor(1) as thread:
            code = thread.submit(main, [str(argument) for argument in arguments]).result()
        out, err = self._capsys.readouterr()
        return Ended(code, out, err)


class Program:
    """A command that runs until it is stopped. `output` is both streams, as far as it has come."""

    def __init__(self, arguments: tuple[str, ...], environ: dict[str, str], cwd: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "reconciler", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=cwd,
            env={**os.environ, **environ},
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.output = ""

    @classmethod
    @contextmanager
    def start(cls, cwd: Path, *arguments: str | Path, **environ: str) -> Iterator[Program]:
        """Run it in `cwd` until the block ends."""
        program = cls(tuple(str(argument) for argument in arguments), environ, cwd)
        try:
            yield program
        finally:
            program.end()

    def wait_for(self, text: str) -> str:
        """Wait until a line holds `text`, and return that line."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"never printed {text!r}, but:\n{self.output}") from None
            self.output += line
            if text in line:
                return line
            if not line:
                raise AssertionError(f"ended without {text!r}:\n{self.output}")

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """Stop it as Ctrl-C does; returns the exit code."""
        self._process.send_signal(how)
        return self.wait()

    def wait(self) -> int:
        """Wait for its end; returns the exit code."""
        code = self._process.wait(_PATIENCE)
        self._reader.join(_PATIENCE)
        while not self._lines.empty():
            self.output += self._lines.get()
        return code

    def end(self) -> None:
        """Kill it if it still runs."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")


def get(url: str) -> Any:
    """Return the JSON at `url`."""
    with urllib.request.urlopen(url, timeout=_PATIENCE) as answer:
        return json.loads(answer.read())


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait until `condition()` holds."""
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"never came to: {what}"
        time.sleep(0.02)
