"""Durations and sizes as MediaMTX reads and prints them: Go's `time.Duration`, with days from 1.11; bytefmt's sizes.

Sources: mediamtx-api 2.2, Go's `time.ParseDuration` and `Duration.String`, `code.cloudfoundry.org/bytefmt`.
Numbers are nanoseconds and bytes. Go counts in 64 bits: sums of days that overflow wrap round here as they do there.

Not guaranteed: sizes of 16 EiB and more, which Go converts differently on each processor.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from reconciler.core.options.table import DAYS_FROM

if TYPE_CHECKING:
    from reconciler.core.options.version import Version

__all__ = ["format_duration", "format_size", "parse_duration", "parse_size"]

_US = 1_000
_MS = 1_000_000
_SECOND = 1_000_000_000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_UNITS = {"ns": 1, "us": _US, "\u00b5s": _US, "\u03bcs": _US, "ms": _MS, "s": _SECOND, "m": _MINUTE, "h": _HOUR}
_MIN, _MAX = -(2**63), 2**63 - 1
_MAX_DIGITS = 19
_MAX_DAYS_READ = 40
_LEADING_DAYS = re.compile(r"(-?[0-9]+)d")
_PART = re.compile(r"([0-9]*)(?:(\.)([0-9]*))?([^.0-9]*)")
_ASCII = range(0x20, 0x80)

_SIZE_UNITS = ("E", "P", "T", "G", "M", "K", "B")
_SIZE_FACTORS = {unit: 1024 ** (len(_SIZE_UNITS) - 1 - i) for i, unit in enumerate(_SIZE_UNITS)}
_SIZE_WORDS = {word: f for u, f in _SIZE_FACTORS.items() for word in ((u, f"{u}B", f"{u}IB") if u != "B" else (u,))}
_SIZE = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))([^\W\d_]\w*)")
_SIZE_ERROR = "byte quantity must be a positive integer with a unit of measurement like M, MB, MiB, G, GiB, or GB"
_REMEMBERED = 4096


def parse_duration(text: str, version: Version) -> int:
    """Return nanoseconds; ValueError with Go's text (`time: ...`) for what `version` refuses."""
    return _parse_duration(text, version >= DAYS_FROM)


def format_duration(ns: int, version: Version) -> str:
    """Return `ns` as `version` prints it: from 1.11 `1d1h0m0s`, zero as an empty string; before, `25h0m0s`, `0s`."""
    if version < DAYS_FROM:
        return _go_string(ns)
    days, rest = divmod(abs(ns), _DAY)
    return f"{'-' if ns < 0 else ''}{f'{days}d' if days else ''}{_go_string(rest) if rest else ''}"


@lru_cache(_REMEMBERED)
def _parse_duration(text: str, days_known: bool) -> int:  # noqa: FBT001 - a cache key
    match = _LEADING_DAYS.match(text) if days_known else None
    if match is None:
        return 0 if days_known and not text else _go_parse(text)
    days = max(_MIN, min(_MAX, int(match[1][:_MAX_DAYS_READ])))
    rest = text[match.end() :]
    total = _wrap((_go_parse(rest) if rest else 0) + abs(days) * _DAY)
    return _wrap(-total) if days < 0 else total


def _wrap(number: int) -> int:
    return (number - _MIN) % 2**64 + _MIN


def _go_parse(text: str) -> int:
    """Follow `time.ParseDuration`: a sign, then numbers with optional fraction, each followed by its unit."""
    negative = text.startswith("-")
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    if not rest:
        raise ValueError(f"time: invalid duration {_quote(text)}")
    total = 0
    while rest:
        match = _PART.match(rest)
        if match is None or not (match[1] or match[3]):
            raise ValueError(f"time: invalid duration {_quote(text)}")
        whole, _, fraction, unit = match.groups()
        if len(digits := whole.lstrip("0")) > _MAX_DIGITS or int(digits or "0") > 2**63:
            raise ValueError(f"time: invalid duration {_quote(text)}")
        if not unit:
            raise ValueError(f"time: missing unit in duration {_quote(text)}")
        factor = _UNITS.get(unit)
        if factor is None:
            raise ValueError(f"time: unknown unit {_quote(unit)} in duration {_quote(text)}")
        total += int(digits or "0") * factor + _fraction(fraction or "", factor)
        if total > 2**63:
            raise ValueError(f"time: invalid duration {_quote(text)}")
        rest = rest[match.end() :]
    if total > _MAX and not negative:
        raise ValueError(f"time: invalid duration {_quote(text)}")
    return -total if negative else total


def _fraction(digits: str, factor: int) -> int:
    """Return the nanoseconds of `0.digits` of a unit, cut off as Go cuts them (in floating point)."""
    significant = digits[:18]
    return int(float(int(significant)) * (factor / 10.0 ** len(significant))) if significant else 0


def _quote(text: str) -> str:
    r"""Quote as the `time` package does: control characters, and the bytes of what is not ASCII, as `\xNN`."""
    return '"' + "".join(_quoted(byte) for byte in text.encode("utf-8", "surrogatepass")) + '"'


def _quoted(byte: int) -> str:
    if byte in b'"\\':
        return "\\" + chr(byte)
    return chr(byte) if byte in _ASCII else f"\\x{byte:02x}"


def _go_string(ns: int) -> str:
    """Follow `time.Duration.String`."""
    if ns == 0:
        return "0s"
    sign, ns = ("-", -ns) if ns < 0 else ("", ns)
    if ns < _SECOND:
        factor, unit = (1, "ns") if ns < _US else (_US, "\u00b5s") if ns < _MS else (_MS, "ms")
        return f"{sign}{_decimal(ns, factor)}{unit}"
    minutes, rest = divmod(ns, _MINUTE)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{sign}{head}{_decimal(rest, _SECOND)}s"


def _decimal(number: int, factor: int) -> str:
    whole, rest = divmod(number, factor)
    if not rest:
        return str(whole)
    return f"{whole}.{str(rest).zfill(len(str(factor)) - 1).rstrip('0')}"


@lru_cache(_REMEMBERED)
def parse_size(text: str) -> int:
    """Return bytes of `50M`, `1.5 GiB` without the space, ...; ValueError with bytefmt's text."""
    match = _SIZE.fullmatch(text.strip().upper())
    factor = _SIZE_WORDS.get(match[2]) if match else None
    if match is None or factor is None or (number := float(match[1])) < 0:
        raise ValueError(_SIZE_ERROR)
    return int(number * factor)


def format_size(size: int) -> str:
    """Return `size` bytes in the largest unit that fits, base 1024, rounded to one decimal: lossy."""
    if size == 0:
        return "0B"
    unit, factor = next((unit, factor) for unit, factor in _SIZE_FACTORS.items() if size >= factor)
    return f"{size / factor:.1f}".removesuffix(".0") + unit
