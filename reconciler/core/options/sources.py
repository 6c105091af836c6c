"""What a `source` is: its family by prefix.

Source: mediamtx-api 2.6 and the prefixes MediaMTX matches, in lower case, in this order.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache

from reconciler.core.options.version import OLDEST, Version

__all__ = ["Family", "family"]


class Family(StrEnum):
    """What kind of source a path has, which decides the rules for it."""

    PUBLISHER = "publisher"
    REDIRECT = "redirect"
    RPI_CAMERA = "rpiCamera"
    RTSP = "rtsp"
    RTMP = "rtmp"
    HLS = "hls"
    UDP = "udp"
    UNIX = "unix"
    UDP_RTP = "udp+rtp"
    UNIX_RTP = "unix+rtp"
    SRT = "srt"
    MOQ = "moq"
    WHEP = "whep"


_PREFIXES = {
    "rtsp://": (Family.RTSP, OLDEST),
    "rtsps://": (Family.RTSP, OLDEST),
    "rtsp+http://": (Family.RTSP, Version(1, 15, 0)),
    "rtsps+http://": (Family.RTSP, Version(1, 15, 0)),
    "rtsp+ws://": (Family.RTSP, Version(1, 15, 0)),
    "rtsps+ws://": (Family.RTSP, Version(1, 15, 0)),
    "rtmp://": (Family.RTMP, OLDEST),
    "rtmps://": (Family.RTMP, OLDEST),
    "http://": (Family.HLS, OLDEST),
    "https://": (Family.HLS, OLDEST),
    "udp://": (Family.UDP, OLDEST),
    "udp+mpegts://": (Family.UDP, Version(1, 14, 0)),
    "unix+mpegts://": (Family.UNIX, Version(1, 14, 0)),
    "udp+rtp://": (Family.UDP_RTP, Version(1, 14, 0)),
    "unix+rtp://": (Family.UNIX_RTP, Version(1, 14, 0)),
    "srt://": (Family.SRT, OLDEST),
    "moqt://": (Family.MOQ, Version(1, 20, 1)),
    "whep://": (Family.WHEP, OLDEST),
    "wheps://": (Family.WHEP, OLDEST),
}
_WORDS = {word.value: word for word in (Family.PUBLISHER, Family.REDIRECT, Family.RPI_CAMERA)}


@cache
def _known(version: Version) -> dict[str, Family]:
    return {prefix: kind for prefix, (kind, since) in _PREFIXES.items() if since <= version}


def family(source: str, version: Version) -> Family | None:
    """Return the family of `source`, None when `version` does not know it."""
    scheme, mark, _ = source.partition("://")
    if mark:
        return _known(version).get(scheme + mark)
    return _WORDS.get(source)
