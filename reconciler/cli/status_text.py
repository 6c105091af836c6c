"""The answer of the daemon, written for people: what is wrong first, then every stream, then the sum.

Works on the JSON of `GET /api/status` and `GET /api/streams/{id}` (docs/http.md), not on our own types: `status` may
ask a daemon of another version, and starts faster without them.

Not guaranteed: keys this version does not know are not shown; `--json` has them.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from reconciler.cli.table import Cell, ago, clean, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from reconciler.cli.table import Paint

__all__ = ["Screen", "overview", "single"]

_STYLES = {
    "ERROR": "red",
    "UNKNOWN": "magenta",
    "STARTING": "yellow",
    "RUNNING": "green",
    "IDLE": "cyan",
    "STOPPED": "dim",
}
_ORDER = {state: rank for rank, state in enumerate(_STYLES)}
_SYNC_ILL = frozenset({"held", "rejected", "conflict"})
_PROBLEMS_SHOWN = 10
_STALE_AFTER = 60.0
_NARROWEST_LINE = 20


class Screen(NamedTuple):
    """What there is to write on: `width` in letters (None: no end), `now` in seconds since the epoch."""

    paint: Paint
    width: int | None
    now: float

    def lines(self, text: str, style: str = "", *, indent: str = "") -> list[str]:
        """Return `text`, cleaned, in as many lines as it needs: the end of a sentence often is the way out."""
        width = self.width and max(self.width, _NARROWEST_LINE)
        lines = wrap(clean(text), width - len(indent)) if width else [clean(text)]
        return [indent + self.paint(line, style) for line in lines]


def overview(board: Mapping[str, Any], screen: Screen) -> list[str]:
    """Return the lines for a whole board."""
    trouble = [*_stale(board, screen), *_config(board["config"], screen), *_servers(board["servers"], screen)]
    lines = [*trouble, ""] if trouble else []
    if board["streams"]:
        lines += [*_streams(board, screen), ""]
    return [*lines, *screen.lines(_sum(board))]


def _stale(board: Mapping[str, Any], screen: Screen) -> Iterator[str]:
    age = screen.now - (_seconds(board["at"]) or screen.now)
    if age > _STALE_AFTER:
        yield from screen.lines(f"This is how it was {ago(age)}: the daemon has not looked since.", "yellow")


def _config(config: Mapping[str, Any], screen: Screen) -> Iterator[str]:
    problems = config["problems"]
    if not config["ok"]:
        yield from screen.lines(f"{config['path']}: {config['message'] or 'not all of it is in force'}", "red")
    for problem in problems[:_PROBLEMS_SHOWN]:
        warning = problem["severity"] == "warning"
        where = f"{problem['file']}:{problem['line']}:{problem['column']}: "
        path = f"{problem['path']}: " if problem["path"] else ""
        text = f"{where}{path}{'warning: ' if warning else ''}{problem['message']}"
        yield from screen.lines(text, "yellow" if warning else "red")
    if len(problems) > _PROBLEMS_SHOWN:
        yield from screen.lines(f"... and {len(problems) - _PROBLEMS_SHOWN} more: see `reconciler validate`")


def _servers(servers: Iterable[Mapping[str, Any]], screen: Screen) -> Iterator[str]:
    for server in servers:
        if not server["up"]:
            since = _ago(server["since"], screen)
            why = ": ".join(part for part in (server["reason"], server["message"]) if part) or "not looked at yet"
            text = f"server {server['name']} ({server['url']}) cannot be read: {why}"
            yield from screen.lines(text if since == "-" else f"{text} (noticed {since})", "red")


def _streams(board: Mapping[str, Any], screen: Screen) -> list[str]:
    several = len({stream["server"] for stream in board["streams"]} | {s["name"] for s in board["servers"]}) > 1
    header = ["STREAM", "STATE", "REASON", "SINCE", "SYNC", "READERS", *(["SERVER"] if several else []), "SOURCE"]
    streams = sorted(board["streams"], key=_illness)
    rows = [_row(stream, screen, several=several) for stream in streams]
    lines = table(header, rows, paint=screen.paint, width=screen.width, give=(len(header) - 1, 2, 0))
    with_notes = [lines[0]]
    for line, stream in zip(lines[1:], streams, strict=True):
        with_notes.append(line)
        for note in _notes(stream):
            with_notes += screen.lines(note, "dim", indent="    ")
    return with_notes


def _illness(stream: Mapping[str, Any]) -> tuple[int, bool, str]:
    """Sort the ill first: by state, then those that are not as configured, then by name."""
    rank = _ORDER.get(stream["status"], -1)
    if stream["sync"] in _SYNC_ILL:
        rank = min(rank, _ORDER["STARTING"])
    return rank, stream["sync"] == "in_sync", stream["id"]


def _row(stream: Mapping[str, Any], screen: Screen, *, several: bool) -> list[Cell]:
    known = stream["status"] != "UNKNOWN"
    return [
        Cell(stream["id"]),
        Cell(stream["status"], _STYLES.get(stream["status"], "")),
        Cell(stream["reason"] or "-"),
        Cell(_ago(stream["since"], screen)),
        Cell(stream["sync"], "red" if stream["sync"] in _SYNC_ILL else ""),
        Cell(str(stream["readers"]) if known else "-"),
        *([Cell(stream["server"])] if several else []),
        Cell(stream["source_url"] or "-"),
    ]


def _notes(stream: Mapping[str, Any]) -> list[str]:
    """Return the sentences that belong below a stream: why it is ill, and what keeps its configuration back."""
    notes = [stream["message"]] if stream["status"] == "ERROR" else []
    if stream["sync"] in _SYNC_ILL:
        notes.append(stream["sync_message"])
    return list(dict.fromkeys(note for note in notes if note))


def _sum(board: Mapping[str, Any]) -> str:
    streams, servers = board["streams"], board["servers"]
    states = Counter(stream["status"] for stream in streams)
    syncs = Counter(stream["sync"] for stream in streams if stream["sync"] != "in_sync")
    parts = [_count(len(streams), "stream")]
    if streams:
        parts[0] += ": " + ", ".join(f"{states[state]} {state.lower()}" for state in _STYLES if states[state])
        behind = ", ".join(f"{count} {sync}" for sync, count in syncs.items())
        parts.append(f"not in sync: {behind}" if behind else "all in sync")
    up = sum(server["up"] for server in servers)
    parts.append(f"{_count(len(servers), 'server')}, {up} up" if up < len(servers) else _count(up, "server") + " up")
    return "; ".join(parts)


def single(stream: Mapping[str, Any], screen: Screen) -> list[str]:
    """Return the lines for one stream: everything that is known of it."""
    inbound = stream["inbound_bytes"]
    facts = {
        "reason": _joined(stream["reason"], stream["message"]),
        "since": _moment(stream["since"], screen),
        "sync": _joined(stream["sync"], stream["sync_message"]),
        "held": stream["hold"],
        "server": stream["server"],
        "source": stream["source_url"],
        "camera": stream["camera_id"],
        "description": stream["description"],
        "labels": ", ".join(f"{key}={value}" for key, value in sorted(stream["labels"].items())),
        "readers": stream["readers"] if stream["status"] != "UNKNOWN" else None,
        "tracks": ", ".join(stream["tracks"]),
        "received": f"{inbound / 1e6:,.1f} MB ({inbound} bytes)",
        "restarts": stream["restarts"],
        "started": _moment(stream["started_at"], screen),
        "stopped": _moment(stream["stopped_at"], screen),
        "entry": stream["position"],
    }
    width = max(len(key) for key in facts)
    state = screen.paint(clean(stream["status"]), _STYLES.get(stream["status"], ""))
    return [
        f"{screen.paint(clean(stream['id']), 'bold')}  {state}",
        *(f"  {key:{width}}  {'-' if fact in (None, '') else clean(str(fact))}" for key, fact in facts.items()),
    ]


def _joined(word: str | None, sentence: str) -> str:
    return ": ".join(part for part in (word, sentence) if part)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _seconds(time: str | None) -> float | None:
    """Seconds since the epoch; None when there is no time, or it is the epoch itself, which stands for never."""
    return (datetime.fromisoformat(time).timestamp() or None) if time else None


def _ago(time: str | None, screen: Screen) -> str:
    seconds = _seconds(time)
    return "-" if seconds is None else ago(screen.now - seconds)


def _moment(time: str | None, screen: Screen) -> str:
    seconds = _seconds(time)
    if seconds is None:
        return "-"
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC ({ago(screen.now - seconds)})"
