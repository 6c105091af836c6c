"""Logging, and the one place where secrets are taken out of text.

Two nets, one under the other. Secrets that are known (resolved while loading) are replaced wherever they stand: raw,
percent-encoded or inside a Basic header. Those that are not known are found by their shape: the userinfo of a URL, the
value of a word such as `password`.

Not guaranteed: a secret of fewer than four characters is found by shape only; replacing it everywhere would make every
text unreadable.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import re
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["MASK", "Redactor", "configure", "is_journal", "mask_url"]

MASK = "***"
_SHORTEST = 4
_LIBRARIES = ("httpx", "httpcore", "uvicorn", "apscheduler", "watchfiles", "asyncio")

# Up to the last @ before white space or a quote: an unescaped / or @ in a password must not save its tail.
_USERINFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://(?P<user>[^\s:/@\"'<>]*):(?P<password>[^\s\"'<>]*)@")
# In a text that is one URL and nothing else there is no need to stop at white space either.
_WHOLE_USERINFO = re.compile(r"(?s)(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://(?P<user>[^:/@]*):(?P<password>.*)@")
_LONG_WORD = r"[A-Za-z0-9_\-]*(?:password|passwd|passphrase|pwd|secret|token|api_?key)"
_NAMED = re.compile(
    rf"(?P<name>\b(?:(?i:{_LONG_WORD})|[a-z]+Pass|pass)\b[\"']?\s*[=:]\s*)(?P<quote>[\"']?)(?P<value>[^\s\"',&;}}\])]+)"
)
_HEADER = re.compile(r"(?i)\b(?P<kind>Basic|Bearer)\s+(?P<value>[A-Za-z0-9+/=._~\-:]{6,})")
_PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
_BREAKS = re.compile(r"[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")


def mask_url(url: str) -> str:
    """Return `url` with its password, and what a query names a secret, replaced by `***`. Never raises.

    When it is unclear where the password ends, more is hidden rather than less.
    """
    return _NAMED.sub(_mask_named, _WHOLE_USERINFO.sub(_mask_userinfo, url))


def _mask_userinfo(match: re.Match[str]) -> str:
    return f"{match['scheme']}://{match['user']}:{MASK}@"


def _mask_named(match: re.Match[str]) -> str:
    value = match["value"]
    return match[0] if value.startswith((MASK, "${")) else f"{match['name']}{match['quote']}{MASK}"


class Redactor:
    """Takes secrets out of text. One instance is shared by everything that writes."""

    def __init__(self) -> None:
        self._known: dict[str, None] = {}
        self._pattern: re.Pattern[str] | None = None

    def learn(self, *secrets: str) -> None:
        """Replace these from now on, wherever they stand for themselves (not inside a longer word)."""
        before = len(self._known)
        for secret in secrets:
            if len(secret) >= _SHORTEST:
                self._known.update(dict.fromkeys(_spellings(secret)))
        if len(self._known) != before:
            longest_first = sorted(self._known, key=len, reverse=True)
            alternatives = "|".join(re.escape(spelling) for spelling in longest_first)
            self._pattern = re.compile(rf"(?<![A-Za-z0-9])(?:{alternatives})(?![A-Za-z0-9])")

    def text(self, text: str) -> str:
        """Return `text` without secrets."""
        if self._pattern is not None:
            text = self._pattern.sub(MASK, text)
        if "://" in text:
            text = _USERINFO.sub(_mask_userinfo, text)
        text = _NAMED.sub(_mask_named, text)
        return _HEADER.sub(lambda match: f"{match['kind']} {MASK}", text)


def _spellings(secret: str) -> Iterator[str]:
    """Every form in which a secret may appear in a URL or a header."""
    yield secret
    for encoded in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        yield encoded
        yield re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), encoded)
    yield base64.b64encode(secret.encode()).decode().rstrip("=")
    yield json.dumps(secret)[1:-1]


def is_journal(environ: Mapping[str, str], stream: TextIO) -> bool:
    """Whether `stream` goes to systemd's journal (systemd.exec: JOURNAL_STREAM is its device and inode)."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


class _Formatter(logging.Formatter):
    """Everything a record says, redacted, on one line where lines matter."""

    def __init__(self, redactor: Redactor, *, journal: bool) -> None:
        super().__init__()
        self._redactor, self._journal = redactor, journal

    def format(self, record: logging.LogRecord) -> str:
        raise NotImplementedError

    def _time(self, record: logging.LogRecord) -> str:
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _fields(self, record: logging.LogRecord) -> dict[str, Any]:
        fields = getattr(record, "fields", None)
        return dict(fields) if isinstance(fields, dict) else {}

    def _trace(self, record: logging.LogRecord) -> str:
        if record.exc_info is None or record.exc_info[1] is None:
            return ""
        return "".join(traceback.format_exception(record.exc_info[1])).rstrip()


class _TextFormatter(_Formatter):
    """`time LEVEL sentence key=value ...`; under the journal `<N>` instead of time and level, and no line breaks."""

    def format(self, record: logging.LogRecord) -> str:
        pairs = (f"{key}={_shown(value)}" for key, value in self._fields(record).items())
        text = " ".join((record.getMessage(), *pairs))
        if trace := self._trace(record):
            text = f"{text}\n{trace}"
        text = self._redactor.text(text)
        if not self._journal:
            return f"{self._time(record)} {record.levelname:<7} {text}"
        prefix = f"<{_PRIORITY.get(record.levelno, 6)}>"
        return "\n".join(prefix + line for line in _BREAKS.split(text))


class _JsonFormatter(_Formatter):
    """One JSON object a line: time, level, logger, message, then the fields."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": self._time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry |= {key: value for key, value in self._fields(record).items() if key not in entry}
        if trace := self._trace(record):
            entry["traceback"] = trace
        return json.dumps(_redacted(entry, self._redactor), ensure_ascii=False, default=str)


def _redacted(value: Any, redactor: Redactor) -> Any:
    """Redact every text inside a JSON value before it is encoded: escapes would hide secrets from the patterns."""
    if isinstance(value, dict):
        return {str(key): _redacted(item, redactor) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(item, redactor) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redactor.text(str(value))


def _shown(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if not text or re.search(r'[\s"=]', text) else text


def configure(*, fmt: str, level: int, redactor: Redactor, stream: TextIO, journal: bool) -> None:
    """Send everything that is logged to `stream`; `fmt` is `text` or `json`, `journal` says that systemd reads it."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        _JsonFormatter(redactor, journal=journal) if fmt == "json" else _TextFormatter(redactor, journal=journal)
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for library in _LIBRARIES:
        logging.getLogger(library).setLevel(level if level <= logging.DEBUG else logging.WARNING)
