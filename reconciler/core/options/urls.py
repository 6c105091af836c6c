"""URLs as Go's `net/url` reads them, which is what decides whether MediaMTX takes one.

Source: Go 1.26's `url.Parse`; held to the recordings and to real servers by tests. `diagnose` says in words, without
repeating any of the URL, what is wrong with one that cannot be parsed.

Not guaranteed: servers built with an older Go take a few hosts in brackets that are refused here.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field

__all__ = ["Url", "diagnose", "parse_url", "split_host_port"]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_USERINFO = re.compile(r"(?:[A-Za-z0-9._:~!$&'()*+,;=%@-])*")
_HOST = re.compile(r"""(?:[A-Za-z0-9._~!$&'()*+,;=:\[\]<>"-]|[^\x00-\x7f]|%25|%[89A-Fa-f][0-9A-Fa-f])*""")
_PORT = re.compile(r"(?::[0-9]*)?")
_ESCAPES_MUST = "must be percent-encoded (@ is %40, / is %2F, # is %23, ? is %3F, % is %25)"


@dataclass(frozen=True, slots=True)
class Url:
    """The parts that matter here. `userinfo` None: there is no `@`; `host` has the port; nothing is decoded."""

    scheme: str
    host: str = ""
    userinfo: str | None = field(default=None, repr=False)
    opaque: str = field(default="", repr=False)
    fragment: str = field(default="", repr=False)

    @property
    def user(self) -> str:
        """The user name, as written."""
        return (self.userinfo or "").partition(":")[0]

    @property
    def password(self) -> str:
        """The password, as written."""
        return (self.userinfo or "").partition(":")[2]

    @property
    def port(self) -> str:
        """The text after the host's last colon, empty when there is none."""
        after_bracket = self.host.rpartition("]")[2]
        return after_bracket.rpartition(":")[2] if ":" in after_bracket else ""

    @property
    def hostname(self) -> str:
        """The host without port and brackets."""
        if self.host.startswith("["):
            return self.host[1:].partition("]")[0]
        return self.host.rpartition(":")[0] if ":" in self.host else self.host


def parse_url(text: str, *, strict_colons: bool = True) -> Url | None:
    """Return the parts of `text`, None where Go's `url.Parse` gives an error.

    `strict_colons`: as programs made for Go 1.26 are, with the host of http and https.
    """
    body, _, fragment = text.partition("#")
    if _CONTROL.search(body) or _BAD_ESCAPE.search(fragment):
        return None
    match = _SCHEME.match(body)
    if match is None:
        return _without_scheme(body, fragment, strict_colons=strict_colons)
    scheme, rest = match[0][:-1].lower(), body[match.end() :].partition("?")[0]
    if not rest.startswith("/"):
        return Url(scheme, opaque=rest, fragment=fragment)
    return _with_path(scheme, rest, fragment, strict_colons=strict_colons)


def _without_scheme(body: str, fragment: str, *, strict_colons: bool) -> Url | None:
    rest = body.partition("?")[0]
    if rest.startswith("/"):
        return _with_path("", rest, fragment, strict_colons=strict_colons)
    if ":" in rest.partition("/")[0] or _BAD_ESCAPE.search(rest):
        return None
    return Url("", fragment=fragment)


def _with_path(scheme: str, rest: str, fragment: str, *, strict_colons: bool) -> Url | None:
    if not rest.startswith("//") or (not scheme and rest.startswith("///")):
        return None if _BAD_ESCAPE.search(rest) else Url(scheme, fragment=fragment)
    authority, slash, path = rest[2:].partition("/")
    if _BAD_ESCAPE.search(slash + path):
        return None
    userinfo, at, host = authority.rpartition("@")
    if (
        not _is_host(host, strict=strict_colons and scheme in ("http", "https"))
        or not _USERINFO.fullmatch(userinfo)
        or _BAD_ESCAPE.search(userinfo)
    ):
        return None
    return Url(scheme, host=host, userinfo=userinfo if at else None, fragment=fragment)


def _is_host(host: str, *, strict: bool) -> bool:
    if "[" in host:
        literal, bracket, port = host[1:].rpartition("]")
        address = literal.partition("%25")[0]
        return host[0] == "[" and bool(bracket) and _PORT.fullmatch(port) is not None and _is_ipv6(address)
    name, colon, port = host.rpartition(":")
    if colon and not _PORT.fullmatch(colon + port):
        return False
    return not (strict and ":" in name) and _HOST.fullmatch(host) is not None


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return "%" not in text


def split_host_port(text: str) -> tuple[str, str] | None:
    """Return host and port as Go's `net.SplitHostPort`, None where that gives an error."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or not rest.startswith(":") or ":" in rest[1:] or any(c in host + rest for c in "[]"):
            return None
        return host, rest[1:]
    host, colon, port = text.rpartition(":")
    if not colon or ":" in host or any(c in text for c in "[]"):
        return None
    return host, port


def diagnose(text: str) -> str:
    """Say what keeps `text`, which `parse_url` refuses, from being a URL: a clause without any part of the URL."""
    if _CONTROL.search(text):
        return "it has a line break or another control character in it"
    authority = text.partition("://")[2]
    # A raw / ? or # in a password ends the authority early: the @ then stands behind it.
    early = re.split(r"[/?#]", authority, maxsplit=1)[0]
    if "@" in authority and "@" not in early and ":" in early:
        return f"a character of the user name or password {_ESCAPES_MUST}"
    userinfo, at, host = early.rpartition("@")
    if at and (not _USERINFO.fullmatch(userinfo) or _BAD_ESCAPE.search(userinfo)):
        return f"a character of the user name or password {_ESCAPES_MUST}"
    if "[" in host or "]" in host:
        return "an IPv6 address is written in brackets, [fe80::1], and the port after them"
    if any(c.isspace() for c in host):
        return "there is a space in the host"
    _, colon, port = host.rpartition(":")
    if colon and not _PORT.fullmatch(colon + port):
        return "the port is not a number"
    if _BAD_ESCAPE.search(text):
        return "a % must be written as %25"
    return "the host is not valid"
