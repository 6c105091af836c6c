"""Small builders of core facts, so that a test names only what it is about."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from reconciler.core.memory import Memory
from reconciler.core.model import (
    Desired,
    HealthSpec,
    LiveConfig,
    Observation,
    Owned,
    RuntimePath,
    ServerFacts,
    ServerSpec,
    SetAside,
    Settings,
    Stream,
)
from reconciler.core.options.effective import built_in_defaults, effective
from reconciler.core.options.version import NEWEST, Version
from reconciler.core.problem import Position

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reconciler.core.model import Json, Options

__all__ = [
    "SERVER",
    "FakeClock",
    "a_desired",
    "a_live",
    "a_memory",
    "a_runtime_path",
    "a_stream",
    "an_observation",
    "owned",
]

SERVER = "default"


class FakeClock:
    """Both clocks, set by hand."""

    def __init__(self, monotonic: float = 1000.0, wall: float = 1_700_000_000.0) -> None:
        self.monotonic_now, self.wall_now = monotonic, wall

    def monotonic(self) -> float:
        return self.monotonic_now

    def time(self) -> float:
        return self.wall_now

    def advance(self, seconds: float) -> None:
        self.monotonic_now += seconds
        self.wall_now += seconds


def a_stream(
    name: str = "gate",
    options: Mapping[str, Json] | None = None,
    *,
    server: str = SERVER,
    enabled: bool = True,
    adopt: bool = False,
    paused: bool = False,
    health: HealthSpec | None = None,
) -> Stream:
    chosen = {"source": f"rtsp://127.0.0.1:5999/{name}"} if options is None else dict(options)
    digest = hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()
    return Stream(
        name=name,
        server=server,
        options=chosen,
        digest=digest,
        position=Position("streams.yaml", 1, 1),
        enabled=enabled,
        adopt=adopt,
        paused=paused,
        health=health or HealthSpec(),
    )


def a_desired(*streams: Stream, set_aside: Iterable[str] = (), servers: Iterable[str] = (SERVER,)) -> Desired:
    return Desired(
        servers={name: ServerSpec(name, "http://127.0.0.1:9997") for name in servers},
        streams={stream.name: stream for stream in streams},
        set_aside={name: SetAside(name, SERVER, ()) for name in set_aside},
        settings=Settings(),
        digest="",
    )


def a_live(
    paths: Mapping[str, Options] | None = None, *, defaults: Options | None = None, version: Version = NEWEST
) -> LiveConfig:
    """`paths` are declared options; what the server shows of them is worked out as the server would."""
    if defaults is None:
        defaults = {name: value for name, value in built_in_defaults(version).items() if name != "name"}
    shown = {name: effective(options, defaults, version) for name, options in (paths or {}).items()}
    return LiveConfig(version=version, defaults=defaults, paths=shown)


def owned(*streams: Stream) -> dict[str, Owned]:
    return {stream.name: Owned(stream.name, stream.server, stream.digest, 0.0, "file changed") for stream in streams}


def a_memory(*streams: Stream) -> Memory:
    return Memory(inventory=owned(*streams))


def a_runtime_path(
    name: str = "gate",
    *,
    ready: bool = True,
    online: bool | None = True,
    ready_time: str | None = "t1",
    inbound_bytes: int = 0,
    readers: int = 0,
) -> RuntimePath:
    return RuntimePath(
        name=name,
        ready=ready,
        online=online,
        ready_time=ready_time if ready else None,
        source_type="rtspSource",
        inbound_bytes=inbound_bytes,
        readers=readers,
    )


def an_observation(*paths: RuntimePath, started: str | None = "s1", at: float = 0.0) -> Observation:
    return Observation(ServerFacts(NEWEST, started), {path.name: path for path in paths}, at)
