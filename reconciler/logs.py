"""Logging: text for people, JSON for collectors, one line a record for systemd's journal; always without secrets.

Everything a record says goes through the redactor: the sentence, its fields, tracebacks. So does what goes wrong while
a record is written, which Python's own handler would print with all its arguments.

Not guaranteed: what others write to the stream past `logging` is as they wrote it.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from reconciler.redaction import MASK, Redactor, is_secret_name, mask_url

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MASK", "Redactor", "configure", "is_journal", "mask_url"]

_LIBRARIES = ("httpx", "httpcore", "uvicorn", "apscheduler", "watchfiles", "asyncio")
_JOURNAL_LEVELS = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG_PRIORITY = 7
_BREAKS = re.compile(r"[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+\s*")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1b\x1f\x7f\x80-\x84\x86-\x9f]")
_NEEDS_QUOTES = re.compile(r'[\s"=\x00-\x1f\x7f-\x9f]')


def is_journal(environ: Mapping[str, str], stream: TextIO) -> bool:
    """Whether `stream` goes to systemd's journal (systemd.exec: JOURNAL_STREAM is its device and inode)."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError, AttributeError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def configure(*, fmt: str, level: int, redactor: Redactor, stream: TextIO, journal: bool) -> None:
    """Send everything that is logged to `stream`, in place of all earlier handlers.

    `fmt` is `text` or `json`; `journal` says that systemd's journal reads it (`is_journal`): then each record is one
    line, with its priority as `<N>` instead of time and level (sd-daemon(3)). Libraries are heard from WARNING on,
    unless `level` is DEBUG.
    """
    formatter: logging.Formatter = _JsonFormatter(redactor) if fmt == "json" else _TextFormatter(redactor)
    if journal:
        formatter = _JournalFormatter(formatter)
    handler = _Handler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        if isinstance(old, _Handler):
            old.close()
    root.addHandler(handler)
    root.setLevel(level)
    for library in _LIBRARIES:
        logging.getLogger(library).setLevel(level if level <= logging.DEBUG else max(level, logging.WARNING))


class _Handler(logging.StreamHandler[TextIO]):
    """Writes to a stream; neither an odd character nor a faulty record makes it print what it should not."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record) + self.terminator
            encoding = getattr(self.stream, "encoding", None) or "utf-8"
            self.stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            self.flush()
        except RecursionError:
            raise
        except Exception:  # noqa: BLE001 - logging must never end the program
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        try:
            self.stream.write(f"a log record of {record.name}, line {record.lineno}, could not be written\n")
            self.flush()
        except (OSError, ValueError):  # the stream itself is gone: nobody is left to tell
            return


class _TextFormatter(logging.Formatter):
    """`time LEVEL sentence key=value ...`; what follows on further lines is indented, so that it forges no record."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return f"{_time(record)} {record.levelname:<7} {self.body(record)}"

    def body(self, record: logging.LogRecord) -> str:
        """Return all but time and level."""
        pairs = (f"{key}={self._shown(key, value)}" for key, value in _fields(record).items())
        text = " ".join((record.getMessage(), *pairs))
        if trace := _trace(record):
            text = f"{text}\n{trace}"
        text = _CONTROLS.sub(lambda match: f"\\x{ord(match[0]):02x}", self._redactor.text(text))
        return "\n    ".join(text.splitlines())

    def _shown(self, key: str, value: object) -> str:
        # Redacted before it is quoted: what is escaped twice is no longer recognised.
        text = MASK if is_secret_name(key) else self._redactor.text(str(value))
        return json.dumps(text, ensure_ascii=False) if not text or _NEEDS_QUOTES.search(text) else text


class _JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, then the fields."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._redactor.text(record.getMessage()),
        }
        for key, value in _fields(record).items():
            entry[f"{key}_" if key in entry else key] = self._harmless(key, value)
        if trace := _trace(record):
            entry["traceback"] = self._redactor.text(trace)
        return json.dumps(entry, ensure_ascii=False)

    def _harmless(self, key: str, value: object) -> Any:
        """Redact every text inside a value before it is encoded, and make of the value what JSON can say."""
        if is_secret_name(key):
            return MASK
        if isinstance(value, dict):
            return {self._redactor.text(str(name)): self._harmless(str(name), item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._harmless("", item) for item in value]
        if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
            return value
        return self._redactor.text(str(value))


class _JournalFormatter(logging.Formatter):
    """What another formatter says, as the journal wants it: `<N>` before a single line."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        inner = self._inner
        text = inner.body(record) if isinstance(inner, _TextFormatter) else inner.format(record)
        # The journal makes an entry of each line, and gives all but the first the stream's default priority.
        return f"<{_priority(record.levelno)}>{_BREAKS.sub(' | ', text)}"


def _priority(level: int) -> int:
    return next((priority for least, priority in _JOURNAL_LEVELS if level >= least), _DEBUG_PRIORITY)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fields(record: logging.LogRecord) -> dict[str, object]:
    fields = getattr(record, "fields", None)
    return {str(key): value for key, value in fields.items()} if isinstance(fields, dict) else {}


def _trace(record: logging.LogRecord) -> str:
    parts: list[str] = []
    if record.exc_info is not None and record.exc_info[1] is not None:
        parts.append("".join(traceback.format_exception(record.exc_info[1])).rstrip())
    if record.stack_info:
        parts.append(record.stack_info)
    return "\n".join(parts)
