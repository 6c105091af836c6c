"""The JSON shapes of `wire.py` and of problem documents, as pydantic models: what `/openapi.json` says of them.

Answers are not built from these models (10,000 streams would take seconds); a test parses real answers with them,
refusing keys they do not know.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic reads it at run time
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from reconciler.core.model import Hold, Reason, State, Sync  # noqa: TC001 - pydantic reads them at run time
from reconciler.core.problem import Severity  # noqa: TC001 - pydantic reads them at run time

__all__ = ["BoardModel", "ConfigModel", "HealthModel", "Problem", "ServerModel", "StreamModel", "StreamsModel"]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StreamModel(_Shape):
    """One stream."""

    id: str = Field(description="The stream's name, which is the MediaMTX path name.")
    server: str
    camera_id: str | None
    description: str | None
    source_url: str = Field(description="The source, its password masked.")
    status: State
    reason: Reason | None
    message: str
    since: datetime = Field(description="When state or reason last changed.")
    sync: Sync = Field(description="Whether the server's configuration equals the desired one.")
    hold: Hold | None = Field(description="Why a planned change is not made now.")
    sync_message: str
    readers: int
    inbound_bytes: int = Field(description="Goes on counting when the source reconnects.")
    restarts: int
    tracks: list[str]
    labels: dict[str, str]
    started_at: datetime | None = Field(description="When the stream last became wanted.")
    stopped_at: datetime | None = Field(description="When the stream last stopped being wanted.")
    position: str = Field(description="file:line:column of its entry.")


class ServerModel(_Shape):
    """One MediaMTX."""

    name: str
    url: str
    up: bool
    reason: Reason | None
    message: str
    version: str | None
    since: datetime | None
    owned: int
    foreign: int
    pending: int
    held: dict[Hold, int]
    last_pass: datetime | None
    last_in_sync: datetime | None
    restarts: int


class ProblemModel(_Shape):
    """One mistake in the desired-state files."""

    file: str
    line: int
    column: int
    path: str
    message: str
    stream: str | None
    severity: Severity


class ConfigModel(_Shape):
    """The desired-state files as last read."""

    path: str
    ok: bool
    loaded_at: datetime | None
    digest: str
    message: str
    problems: list[ProblemModel]


class BoardModel(_Shape):
    """Everything at one moment."""

    at: datetime
    config: ConfigModel
    servers: list[ServerModel]
    streams: list[StreamModel]


class StreamsModel(_Shape):
    """One page of the streams that match."""

    total: int = Field(description="How many match, on all pages.")
    limit: int
    offset: int
    streams: list[StreamModel]


class HealthModel(_Shape):
    """Whether the daemon's own loops are alive."""

    status: Literal["healthy", "unhealthy"]
    reason: str | None = Field(default=None, description="Only when unhealthy.")


class Problem(_Shape):
    """A problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[dict[str, str]] | None = Field(
        default=None, description="With 422: each has `location` (such as `query.limit`) and `message`."
    )
