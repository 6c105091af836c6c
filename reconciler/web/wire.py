"""The board as JSON: one shape for `GET /api/streams`, `GET /api/status` and `reconciler status --json`.

Times are RFC 3339 in UTC, to the millisecond; what is not known is null. `models.py` describes the same shapes for
`/openapi.json`, and a test holds both equal.

Not guaranteed: nothing is masked here; a board carries no secrets to begin with.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reconciler.core.board import Board, ConfigView, ServerView, StreamView
    from reconciler.core.model import Json

__all__ = [
    "board_json",
    "board_text",
    "config_json",
    "server_json",
    "stream_json",
    "text_of",
    "timestamp",
    "with_streams",
]

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def timestamp(seconds: float | None) -> str | None:
    """Write seconds since the epoch as `2023-11-14T22:13:20.000Z`."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def stream_json(view: StreamView) -> dict[str, Json]:
    """Return one stream."""
    return {
        "id": view.id,
        "server": view.server,
        "camera_id": view.camera_id,
        "description": view.description,
        "source_url": view.source_url,
        "status": view.status.value,
        "reason": view.reason.value if view.reason else None,
        "message": view.message,
        "since": timestamp(view.since),
        "sync": view.sync.value,
        "hold": view.hold.value if view.hold else None,
        "sync_message": view.sync_message,
        "readers": view.readers,
        "inbound_bytes": view.inbound_bytes,
        "restarts": view.restarts,
        "tracks": list(view.tracks),
        "labels": dict(view.labels),
        "started_at": timestamp(view.started_at),
        "stopped_at": timestamp(view.stopped_at),
        "position": view.position,
    }


def server_json(view: ServerView) -> dict[str, Json]:
    """Return one MediaMTX."""
    return {
        "name": view.name,
        "url": view.url,
        "up": view.up,
        "reason": view.reason.value if view.reason else None,
        "message": view.message,
        "version": view.version,
        "since": timestamp(view.since),
        "owned": view.owned,
        "foreign": view.foreign,
        "pending": view.pending,
        "held": {hold.value: count for hold, count in view.held.items()},
        "last_pass": timestamp(view.last_pass),
        "last_in_sync": timestamp(view.last_in_sync),
        "restarts": view.restarts,
    }


def config_json(view: ConfigView) -> dict[str, Json]:
    """Return what is to be said of the desired-state files."""
    return {
        "path": view.path,
        "ok": view.ok,
        "loaded_at": timestamp(view.loaded_at),
        "digest": view.digest,
        "message": view.message,
        "problems": [problem.data() for problem in view.problems],
    }


def board_json(board: Board) -> dict[str, Json]:
    """Return everything; `at` is the moment of the picture."""
    return {**_without_streams(board), "streams": [stream_json(view) for view in board.streams]}


def _without_streams(board: Board) -> dict[str, Json]:
    return {
        "at": timestamp(board.at),
        "config": config_json(board.config),
        "servers": [server_json(view) for view in board.servers],
    }


def text_of(value: Mapping[str, Json]) -> str:
    """Write one JSON object without spaces."""
    return _ENCODER.encode(value)


def board_text(board: Board) -> bytes:
    """Write `board_json(board)`, as UTF-8."""
    return with_streams(_without_streams(board), board.streams)


def with_streams(head: Mapping[str, Json], streams: Iterable[StreamView]) -> bytes:
    """Write the (not empty) object `head` with `streams` as its last key, as UTF-8.

    A stream at a time: one call of the encoder for 10,000 of them would keep every other thread, the daemon's loop
    included, waiting until its end.
    """
    listed = ",".join([text_of(stream_json(view)) for view in streams])
    return f'{text_of(head)[:-1]},"streams":[{listed}]}}'.encode()
