"""The words of the field, as types: what is desired, what is observed, and how both are judged.

Everything here is a frozen fact. Values that may hold a secret are kept out of `repr`, so that a traceback or a
debug line of any of these objects says nothing it should not.

Not guaranteed: mappings are typed read-only but not copied; whoever builds one must not change it afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from reconciler.core.options.version import Version
    from reconciler.core.problem import Position, Problem

__all__ = [
    "Action",
    "Cause",
    "Desired",
    "GuardSpec",
    "HealthSpec",
    "Hold",
    "Json",
    "LiveConfig",
    "Observation",
    "Options",
    "Owned",
    "Reason",
    "RuntimePath",
    "ServerFacts",
    "ServerSpec",
    "SetAside",
    "Settings",
    "State",
    "Stream",
    "Sync",
    "Tls",
]

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Options: TypeAlias = Mapping[str, Json]
_EMPTY: Mapping[str, str] = MappingProxyType({})


class Sync(StrEnum):
    """Does the server's config equal the desired one?"""

    IN_SYNC = "in_sync"
    PENDING = "pending"
    HELD = "held"
    REJECTED = "rejected"
    CONFLICT = "conflict"
    UNKNOWN = "unknown"


class State(StrEnum):
    """Is the stream working?"""

    STOPPED = "STOPPED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    IDLE = "IDLE"
    ERROR = "ERROR"
    UNKNOWN = "UNKNOWN"


class Reason(StrEnum):
    """Why a stream is in its state; `docs/reasons.md` has a sentence and a next step for each."""

    DISABLED = "Disabled"
    SECRET_MISSING = "SecretMissing"  # noqa: S105 - a word, not a secret
    INVALID = "Invalid"
    STALLED = "Stalled"
    NOT_READY = "NotReady"
    REJECTED_BY_SERVER = "RejectedByServer"
    CONFLICT = "Conflict"
    SERVER_UNREACHABLE = "ServerUnreachable"
    SERVER_AUTH_FAILED = "ServerAuthFailed"
    NOT_KNOWN = "NotKnown"


class Action(StrEnum):
    """What one change does to a path, in the order in which they are applied."""

    DELETE = "delete"
    UPDATE = "update"
    CREATE = "create"


class Cause(StrEnum):
    """Why a change is planned."""

    FILE = "file changed"
    DRIFT = "drift"
    RESTORE = "server lost it"


class Hold(StrEnum):
    """Why a planned change is not allowed now."""

    GRACE = "grace"
    GUARD = "guard"
    PAUSED = "paused"
    CONFLICT = "conflict"
    BACK_OFF = "back_off"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class HealthSpec:
    """When a stream counts as ill; seconds."""

    start_grace: float = 15.0
    stall_after: float = 10.0


@dataclass(frozen=True, slots=True)
class Stream:
    """One camera as wanted. `options` is what MediaMTX is sent: secrets resolved, values in MediaMTX's JSON types."""

    name: str
    server: str
    options: Options = field(repr=False)
    digest: str
    position: Position = field(compare=False)
    enabled: bool = True
    camera_id: str | None = None
    description: str | None = None
    labels: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    health: HealthSpec = HealthSpec()
    adopt: bool = False
    paused: bool = False
    problems: tuple[Problem, ...] = ()
    """Not empty: this is the last good form, carried over because the file's present form has these problems."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """A stream whose present form cannot be used; its path on the server is left as it is."""

    name: str
    server: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Tls:
    """How to talk TLS to a server. Paths are of PEM files; `verify=False` accepts any certificate."""

    verify: bool = True
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """One MediaMTX to keep."""

    name: str
    url: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Tls = Tls()
    public: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    timeout: float = 10.0


@dataclass(frozen=True, slots=True)
class GuardSpec:
    """How much may be cut at once: `max_disruptive` is a share of 1, `window` seconds."""

    max_disruptive: float = 0.3
    window: float = 600.0


@dataclass(frozen=True, slots=True)
class Settings:
    """The daemon's own settings; times in seconds. `state_dir` None: systemd's, else the user's XDG state folder."""

    listen_host: str = "127.0.0.1"
    listen_port: int = 9810
    state_dir: str | None = None
    resync: float = 30.0
    observe: float = 2.0
    prune_after: float = 5.0
    guard: GuardSpec = GuardSpec()


@dataclass(frozen=True, slots=True)
class Desired:
    """What the files ask for. A name in `set_aside` is never removed from a server; it may also be in `streams`,
    in its last good form.
    """

    servers: Mapping[str, ServerSpec]
    streams: Mapping[str, Stream]
    set_aside: Mapping[str, SetAside]
    settings: Settings
    digest: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a server says of itself. Both are None before 1.15.2 (`/v3/info` does not exist; mediamtx-api 7)."""

    version: Version | None
    started: str | None


@dataclass(frozen=True, slots=True)
class RuntimePath:
    """One entry of `/v3/paths/list` whose `confName` is its own name (mediamtx-api 3)."""

    name: str
    ready: bool
    online: bool | None
    ready_time: str | None
    source_type: str | None
    inbound_bytes: int
    readers: int
    tracks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """One complete read of a server's runtime; `at` is monotonic seconds."""

    facts: ServerFacts
    runtime: Mapping[str, RuntimePath]
    at: float


@dataclass(frozen=True, slots=True)
class LiveConfig:
    """One complete read of a server's path configuration, resolved as the server prints it (mediamtx-api 2.1).
    `version` is the one to judge and print by: the server's own word, else what its known fields tell.
    """

    version: Version
    defaults: Options = field(repr=False)
    paths: Mapping[str, Options] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Owned:
    """One path we put on a server (or are about to). `digest` is `Stream.digest` of what was last applied;
    `applied_at` is seconds since the epoch.
    """

    name: str
    server: str
    digest: str
    applied_at: float
    cause: str
