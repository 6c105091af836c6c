"""What runs on a simulated server: one entry a path, its connection to a camera, its publisher and viewers.

A change of configuration does to an entry what it does on a real server: nothing when the resolved path is equal,
nothing visible when only hot options differ, else the entry is closed and made anew (mediamtx-api 4.1). A path that is
deleted while a pattern such as all_others matches its name lives on under that pattern, if it can.

Not guaranteed: nothing comes to life under a pattern by itself, as it would when somebody asks for it. Viewers are
patient: they wait while there is nothing to see, and are gone for good only when their path is closed.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reconciler.core.options.names import is_pattern
from reconciler.core.options.quantities import parse_duration
from reconciler.core.options.table import is_hot
from reconciler.core.options.version import Version
from reconciler.mediamtx.simulator.cameras import Connection
from reconciler.mediamtx.simulator.deaths import Moment, deadly_moments

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reconciler.core.model import Options
    from reconciler.mediamtx.simulator.cameras import Camera
    from reconciler.mediamtx.simulator.config import Resolved

__all__ = ["PUBLISHER_RATE", "Entry", "Runtime"]

PUBLISHER_RATE = 250_000
"""Bytes a second of whoever publishes."""
_MATCH_EVERYTHING = ("all", "all_others")
_MOVES_FROM = Version(1, 13, 0)
_NANO = 1e9


@dataclass(slots=True)
class Entry:
    """One running path. Times are monotonic seconds.

    `published_since`: somebody publishes to it, since then. `leave_at`: an on-demand source is let go then, because
    nobody watches. `deadly`: when it would end the server.
    """

    conf: Options
    conf_name: str
    opened_at: float
    connection: Connection | None = None
    published_since: float | None = None
    viewers: int = 0
    leave_at: float | None = None
    deadly: frozenset[Moment] = frozenset()

    @property
    def ready_since(self) -> float | None:
        """When there began to be something to see; None while there is nothing."""
        return self.opened_at if self.always_available else self.online_since

    @property
    def online_since(self) -> float | None:
        """When the camera or the publisher began to deliver; None while it does not."""
        return self.connection.ready_since if self.connection is not None else self.published_since

    @property
    def readers(self) -> int:
        """How many watch right now."""
        return self.viewers if self.ready_since is not None else 0

    @property
    def is_static(self) -> bool:
        """Whether the source is anything but somebody who publishes."""
        return self.conf.get("source") != "publisher"

    @property
    def always_available(self) -> bool:
        """Whether something is shown even without a source."""
        return self.conf.get("alwaysAvailable") is True

    @property
    def camera_source(self) -> str | None:
        """The URL that is fetched; None for publishers, redirects and built-in cameras."""
        source = self.conf.get("source")
        return source if isinstance(source, str) and "://" in source else None

    def advance(self, now: float) -> None:
        """Live through the time until `now`."""
        if self.connection is None:
            return
        if self.leave_at is not None and self.leave_at <= now:
            self.connection = self.leave_at = None
        else:
            self.connection.advance(now)

    def ends_the_server(self) -> bool:
        """Say whether a moment has come at which this path kills."""
        return bool(
            Moment.OPEN in self.deadly
            or (Moment.CONNECT in self.deadly and self.connection is not None)
            or (Moment.READY in self.deadly and self.ready_since is not None)
            or (Moment.READ in self.deadly and self.readers)
        )


@dataclass(slots=True)
class Runtime:
    """All entries of one server process, by name. What viewers would feel is counted by path.

    `restarts`: closed and made anew by a change. `readers_cut`, `publishers_cut`: disconnected by a change or delete.
    Entries live only when they are looked at: each method brings those that it is about up to `now` first.
    """

    version: Version
    camera_of: Callable[[str], Camera]
    entries: dict[str, Entry] = field(default_factory=dict)
    restarts: Counter[str] = field(default_factory=Counter)
    readers_cut: Counter[str] = field(default_factory=Counter)
    publishers_cut: Counter[str] = field(default_factory=Counter)
    _deadly: set[str] = field(default_factory=set)

    def follow(self, paths: Mapping[str, Resolved], now: float) -> None:
        """Make the entries those of `paths`, cutting only what has to be cut."""
        closed = set()
        for name, entry in list(self.entries.items()):
            path = paths.get(name)
            if path is not None and entry.conf is path.options and entry.conf_name == name:
                continue
            conf_name = self._conf_name(name, entry, paths)
            conf = None if conf_name is None else paths[conf_name].options
            if conf_name is None or conf is None or not self._can_become(entry.conf, conf):
                self._close(name, now)
                closed.add(name)
            else:
                entry.conf_name = conf_name
                self._configure(name, entry, conf)
        for name, path in paths.items():
            if name not in self.entries and not is_pattern(name):
                self._open(name, path.options, now)
                self.restarts[name] += name in closed

    def advance(self, now: float) -> None:
        """Live through the time until `now`."""
        for entry in self.entries.values():
            entry.advance(now)

    def feel(self, camera: Camera, now: float) -> None:
        """Let the connections to `camera` notice that it has changed; `advance` to `now` before the change."""
        for entry in self.entries.values():
            if entry.connection is not None and entry.connection.camera is camera:
                entry.connection.feel(now)

    def watch(self, name: str, viewers: int, now: float) -> None:
        """Let so many watch a path, or try to; KeyError when it does not run."""
        entry = self.entries[name]
        entry.advance(now)
        entry.viewers = viewers
        if entry.conf.get("sourceOnDemand") is not True or entry.camera_source is None:
            return
        if viewers:
            entry.leave_at = None
            entry.connection = entry.connection or Connection(self.camera_of(entry.camera_source), next_try=now)
        elif entry.connection is not None and entry.leave_at is None:
            entry.leave_at = now + self._seconds(entry.conf.get("sourceOnDemandCloseAfter"))

    def deadly_path(self, now: float) -> str | None:
        """Return a path that ends the server now; None when there is none."""
        for name in self._deadly:
            self.entries[name].advance(now)
        return next((name for name in self._deadly if self.entries[name].ends_the_server()), None)

    def _conf_name(self, name: str, entry: Entry, paths: Mapping[str, Resolved]) -> str | None:
        if self.version < _MOVES_FROM:
            return entry.conf_name if entry.conf_name in paths else None
        if name in paths:
            return name
        patterns = sorted(filter(is_pattern, paths), key=lambda pattern: (pattern in _MATCH_EVERYTHING, pattern))
        return next((pattern for pattern in patterns if _matches(pattern, name)), None)

    def _can_become(self, old: Options, new: Options) -> bool:
        if old is new or old == new:
            return True
        return all(is_hot(self.version, key) for key in old.keys() | new.keys() if old.get(key) != new.get(key))

    def _close(self, name: str, now: float) -> None:
        entry = self.entries.pop(name)
        entry.advance(now)
        self._deadly.discard(name)
        self.readers_cut[name] += entry.readers
        self.publishers_cut[name] += entry.published_since is not None

    def _open(self, name: str, conf: Options, now: float) -> None:
        entry = self.entries[name] = Entry(conf, name, now)
        self._configure(name, entry, conf)
        source = entry.camera_source
        if source is not None and conf.get("sourceOnDemand") is not True:
            entry.connection = Connection(self.camera_of(source), next_try=now)

    def _configure(self, name: str, entry: Entry, conf: Options) -> None:
        entry.conf, entry.deadly = conf, deadly_moments(conf, self.version)
        (self._deadly.add if entry.deadly else self._deadly.discard)(name)

    def _seconds(self, duration: object) -> float:
        return parse_duration(str(duration or "0s"), self.version) / _NANO


def _matches(pattern: str, name: str) -> bool:
    if pattern in _MATCH_EVERYTHING:
        return True
    try:
        return re.search(pattern[1:], name) is not None
    except re.error:  # Go knows some syntax that Python does not
        return False
