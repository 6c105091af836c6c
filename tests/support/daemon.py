"""The daemon as a process of its own, the way a user runs it, and the file he edits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

__all__ = ["DaemonProcess"]

_PATIENCE = 30.0


class DaemonProcess:
    """`reconciler run` on `file`; its log is in `log`. All methods block."""

    def __init__(
        self, directory: Path, api_url: str, *, pace: str = "observe: 500ms, resync: 2s, prune_after: 1s"
    ) -> None:
        self.directory, self.file = directory, directory / "streams.yaml"
        self._head = (
            f"server: {{url: '{api_url}'}}\ndaemon: {{listen: '127.0.0.1:0', state_dir: '{directory}/state', {pace}}}\n"
        )
        self._log = directory / "daemon.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.environ: dict[str, str] = {}

    @classmethod
    @contextmanager
    def start(
        cls, directory: Path, api_url: str, streams: Mapping[str, Any], **options: str
    ) -> Iterator[DaemonProcess]:
        """Write the file, run the daemon, stop it in the end."""
        daemon = cls(directory, api_url, **options)
        daemon.save(streams)
        daemon.boot()
        try:
            yield daemon
        finally:
            daemon.kill()

    def boot(self) -> None:
        """Start the process and wait until it listens."""
        begun = len(self.log)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "reconciler", "run", "-c", str(self.file)],
                stdout=log,
                stderr=log,
                env={**os.environ, "XDG_STATE_HOME": str(self.directory / "xdg"), **self.environ},
            )
        self.wait_for(lambda: "listening on http://" in self.log[begun:], "the daemon listens")
        self.url = self.log[begun:].partition("listening on ")[2].split()[0]

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(_PATIENCE)

    def hang_up(self) -> None:
        """SIGHUP."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    @property
    def log(self) -> str:
        """Everything it printed."""
        return self._log.read_text() if self._log.exists() else ""

    # --- the file -------------------------------------------------------------------------------------------------

    def save(self, streams: Mapping[str, Any]) -> None:
        """Save the file as an editor does: a new file renamed over the old one."""
        self.save_text(self._head + "streams: " + json.dumps(dict(streams)))

    def save_text(self, text: str) -> None:
        """Save exactly `text`, atomically."""
        new = self.file.with_suffix(".new")
        new.write_text(text)
        new.replace(self.file)

    # --- what it says ---------------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Return what `reconciler status --json` prints."""
        value: dict[str, Any] = json.loads(self._get("/api/status"))
        return value

    def stream(self, name: str) -> dict[str, Any]:
        """Return one stream of the status; one that is not in it has the state and sync `absent`."""
        absent = {"status": "absent", "sync": "absent", "reason": None, "readers": 0}
        return next((stream for stream in self.status()["streams"] if stream["id"] == name), absent)

    def metrics(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """Return all samples of /metrics by name and labels."""
        families = text_string_to_metric_families(self._get("/metrics"))
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }

    def writes(self) -> int:
        """Return how many writes the server has accepted from this process."""
        return int(
            sum(
                v
                for (name, labels), v in self.metrics().items()
                if name == "reconciler_changes_total" and ("result", "ok") in labels
            )
        )

    def passes(self) -> int:
        """Return how many full looks this process has made."""
        return int(
            sum(
                v
                for (name, labels), v in self.metrics().items()
                if name == "reconciler_passes_total" and ("kind", "resync") in labels
            )
        )

    def wait_for_passes(self, count: int) -> None:
        """Wait for so many more full looks."""
        before = self.passes()
        self.wait_for(lambda: self.passes() >= before + count, f"{count} more passes")

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until `condition` holds; fails with the log when it does not come to that."""
        deadline = time.monotonic() + _PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"never came to: {what}\n{self.log[-4000:]}"
            if self._process is not None and self._process.poll() is not None:
                raise AssertionError(f"the daemon ended\n{self.log[-4000:]}")
            time.sleep(0.05)

    def _get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            text: str = answer.read().decode()
            return text
