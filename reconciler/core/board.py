"""One immutable picture of everything, rebuilt by the daemon and read by web, metrics and CLI.

Not guaranteed: a board is as old as its `at`; a server that could not be read shows UNKNOWN, never its last values.
Times are seconds since the epoch. No secret is in a board: URLs are masked, texts redacted before they enter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.core.model import Hold, Reason, State, Sync
    from reconciler.core.problem import Problem

__all__ = ["Board", "ConfigView", "ServerView", "StreamView"]

_EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class StreamView:
    """One stream. `inbound_bytes` is ours: it only grows, also over reconnects and server restarts."""

    id: str
    server: str
    status: State
    reason: Reason | None
    message: str
    since: float
    sync: Sync
    hold: Hold | None = None
    sync_message: str = ""
    camera_id: str | None = None
    description: str | None = None
    source_url: str = ""
    labels: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    readers: int = 0
    inbound_bytes: int = 0
    restarts: int = 0
    tracks: tuple[str, ...] = ()
    started_at: float | None = None
    stopped_at: float | None = None
    position: str = ""


@dataclass(frozen=True, slots=True)
class ServerView:
    """One MediaMTX. `held` counts held changes by reason, `pending` those not yet applied."""

    name: str
    url: str
    up: bool
    reason: Reason | None = None
    message: str = ""
    version: str | None = None
    since: float | None = None
    owned: int = 0
    foreign: int = 0
    pending: int = 0
    held: Mapping[Hold, int] = field(default_factory=dict)
    last_pass: float | None = None
    last_in_sync: float | None = None
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class ConfigView:
    """The desired-state file as last read. `ok` is False while the running state is older than the file."""

    path: str
    ok: bool
    loaded_at: float | None = None
    digest: str = ""
    problems: tuple[Problem, ...] = ()
    message: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    """Everything at one moment. `ready`: the first pass over every server has ended, whatever its result."""

    at: float
    config: ConfigView
    streams: tuple[StreamView, ...] = ()
    servers: tuple[ServerView, ...] = ()
    ready: bool = False
