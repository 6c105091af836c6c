"""What runs on a simulated server: one entry a path, its connection to a camera, its readers.

A change of configuration does to an entry what it does on a real server: nothing when the resolved path is equal,
nothing visible when only hot options differ, else the entry is made anew and its readers are cut (mediamtx-api 4.1).

Not guaranteed: an entry under a regular expression appears only as the ghost of a deleted publisher path.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reconciler.core.options.names import is_pattern
from reconciler.core.options.table import is_hot
from reconciler.core.options.version import Version
from reconciler.mediamtx.simulator.cameras import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reconciler.core.model import Json, Options
    from reconciler.mediamtx.simulator.cameras import Camera

__all__ = ["Entry", "Runtime"]

_ANYTHING = ("all", "all_others")

_ONLINE_FROM = Version(1, 16, 0)
_TRACKS2_FROM = Version(1, 17, 0)
_GHOSTS_FROM = Version(1, 15, 0)
_NEW_TYPES_FROM = Version(1, 11, 0)
_HLS_SESSION_FROM = Version(1, 18, 0)
_NEVER = "0001-01-01T00:00:00Z"
_PUBLISHER_RATE = 250_000
_SOURCES = {
    "rtsp": "rtspSource",
    "rtsps": "rtspSource",
    "rtmp": "rtmpSource",
    "rtmps": "rtmpSource",
    "http": "hlsSource",
    "https": "hlsSource",
    "srt": "srtSource",
    "whep": "webRTCSource",
    "wheps": "webRTCSource",
    "udp": "mpegtsSource",
    "moqt": "moqSource",
}


@dataclass(slots=True)
class Entry:
    """One running path. `published_since`: somebody publishes to it, since then (monotonic seconds)."""

    conf: Options
    conf_name: str
    connection: Connection | None = None
    published_since: float | None = None
    readers: int = 0


@dataclass(slots=True)
class Runtime:
    """All entries of one server process. `restarts` and `readers_cut` count, by path, what viewers would feel."""

    version: Version
    camera_of: Callable[[str], Camera]
    entries: dict[str, Entry] = field(default_factory=dict)
    restarts: Counter[str] = field(default_factory=Counter)
    readers_cut: Counter[str] = field(default_factory=Counter)

    def follow(self, paths: Mapping[str, Options], now: float) -> None:
        """Make the entries those of `paths` (resolved, by name), cutting only what has to be cut."""
        self.advance(now)
        patterns = sorted((name for name in paths if is_pattern(name)), key=lambda name: (name in _ANYTHING, name))
        for name in list(self.entries):
            if name not in paths:
                self._close(name, paths, next((pattern for pattern in patterns if _matches(pattern, name)), None))
        for name, conf in paths.items():
            if is_pattern(name):
                continue
            entry = self.entries.get(name)
            if entry is None:
                self.entries[name] = self._open(name, conf, now)
                continue
            entry.conf_name = name
            if entry.conf == conf:
                continue
            changed = {key for key in entry.conf.keys() | conf.keys() if entry.conf.get(key) != conf.get(key)}
            if all(is_hot(self.version, key) for key in changed):
                entry.conf = conf
            else:
                self._count_cut(name, entry)
                self.entries[name] = self._open(name, conf, now)

    def _close(self, name: str, paths: Mapping[str, Options], pattern: str | None) -> None:
        entry = self.entries[name]
        is_publisher = entry.conf.get("source") == "publisher"
        if pattern is not None and is_publisher and self.version >= _GHOSTS_FROM:
            entry.conf, entry.conf_name = paths[pattern], pattern
            return
        self._count_cut(name, entry)
        del self.entries[name]

    def _count_cut(self, name: str, entry: Entry) -> None:
        self.restarts[name] += 1
        self.readers_cut[name] += entry.readers

    def _open(self, name: str, conf: Options, now: float) -> Entry:
        source = conf.get("source")
        connection = None
        if isinstance(source, str) and "://" in source and conf.get("sourceOnDemand") is not True:
            connection = Connection(self.camera_of(source), next_try=now, seen=now)
        return Entry(conf, name, connection)

    def advance(self, now: float) -> None:
        """Live through the time until `now`."""
        for entry in self.entries.values():
            if entry.connection is not None:
                entry.connection.advance(now)

    # --- what is shown --------------------------------------------------------------------------------------------

    def shown(self, name: str, now: float, stamp: Callable[[float], str]) -> dict[str, Json]:
        """Return one entry as `paths/list` shows it; `stamp` writes a monotonic second as the server's time."""
        entry = self.entries[name]
        ready_since = self._ready_since(entry)
        ready = ready_since is not None
        bytes_in = self._bytes_in(entry, now)
        since = None if ready_since is None else stamp(ready_since)
        tracks: list[Json] = ["H264"] if ready else []
        readers: list[Json] = [{"type": "rtspSession", "id": f"{number:032x}"} for number in range(entry.readers)]
        shown: dict[str, Json] = {
            "name": name,
            "confName": entry.conf_name,
            "source": self._source(entry),
            "ready": ready,
            "readyTime": since,
            "tracks": tracks,
            "bytesReceived": bytes_in,
            "bytesSent": bytes_in * entry.readers,
            "readers": readers,
        }
        if self.version >= _ONLINE_FROM:
            static = entry.conf.get("source") != "publisher"
            shown |= {
                "available": ready,
                "availableTime": since,
                "online": static or ready,
                "onlineTime": since or (_NEVER if static else None),
            }
        if self.version >= _TRACKS2_FROM:
            tracks2: list[Json] = [{"codec": codec, "codecProps": None} for codec in tracks]
            shown |= {
                "tracks2": tracks2,
                "inboundBytes": bytes_in,
                "outboundBytes": bytes_in * entry.readers,
                "inboundFramesInError": 0,
            }
        return shown

    def _ready_since(self, entry: Entry) -> float | None:
        return entry.connection.ready_since if entry.connection is not None else entry.published_since

    def _bytes_in(self, entry: Entry, now: float) -> int:
        if entry.connection is not None:
            return entry.connection.bytes_in(now)
        return 0 if entry.published_since is None else int((now - entry.published_since) * _PUBLISHER_RATE)

    def _source(self, entry: Entry) -> Json:
        source = str(entry.conf.get("source", ""))
        if source == "publisher":
            return None if entry.published_since is None else {"type": "rtspSession", "id": f"{1:032x}"}
        if source in {"redirect", "rpiCamera"}:
            return {"type": "redirect" if source == "redirect" else "rpiCameraSource", "id": ""}
        return {"type": _SOURCES.get(source.partition("://")[0].partition("+")[0], "rtspSource"), "id": ""}


def _matches(pattern: str, name: str) -> bool:
    return pattern in _ANYTHING or re.search(pattern[1:], name) is not None
