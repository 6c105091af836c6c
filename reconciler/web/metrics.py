"""Counts what happens, and writes it together with the board as one Prometheus exposition.

Counters and histograms live here, in a registry of our own; everything that is a state comes from the board at the
moment of the scrape (`collector.py`). Every counter of a server exists, at zero, from the first sight of that server,
so that `rate()` and `increase()` see its first event; when a server leaves the board, its series leave with it.

Not guaranteed: two scrapes within a second may get the same body.
"""

from __future__ import annotations

import platform
import threading
import time
from typing import TYPE_CHECKING, Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder

from reconciler import __version__
from reconciler.core.model import Action
from reconciler.web.collector import board_families, stream_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from reconciler.core.board import Board

__all__ = ["ACTION_RESULTS", "PASS_RESULTS", "REQUEST_CALLS", "Metrics"]

PASS_RESULTS: Final = {
    "observe": ("ok", "error"),
    "resync": ("ok", "interrupted", "broken_off", "error"),
}
ACTION_RESULTS: Final = ("ok", "rejected", "failed")
REQUEST_CALLS: Final = ("info", "pathdefaults", "config_list", "paths_list", "replace", "delete")

_CACHE_SECONDS = 1.0
_OPENMETRICS = "application/openmetrics-text"
_REQUEST_CODES = ("200", "error")
_PASS_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
_REQUEST_BUCKETS = (0.005, 0.025, 0.1, 0.5, 2.5, 10.0)
_CONVERGE_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

_Live = TypeVar("_Live", Counter, Histogram)


class Metrics:
    """All of `/metrics`. Safe to count into from the event loop while a worker thread renders."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic, version: str = __version__) -> None:
        """`monotonic` tells the age of the body last rendered."""
        self._monotonic, self._version = monotonic, version
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._reload_ok = Gauge(
            "reconciler_config_last_reload_successful",
            "Whether the desired-state files could be taken in at the last read; 0 also before the first.",
            registry=registry,
        )
        self._reload_at = Gauge(
            "reconciler_config_last_reload_success_timestamp_seconds",
            "When the desired-state files were last taken in, in seconds since the epoch; 0: not since the start.",
            registry=registry,
        )
        self._passes = Counter(
            "reconciler_passes_total", "Looks at a server, by how they ended.", ("server", "kind", "result"),
            registry=registry,
        )  # fmt: skip
        self._pass_seconds = Histogram(
            "reconciler_pass_duration_seconds", "How long one look at a server took, writes included.",
            ("server", "kind"), buckets=_PASS_BUCKETS, registry=registry,
        )  # fmt: skip
        self._changes = Counter(
            "reconciler_changes_total", "Writes to a server, by how they ended.", ("server", "action", "result"),
            registry=registry,
        )  # fmt: skip
        self._drift = Counter(
            "reconciler_drift_total", "Owned paths found changed by somebody else, and put back.", ("server",),
            registry=registry,
        )  # fmt: skip
        self._server_restarts = Counter(
            "reconciler_server_restarts_total", "Times the server was found to have been started anew.", ("server",),
            registry=registry,
        )  # fmt: skip
        self._requests = Histogram(
            "reconciler_server_request_seconds", "Duration of requests to a server's Control API.",
            ("server", "call", "code"), buckets=_REQUEST_BUCKETS, registry=registry,
        )  # fmt: skip
        self._converge = Histogram(
            "reconciler_converge_seconds", "From the save of the files being noticed to the server being in sync.",
            buckets=_CONVERGE_BUCKETS, registry=registry,
        )  # fmt: skip
        self._lock = threading.Lock()
        self._series: dict[str, set[tuple[Counter | Histogram, tuple[str, ...]]]] = {}
        self._shown: set[str] = set()
        self._rendering = threading.Lock()
        self._cache: dict[bool, tuple[float, bytes, str]] = {}

    # --- counting -------------------------------------------------------------------------------------------------

    def reload_done(self, ok: bool, at: float) -> None:  # noqa: FBT001 - the result, not a switch
        """Note that the files were read at `at` (seconds since the epoch), and whether they could be taken in."""
        self._reload_ok.set(ok)
        if ok:
            self._reload_at.set(at)

    def pass_done(self, server: str, kind: str, result: str, seconds: float) -> None:
        """Count one pass of `kind` observe or resync."""
        self._of(self._passes, server, kind, result).inc()
        self._of(self._pass_seconds, server, kind).observe(seconds)

    def change_done(self, server: str, action: str, result: str) -> None:
        """Count one write."""
        self._of(self._changes, server, action, result).inc()

    def drift(self, server: str, count: int) -> None:
        """Count owned paths that somebody else changed."""
        self._of(self._drift, server).inc(count)

    def request_done(self, server: str, call: str, code: str, seconds: float) -> None:
        """Count one request; `code` is `200` or `error`."""
        self._of(self._requests, server, call, code).observe(seconds)

    def converged(self, seconds: float) -> None:
        """Note how long a save of the files took to reach a server."""
        self._converge.observe(seconds)

    def server_restarted(self, server: str) -> None:
        """Count one restart of a server."""
        self._of(self._server_restarts, server).inc()

    def _of(self, metric: _Live, server: str, *labels: str) -> _Live:
        with self._lock:
            self._meet(server)
            return self._child(metric, server, *labels)

    def _meet(self, server: str) -> None:
        """Create every counter of `server` at zero, once. Needs the lock."""
        if server in self._series:
            return
        self._series[server] = set()
        for kind, results in PASS_RESULTS.items():
            self._child(self._pass_seconds, server, kind)
            for result in results:
                self._child(self._passes, server, kind, result)
        for action in Action:
            for result in ACTION_RESULTS:
                self._child(self._changes, server, action.value, result)
        for call in REQUEST_CALLS:
            for code in _REQUEST_CODES:
                self._child(self._requests, server, call, code)
        self._child(self._drift, server)
        self._child(self._server_restarts, server)

    def _child(self, metric: _Live, server: str, *labels: str) -> _Live:
        self._series[server].add((metric, labels))
        return metric.labels(server, *labels)

    def _follow(self, servers: Collection[str]) -> None:
        """Meet the servers of the board, and forget those that were on it and no longer are.

        A server that was counted for but never was on the board is new, not gone: its first board is on the way.
        """
        with self._lock:
            for server in servers:
                self._meet(server)
            for server in (self._series.keys() & self._shown) - set(servers):
                for metric, labels in self._series.pop(server):
                    metric.remove(server, *labels)
            self._shown.update(servers)

    # --- showing --------------------------------------------------------------------------------------------------

    def exposition(self, board: Board, accept: str = "") -> tuple[bytes, str]:
        """Return the body and content type for an `Accept` header: OpenMetrics when asked for, else the text format.

        Takes tens of milliseconds at 10,000 streams: call it in a worker thread.
        """
        openmetrics = _wants_openmetrics(accept)
        with self._rendering:
            now = self._monotonic()
            cached = self._cache.get(openmetrics)
            if cached is None or now - cached[0] >= _CACHE_SECONDS:
                cached = self._cache[openmetrics] = (now, *self._render(board, openmetrics=openmetrics))
        return cached[1], cached[2]

    def _render(self, board: Board, *, openmetrics: bool) -> tuple[bytes, str]:
        encode, content_type = choose_encoder(f"{_OPENMETRICS}; version=1.0.0" if openmetrics else "")
        self._follow([view.name for view in board.servers])
        build = InfoMetricFamily(
            "reconciler_build",
            "The running reconciler.",
            value={"version": self._version, "python": platform.python_version()},
        )
        end = b"# EOF\n" if openmetrics else b""

        def text(*families: Metric) -> bytes:
            return encode(_Families(families)).removesuffix(end)

        counted = (_without_created(family) for family in self._registry.collect())
        body = text(build, *board_families(board), *counted)
        streams = "".join(stream_text(board.streams, lambda family: text(family).decode()))
        return body + streams.encode() + end, content_type


class _Families(CollectorRegistry):
    """Families made beforehand, in the shape the library's encoders read."""

    def __init__(self, families: Iterable[Metric]) -> None:
        super().__init__()
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Return them."""
        return self._families


def _without_created(family: Metric) -> Metric:
    """Drop the `_created` series, which would double the number of counters and say nothing of the streams."""
    family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
    return family


def _wants_openmetrics(accept: str) -> bool:
    try:
        return choose_encoder(accept)[1].startswith(_OPENMETRICS)
    except (TypeError, ValueError):  # the library compares version numbers it could not read
        return False
