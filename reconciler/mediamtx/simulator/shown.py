"""A running path as `paths/list` shows it, by version (mediamtx-api 3.1 and 3.2).

Not guaranteed: every source is one H264 track; `onlineTime` of an always available path of 1.16 to 1.19.2 whose camera
never came is a guess.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from reconciler.core.options.sources import Family, family
from reconciler.core.options.version import Version
from reconciler.mediamtx.simulator.runtime import PUBLISHER_RATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.core.model import Json
    from reconciler.mediamtx.simulator.runtime import Entry

__all__ = ["show"]

_CAMEL_CASE_WEBRTC_FROM = Version(1, 11, 0)
_MPEGTS_FROM = Version(1, 14, 0)
_ONLINE_FROM = Version(1, 16, 0)
_TRACKS2_FROM = Version(1, 17, 0)
_TRUE_ONLINE_FROM = Version(1, 19, 3)
_NEVER = "0001-01-01T00:00:00Z"
_SOURCES = {
    Family.REDIRECT: "redirect",
    Family.RPI_CAMERA: "rpiCameraSource",
    Family.RTSP: "rtspSource",
    Family.RTMP: "rtmpSource",
    Family.HLS: "hlsSource",
    Family.UDP: "mpegtsSource",
    Family.UNIX: "mpegtsSource",
    Family.UDP_RTP: "rtpSource",
    Family.UNIX_RTP: "rtpSource",
    Family.SRT: "srtSource",
    Family.MOQ: "moqSource",
    Family.WHEP: "webRTCSource",
}
_H264: dict[str, Json] = {"width": 1920, "height": 1080, "profile": "High", "level": "4"}


def show(name: str, entry: Entry, version: Version, now: float, stamp: Callable[[float], str]) -> dict[str, Json]:
    """Return one entry as JSON; `stamp` writes a monotonic second as the server's time."""
    since = None if entry.ready_since is None else stamp(entry.ready_since)
    bytes_in = _bytes_in(entry, now)
    bytes_out = bytes_in * entry.readers
    tracks = _tracks(entry)
    readers: list[Json] = [{"type": "rtspSession", "id": str(UUID(int=number + 1))} for number in range(entry.readers)]
    shown: dict[str, Json] = {
        "name": name,
        "confName": entry.conf_name,
        "source": _source(entry, version),
        "ready": since is not None,
        "readyTime": since,
        "tracks": [*tracks],
        "bytesReceived": bytes_in,
        "bytesSent": bytes_out,
        "readers": readers,
    }
    if version >= _ONLINE_FROM:
        online = _is_online(entry, version)
        shown |= {
            "available": since is not None,
            "availableTime": since,
            "online": online,
            "onlineTime": _online_time(entry, stamp) if online else None,
        }
    if version >= _TRACKS2_FROM:
        tracks2: list[Json] = [{"codec": codec, "codecProps": _H264 if codec == "H264" else None} for codec in tracks]
        shown |= {
            "tracks2": tracks2,
            "inboundBytes": bytes_in,
            "outboundBytes": bytes_out,
            "inboundFramesInError": 0,
        }
    return shown


def _is_online(entry: Entry, version: Version) -> bool:
    if entry.is_static and not (entry.always_available and version >= _TRUE_ONLINE_FROM):
        return True  # whatever the camera does: the server means that there is a source
    return entry.online_since is not None


def _online_time(entry: Entry, stamp: Callable[[float], str]) -> str:
    """Return when the source last came; that stays after it has gone."""
    last = entry.connection.last_ready if entry.connection is not None else entry.published_since
    return _NEVER if last is None else stamp(last)


def _bytes_in(entry: Entry, now: float) -> int:
    if entry.connection is not None:
        # An always available stream outlives its connections, and so does its counter.
        return entry.connection.bytes_in(now) + (entry.connection.carried if entry.always_available else 0)
    return 0 if entry.published_since is None else int((now - entry.published_since) * PUBLISHER_RATE)


def _tracks(entry: Entry) -> list[str]:
    if entry.ready_since is None:
        return []
    declared = entry.conf.get("alwaysAvailableTracks") if entry.always_available else None
    codecs = (
        [str(track["codec"]) for track in declared if isinstance(track, dict)] if isinstance(declared, list) else []
    )
    return codecs or ["H264"]


def _source(entry: Entry, version: Version) -> Json:
    kind = family(str(entry.conf.get("source", "")), version)
    if kind is None or kind is Family.PUBLISHER:
        return None if entry.published_since is None else {"type": "rtspSession", "id": str(UUID(int=1))}
    if kind is Family.UDP and version < _MPEGTS_FROM:
        return {"type": "udpSource", "id": ""}
    if kind is Family.WHEP and version < _CAMEL_CASE_WEBRTC_FROM:
        return {"type": "webrtcSource", "id": ""}
    return {"type": _SOURCES[kind], "id": ""}
