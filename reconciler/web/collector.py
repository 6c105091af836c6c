"""The board as Prometheus families: what is true now, as against what has been counted (`metrics.py`).

Nothing is kept between two scrapes, so the series of a stream or server that is gone are gone with it.

The series of single streams are written as text here: 10,000 streams have 60,000 of them, and formatting those one
by one as library samples takes several times as long. Everything else, and every HELP and TYPE line, is the library's.

Not guaranteed: a value is as old as the board it came from. No URL, address or message ever becomes a label.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric

from reconciler.core.model import Hold, State, Sync
from reconciler.core.problem import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from reconciler.core.board import Board, ConfigView, ServerView, StreamView

__all__ = ["board_families", "stream_text"]

_WELL = frozenset({State.RUNNING, State.IDLE})


def board_families(board: Board) -> Iterator[Metric]:
    """Yield the families of the files, the servers and the streams counted together."""
    yield from _config(board.config)
    yield from _counted(board)
    yield from _servers(board.servers)


def _config(config: ConfigView) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "reconciler_config_problems",
        "Errors found in the desired-state files at the last read; warnings are not counted.",
        value=float(sum(problem.severity is Severity.ERROR for problem in config.problems)),
    )


def _counted(board: Board) -> Iterator[Metric]:
    states = Counter((view.server, view.status) for view in board.streams)
    syncs = Counter((view.server, view.sync) for view in board.streams)
    servers = dict.fromkeys([*(view.name for view in board.servers), *(server for server, _ in states)])
    by_state = GaugeMetricFamily("reconciler_streams", "Streams by what they are doing.", labels=("server", "state"))
    by_sync = GaugeMetricFamily(
        "reconciler_streams_by_sync",
        "Streams by how their configuration stands on the server.",
        labels=("server", "sync"),
    )
    for server in servers:
        for state in State:
            by_state.add_metric((server, state.value), states[server, state])
        for sync in Sync:
            by_sync.add_metric((server, sync.value), syncs[server, sync])
    yield by_state
    yield by_sync


def _servers(servers: Iterable[ServerView]) -> Iterator[Metric]:
    def gauge(name: str, documentation: str, *labels: str) -> GaugeMetricFamily:
        return GaugeMetricFamily(f"reconciler_{name}", documentation, labels=("server", *labels))

    up = gauge("server_up", "Whether the server's Control API could be read at the last try.")
    info = InfoMetricFamily(
        "reconciler_server",
        "The server's version; empty while it is not known, and before MediaMTX 1.15.2, which does not tell.",
        labels=("server",),
    )
    foreign = gauge("foreign_paths", "Paths in the server's configuration that are not ours and are left alone.")
    held = gauge("changes_held", "Changes that are planned but not allowed now.", "reason")
    last_pass = gauge(
        "last_pass_timestamp_seconds",
        "When the last resync pass ended, whatever its result, in seconds since the epoch; 0: not since the start.",
    )
    last_in_sync = gauge(
        "last_in_sync_timestamp_seconds",
        "When every stream of the server was last seen in sync, in seconds since the epoch; 0: not since the start.",
    )
    for view in servers:
        up.add_metric((view.name,), float(view.up))
        info.add_metric((view.name,), {"version": view.version or ""})
        foreign.add_metric((view.name,), view.foreign)
        for hold in Hold:
            held.add_metric((view.name, hold.value), view.held.get(hold, 0))
        last_pass.add_metric((view.name,), view.last_pass or 0.0)
        last_in_sync.add_metric((view.name,), view.last_in_sync or 0.0)
    yield from (up, info, foreign, held, last_pass, last_in_sync)


def stream_text(streams: Sequence[StreamView], head: Callable[[Metric], str]) -> Iterator[str]:
    """Yield the exposition of the families that have one series a stream, a family at a time.

    `head` writes a family's HELP and TYPE lines; those are where the exposition formats differ. The sample lines are
    the same in all of them: whole numbers are written without a decimal point, which every parser reads.
    """
    # Two lists and no pairs: 10,000 tuples would call for a full garbage collection, which stops every thread.
    names = _labels(streams)

    yield head(Metric("reconciler_stream_up", "1: running, or idle as it should be. 0: not. Absent: stopped.", "gauge"))
    yield "".join(
        f"reconciler_stream_up{{{name}}} {1 if view.status in _WELL else 0}\n"
        for view, name in zip(streams, names, strict=True)
        if view.status is not State.STOPPED
    )
    yield head(Metric("reconciler_stream", "State, reason and sync of a stream, as labels.", "info"))
    yield "".join(
        f'reconciler_stream_info{{reason="{view.reason.value if view.reason else ""}",{name},'
        f'state="{view.status.value}",sync="{view.sync.value}"}} 1\n'
        for view, name in zip(streams, names, strict=True)
    )
    since = "When the stream's state or reason last changed, in seconds since the epoch."
    yield head(Metric("reconciler_stream_state_since_timestamp_seconds", since, "gauge"))
    yield "".join(
        f"reconciler_stream_state_since_timestamp_seconds{{{name}}} {view.since}\n"
        for view, name in zip(streams, names, strict=True)
    )
    readers = "Viewers connected to the stream now. Absent while the server cannot be read."
    yield head(Metric("reconciler_stream_readers", readers, "gauge"))
    yield "".join(
        f"reconciler_stream_readers{{{name}}} {view.readers}\n"
        for view, name in zip(streams, names, strict=True)
        if view.status is not State.UNKNOWN
    )
    inbound = "Bytes received from the stream's source; goes on counting when the source reconnects."
    yield head(Metric("reconciler_stream_inbound_bytes", inbound, "counter"))
    yield "".join(
        f"reconciler_stream_inbound_bytes_total{{{name}}} {view.inbound_bytes}\n"
        for view, name in zip(streams, names, strict=True)
    )
    restarts = "Times the stream's source was lost and came back, or was started anew."
    yield head(Metric("reconciler_stream_restarts", restarts, "counter"))
    yield "".join(
        f"reconciler_stream_restarts_total{{{name}}} {view.restarts}\n"
        for view, name in zip(streams, names, strict=True)
    )


def _labels(streams: Iterable[StreamView]) -> list[str]:
    """Write the labels that name a stream, once for all its series."""
    servers: dict[str, str] = {}
    names: list[str] = []
    for view in streams:
        server = servers.get(view.server)
        if server is None:
            server = servers[view.server] = f'server="{_escape(view.server)}",stream="'
        names.append(f'{server}{_escape(view.id)}"')
    return names


def _escape(value: str) -> str:
    """Escape a label value (exposition formats: backslash, double quote and line feed)."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
