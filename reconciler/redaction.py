"""The one place where secrets are taken out of text.

Two nets, one under the other. Secrets that are known (resolved while loading) are replaced wherever they stand: as they
are, percent-encoded in any manner, escaped as in JSON or Python, in base64, in a Basic login. Those that are not known
are found by their shape: the userinfo of a URL, the value of a word such as `password`, a Basic or Bearer header. Where
it is unclear how far a secret goes, more is hidden rather than less.

Not guaranteed: a secret of fewer than four characters, and one that was never learnt and has no such shape, stay. A
short secret that is a plain word or number is replaced only where it stands for itself: else a password `gate` would
make every text unreadable.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["MASK", "Redactor", "is_secret_name", "mask_url"]

MASK = "***"
_SHORTEST = 4
_LONG = 12
"""From here on even a plain word is too unlikely within another one to be left there."""

_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{6,}={0,2}")
_ESCAPE_BEFORE = re.compile(r"(?:\\[abefnrtv0]|\\x[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|%[0-9A-Fa-f]{2})\Z")

# A numeric address (or localhost) before a port is a host, not a user before a password.
_HOST = r"(?:(?:\d{1,3}(?:\.\d{1,3}){3}|localhost):\d{1,5}(?=[/?#])|\[[0-9A-Fa-f:.]+\](?:(?=[/?#\s\"']|$)|:\d{1,5}\b))"
_HOST_AT_START = re.compile(_HOST)
_COLON = re.compile(r":|%3[aA]")
_PORT = r"(?:\d{1,5}(?=[\s/?#\"'`<>(),;:\]}.]|$)|\$[A-Z{]|(?i:port)\b|\{port\}|\*\*\*)"
_WHOLE_HEAD = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.\-]*:(?=/))?/*")
# From the first colon to the last @ before white space or a closing quote: neither an unescaped / nor an @ in a
# password may save its tail.
_USERINFO = re.compile(
    rf"(?P<head>://(?:{_HOST})?+(?:(?!%3[aA])[^\s:\"'<>])*(?::|%3[aA]))"
    r"(?:[^\s\"'<>]|[\"'<>](?![\s,;:)\]}]|$))*@"
)
# What follows the colon is not a port, and no @ was in sight: a password with a blank in it, or cut short.
_OPEN_USERINFO = re.compile(
    rf"(?P<head>://(?:{_HOST})?+(?:(?!%3[aA])[^\s:/?#\"'<>])*(?::|%3[aA]))(?!{_PORT})(?:[^\n]*(?=@)|[^\s\"'<>]+)"
)

_WORD = r"(?:(?i:password|passwd|passphrase|pwd|secret|token|api[_\-]?key)|(?<=[a-z])Pass|\b(?i:pass))"
_STEMS = ("pass", "pwd", "secret", "token", "api")
"""Every such word has one of these in it; most lines have none and need no closer look."""
_NAME = re.compile(rf"{_WORD}\Z")
_QUOTED = re.compile(rf"(?P<head>{_WORD}[\"']?\s*[=:]\s*)(?:\"(?:\\.|[^\\\"\n])*\"?|'(?:\\.|[^\\'\n])*'?)")
_ASSIGNED = re.compile(
    rf"(?P<head>{_WORD}[\"']?\s*=\s*)(?![\s\"'])[^\s&]+?(?=[\"')\]}}>]{{0,3}}(?:[\s&]|$))"
    # Prose goes on after `password: `, a value is the last on its line or stands in a list of them.
    rf"|(?P<colon>{_WORD}[\"']?:)(?![\s\"'`])[^\s&]+"
    rf"|(?P<spaced>{_WORD}[\"']?\s*:\s+)(?!\$\{{\w+:[^}}\s]*\}})"
    rf"(?:[^\s,}}\"']+(?=\}}|,\s*[\"']?\w+[\"']?\s*:)|[^\s\"']\S*(?=[ \t]*$))",
    re.MULTILINE,
)
_QUERY = re.compile(
    r"(?P<head>[?&](?:(?i:auth\w*|key|sig|signature|jwt|p|pw|psw|session)=|streamid=[^\s&:#]*:[^\s&:]*:[^\s&:]*:"
    r"|streamid=#!::(?:[^\s&,]*,)*s=))[^\s&\"'<>]+"
)
_HEADER = re.compile(
    r"(?P<head>(?P<sure>(?i:authorization)[\"']?[\s:=,]{1,4}b?[\"']?)?\b(?P<kind>(?i:basic|bearer))\s+)"
    r"(?P<value>[A-Za-z0-9._~+/=\-:]{6,})"
)


# A URL within the query of another one.
_ENCODED_USERINFO = re.compile(r"(?P<head>(?i:%3a%2f%2f)(?:(?!%3[aA]|%40|%2[fF])[^\s&\"'])*%3[aA])[^\s&\"']*(?=%40)")


def is_secret_name(name: str) -> bool:
    """Whether what bears this name is a secret: `password`, `readPass`, `api_key`..."""
    return _NAME.search(name) is not None


def mask_url(url: str) -> str:
    """Return `url` with its password, and what its query names a secret, replaced by `***`.

    Takes any string, an invalid URL included, and never raises.
    """
    url = _mask_named(url)
    scheme = url.find("://")
    head = url[: scheme + 3] if scheme >= 0 else "" if (found := _WHOLE_HEAD.match(url)) is None else found[0]
    rest = url[len(head) :]
    if host := _HOST_AT_START.match(rest):
        head, rest = head + host[0], rest[host.end() :]
    at = rest.rfind("@")
    if at >= 0 and (colon := _COLON.search(rest, 0, at)):
        rest = f"{rest[: colon.end()]}{MASK}{rest[at:]}"
    return _OPEN_USERINFO.sub(_keep_head, head + rest) if scheme >= 0 else head + rest


class Redactor:
    """Takes secrets out of text. One instance is shared by everything that writes."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        # By their first four characters, the longest first: one look-up a place in the text, however many there are.
        self._by_start: dict[str, tuple[tuple[str, bool], ...]] = {}

    def learn(self, *secrets: str) -> None:
        """Replace these from now on wherever they stand; nothing is ever unlearnt."""
        for secret in secrets:
            if len(secret) >= _SHORTEST and secret not in self._secrets:
                self._secrets.add(secret)
                for spelling in _spellings(secret):
                    known = dict(self._by_start.get(spelling[:_SHORTEST], ()))
                    known[spelling] = _is_plain(spelling)
                    self._by_start[spelling[:_SHORTEST]] = tuple(sorted(known.items(), key=lambda pair: -len(pair[0])))

    def text(self, text: str) -> str:
        """Return `text` without secrets."""
        if self._secrets:
            text = self._without_known(text)
        text = _mask_named(text)
        if "://" in text:
            text = _USERINFO.sub(rf"\g<head>{MASK}@", text) if "@" in text else text
            text = _OPEN_USERINFO.sub(_keep_head, text)
        lower = text.lower()
        return _HEADER.sub(_mask_header, text) if "basic" in lower or "bearer" in lower else text

    def _without_known(self, text: str) -> str:
        spans = [*self._find(text), *self._find_logins(text)]
        if "%" in text and _PERCENT.search(text):
            decoded, origin = _percent_decoded(text)
            spans += [(origin[start], origin[end]) for start, end in self._find(decoded)]
        return _cut(text, spans) if spans else text

    def _find(self, text: str) -> Iterator[tuple[int, int]]:
        by_start = self._by_start
        for start in range(len(text) - _SHORTEST + 1):
            candidates = by_start.get(text[start : start + _SHORTEST])
            if candidates is None:
                continue
            for spelling, plain in candidates:
                end = start + len(spelling)
                if text.startswith(spelling, start) and not (plain and _within_word(text, start, end)):
                    yield start, end
                    break

    def _find_logins(self, text: str) -> Iterator[tuple[int, int]]:
        """Find `user:password` in base64 with a known password."""
        for token in _BASE64.finditer(text):
            if (login := _login(token[0])) is not None and login in self._secrets:
                yield token.span()


def _spellings(secret: str) -> set[str]:
    """Every form in which a secret may be written down, but for percent-encoding, of which there are too many."""
    quoted = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    in_base64 = base64.b64encode(secret.encode(errors="surrogatepass")).decode().rstrip("=")
    return {secret, secret.replace(" ", "+"), in_base64} | quoted


def _is_plain(spelling: str) -> bool:
    return len(spelling) < _LONG and spelling.isascii() and (spelling.isalpha() or spelling.isdigit())


def _within_word(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start], text[end : end + 1]
    if after.isascii() and after.isalnum():
        return True
    return before.isascii() and before.isalnum() and _ESCAPE_BEFORE.search(text[max(0, start - 6) : start]) is None


def _percent_decoded(text: str) -> tuple[str, list[int]]:
    """Return the text decoded, and for each place in it (and its end) the place in `text` it comes from."""
    pieces: list[str] = []
    origin: list[int] = []
    done = 0
    for run in _PERCENT.finditer(text):
        pieces.append(text[done : run.start()])
        origin += range(done, run.start())
        place = run.start()
        decoded = bytes.fromhex(run[0].replace("%", "")).decode(errors="surrogateescape")
        for character in decoded:
            origin.append(place)
            place += 3 * len(character.encode(errors="surrogateescape"))
        pieces.append(decoded)
        done = run.end()
    pieces.append(text[done:])
    origin += range(done, len(text) + 1)
    return "".join(pieces), origin


def _login(token: str) -> str | None:
    """Return the password of a Basic login, None when `token` is none."""
    bare = token.rstrip("=")
    try:
        decoded = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error:
        return None
    _, colon, password = decoded.partition(b":")
    return password.decode(errors="surrogateescape") if colon else None


def _cut(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Replace spans, which may overlap, by the mask."""
    pieces: list[str] = []
    done = 0
    for start, end in sorted(spans):
        if start >= done:
            pieces += (text[done:start], MASK)
        done = max(done, end)
    pieces.append(text[done:])
    return "".join(pieces)


def _mask_named(text: str) -> str:
    lower = text.lower()
    if any(stem in lower for stem in _STEMS):
        text = _QUOTED.sub(lambda match: f'{match["head"]}"{MASK}"', text)
        text = _ASSIGNED.sub(lambda match: f"{match['head'] or match['colon'] or match['spaced']}{MASK}", text)
    if "%40" in text:
        text = _ENCODED_USERINFO.sub(_keep_head, text)
    return _QUERY.sub(_keep_head, text) if "=" in text else text


def _mask_header(match: re.Match[str]) -> str:
    value = match["value"]
    # In prose both words are followed by other words; a login is base64, a token more than a lower-case word.
    is_login = _login(value) is not None if match["kind"].lower() == "basic" else not value.isalpha()
    return _keep_head(match) if match["sure"] or is_login else match[0]


def _keep_head(match: re.Match[str]) -> str:
    return f"{match['head']}{MASK}"
