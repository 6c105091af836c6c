"""What a `source` may be, by version: its family by prefix, and the rules for its URL.

Source: mediamtx-api 2.6 and 4.6, `internal/conf/path.go` of all releases. From 1.19.1 one check serves all schemes;
before, each family had its own. Beyond what the server refuses we refuse URLs that can never work: ports out of range,
no host, an unescaped `@` in a password.

Not guaranteed: that anything answers there.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from reconciler.core.options.names import plain_name_fault
from reconciler.core.options.urls import Url, diagnose, parse_url, split_host_port
from reconciler.core.options.version import OLDEST, Version
from reconciler.core.options.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Family", "check_forward", "check_redirect", "check_source", "family"]


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
_WITHOUT_HOST = frozenset({Family.PUBLISHER, Family.REDIRECT, Family.RPI_CAMERA, Family.UNIX, Family.UNIX_RTP})
_WORDS = {word.value: word for word in (Family.PUBLISHER, Family.REDIRECT, Family.RPI_CAMERA)}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")

_STRICT_COLONS_FROM = Version(1, 18, 1)
_ONE_CHECK_FROM = Version(1, 19, 1)
_PLAIN_RTSP_FROM = Version(1, 15, 0)
_UDP_NAMED_MPEGTS_FROM = Version(1, 14, 0)
_RELATIVE_REDIRECT_FROM = Version(1, 12, 0)
_WHIP_FROM = Version(1, 20, 1)
_MAX_PORT = 65535
_PORT_PLACEHOLDER = re.compile(r":\$G[0-9]+")
_PLACEHOLDER = re.compile(r"\$G[0-9]+")
_ZONED = re.compile(r"(.+?)://(.*?)@(.*?)/(.*)")
_BOTH = "username and password must be both provided"
_BOTH_OURS = "the URL has a user name without a password or the reverse: MediaMTX wants both, or neither"


@cache
def _known(version: Version) -> dict[str, Family]:
    return {prefix: kind for prefix, (kind, since) in _PREFIXES.items() if since <= version}


def family(source: str, version: Version) -> Family | None:
    """Return the family of `source`, None when `version` does not know it."""
    scheme, mark, _ = source.partition("://")
    if mark:
        return _known(version).get(scheme + mark)
    return _WORDS.get(source)


def check_source(source: str, kind: Family | None, version: Version, *, sdp: bool) -> Iterator[Violation]:
    """Yield what is wrong with `source`, of `kind`, by itself; `sdp`: the path has an `rtpSDP`."""
    if kind is None:
        yield Violation("source", _unknown(source, version), f"invalid source: '{source}'")
        return
    if kind not in _WITHOUT_HOST:
        yield from _check_url(source, kind, version)
    if kind in (Family.UDP_RTP, Family.UNIX_RTP) and not sdp:
        message = f"a {kind} source needs `rtpSDP`: the session description, as text"
        yield Violation("rtpSDP", message, "`rtpSDP` was not provided")


def _unknown(source: str, version: Version) -> str:
    scheme, mark, _ = source.strip().partition("://")
    if not mark or not _SCHEME.fullmatch(scheme):
        return "must be publisher, redirect, rpiCamera or a URL with its scheme, like rtsp://host/path"
    _, since = _PREFIXES.get(scheme.lower() + mark, (None, None))
    if since is None:
        known = ", ".join(prefix.removesuffix("://") for prefix in _known(version))
        # The scheme is not repeated: a URL pasted into a password's place ends up here too.
        return f"MediaMTX has no source of this scheme: it has {known}"
    if since > version:
        return f"sources of scheme {scheme.lower()!r} need MediaMTX {since} or newer, this is {version}"
    return "spaces before a URL are not allowed" if scheme.islower() else f"write the scheme {scheme!r} in lower case"


def _check_url(source: str, kind: Family, version: Version) -> Iterator[Violation]:
    url = parse_url(_without_placeholders(source), strict_colons=version >= _STRICT_COLONS_FROM)
    one_check = version >= _ONE_CHECK_FROM
    refusal = _new_refusal(source, url, kind) if one_check else _old_refusal(source, kind, version)
    if refusal is not None:
        yield Violation("source", *refusal)
    elif url is not None:
        yield from _check_reachable("source", url)


def _invalid(url: str) -> tuple[str, str]:
    return f"is not a URL: {diagnose(url)}", f"'{url}' is not a valid URL"


def _without_placeholders(text: str) -> str:
    if "$G" not in text:
        return text
    return _PLACEHOLDER.sub("abc", _PORT_PLACEHOLDER.sub(":1935", text))


def _lacks_half_of_login(url: Url) -> bool:
    return url.userinfo is not None and bool(url.user) is not bool(url.password)


def _new_refusal(source: str, url: Url | None, kind: Family) -> tuple[str, str] | None:
    """Return our and the server's words about what 1.19.1 and newer refuse in the URL of any scheme."""
    if url is None:
        return _invalid(source)
    if not url.scheme or not url.host:
        return "the URL has no host", f"'{source}' is not a valid URL"
    if _lacks_half_of_login(url):
        return _BOTH_OURS, _BOTH
    if kind in (Family.UDP, Family.UDP_RTP) and split_host_port(url.host) is None:
        return "the URL needs a port, like udp://239.0.0.1:1234", f"'{source}' is missing the port"
    return None


def _old_refusal(source: str, kind: Family, version: Version) -> tuple[str, str] | None:
    """Return the same for versions before 1.19.1, where each family was checked by itself."""
    if kind in (Family.UDP, Family.UDP_RTP):
        if split_host_port(source.partition("://")[2]) is not None:
            return None
        words = "UDP+RTP" if kind is Family.UDP_RTP else "UDP+MPEGTS" if version >= _UDP_NAMED_MPEGTS_FROM else "UDP"
        return "the URL needs a port, like udp://239.0.0.1:1234", f"'{source}' is not a valid {words} URL"
    if kind is Family.RTSP and version < _PLAIN_RTSP_FROM:
        fault = _rtsp_fault(source)
        return None if fault is None else (fault, f"'{source}' is not a valid URL")
    url = parse_url(source, strict_colons=version >= _STRICT_COLONS_FROM)
    if url is None:
        return _invalid(source)
    if kind in (Family.RTMP, Family.HLS) and _lacks_half_of_login(url):
        return _BOTH_OURS, _BOTH
    return None


def _rtsp_fault(text: str) -> str | None:
    """Return why gortsplib does not take `text` as an RTSP URL: a clause without any part of it; None when it does."""
    zoned = _ZONED.fullmatch(text)
    if zoned is not None:
        host = zoned[3].replace("%25", "%").replace("%", "%25")
        text = f"{zoned[1]}://{zoned[2]}@{host}/{zoned[4]}"
    url = parse_url(text)
    if url is None:
        return f"is not a URL: {diagnose(text)}"
    if url.scheme not in ("rtsp", "rtsps"):
        return "must be a URL that begins with rtsp:// or rtsps://"
    if url.opaque:
        return "must be a URL that begins with rtsp:// or rtsps://"
    if url.fragment:
        return "a # and what follows it is not allowed in an RTSP URL: write it as %23"
    return None


def check_redirect(option: str, target: str, version: Version) -> Iterator[Violation]:
    """Yield what is wrong with the target of `fallback` or `sourceRedirect`: an RTSP URL or `/path` (the latter there
    from 1.12).
    """
    relative = option == "fallback" or version >= _RELATIVE_REDIRECT_FROM
    if target.startswith("/") and relative:
        fault = plain_name_fault(target[1:], version)
        if fault is not None:
            yield Violation(option, f"the path after the slash {fault}", f"'{target}': {fault}")
        return
    fault = _rtsp_fault(target)
    url = parse_url(target)
    if fault is not None:
        hint = ", or /name for a path of the same server" if relative else ""
        yield Violation(option, f"{fault}{hint}", f"'{target}' is not a valid RTSP URL")
    elif url is not None:
        yield from _check_reachable(option, url)


def check_forward(destinations: list[object], version: Version) -> Iterator[Violation]:
    """Yield what is wrong with the `dest` of each item of `forward`; items of wrong shape are left to `decoding`."""
    for index, item in enumerate(destinations):
        dest = item.get("dest") if isinstance(item, dict) else None
        if dest is None or isinstance(dest, str):
            yield from _check_destination(index, dest or "", version)


def _check_destination(index: int, dest: str, version: Version) -> Iterator[Violation]:
    replaced = dest.replace("$MTX_PATH", "path")
    where, prefix = f"item {index + 1}", f"invalid 'forward': entry {index}:"
    if not dest:
        yield Violation("forward", f"{where}: `dest` is missing", f"{prefix} destination is empty")
        return
    url = parse_url(_without_placeholders(replaced))
    schemes = ["rtmp", "rtmps", "rtsp", "rtsps", "srt", *(["whip", "whips"] if version >= _WHIP_FROM else [])]
    known = f"{', '.join(schemes[:-1])} and {schemes[-1]}"
    if url is None:
        yield Violation("forward", f"{where}: {_invalid(replaced)[0]}", f"{prefix} {_invalid(replaced)[1]}")
    elif not url.scheme or not url.host:
        message = f"{where}: must be a URL with scheme and host"
        yield Violation("forward", message, f"{prefix} '{replaced}' is not a valid URL")
    elif _lacks_half_of_login(url):
        yield Violation("forward", f"{where}: {_BOTH_OURS}", f"{prefix} {_BOTH}")
    elif url.scheme not in schemes:
        text = f"{prefix} unsupported scheme '{url.scheme}', supported ones are {known}"
        yield Violation("forward", f"{where}: must be a URL of scheme {known}", text)
    else:
        if not dest.startswith(url.scheme):
            # The server compares it in lower case, then looks for it as written, and ends.
            yield Violation("forward", f"{where}: write the scheme in lower case, anything else ends the server")
        for violation in _check_reachable("forward", url):
            yield Violation("forward", f"{where}: {violation.message}")


def _check_reachable(option: str, url: Url) -> Iterator[Violation]:
    """Yield what no server refuses and no connection survives."""
    if url.userinfo is not None and "@" in url.userinfo:
        yield Violation(option, "an @ in the user name or password must be written as %40")
    host, port = url.hostname, url.port
    if port and not 0 < int(port[: len(str(_MAX_PORT)) + 1]) <= _MAX_PORT:
        yield Violation(option, f"the port must be between 1 and {_MAX_PORT}")
    if not host:
        yield Violation(option, "the URL has no host")
    elif ":" in host and not url.host.startswith("["):
        yield Violation(option, "an IPv6 address is written in brackets: [fe80::1]")
