"""Our own quantities in the file: durations with a unit, shares, addresses. MediaMTX's are in `core.options`.

Each function takes what YAML gave and returns the value, or raises ValueError with a sentence that fits after `key: `.
Not guaranteed: none of them echoes more than a few characters of what it was given.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any

__all__ = ["address", "seconds", "share", "yes_or_no"]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_WORDS = {"yes": True, "on": True, "true": True, "no": False, "off": False, "false": False}
_LONGEST = 365 * _UNITS["d"]
_HIGHEST_PORT = 65535
_ADDRESS = "must be host:port, such as 127.0.0.1:9810 or [::1]:9810"


def seconds(value: Any) -> float:
    """Read `30s`, `500ms`, `1h30m`, `7d`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        hint = f"write {value:g}s, {value:g}ms or {value:g}m" if 0 <= value < _LONGEST else "such as 30s or 10m"
        raise ValueError(f"needs a unit: {hint}")  # noqa: TRY004
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        raise ValueError("must be a duration such as 500ms, 30s, 2m, 1h or 7d")
    total = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(value))
    if total > _LONGEST:
        raise ValueError("must be at most 365d")
    return total


def share(value: Any) -> float:
    """Read `30%` or `0.3`."""
    if isinstance(value, str) and re.fullmatch(r"\d+(?:\.\d+)?\s*%", value):
        number = float(value.rstrip("% ")) / 100
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
    else:
        raise ValueError("must be a share such as 30%")
    if not 0 <= number <= 1:
        raise ValueError("must lie between 0% and 100%")
    return number


def yes_or_no(value: Any) -> bool:
    """Read a boolean, and the words people write for one."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _WORDS:
        return _WORDS[value.lower()]
    raise ValueError("must be yes or no")


def address(value: Any) -> tuple[str, int]:
    """Read `host:port` or `[v6]:port`."""
    if not isinstance(value, str):
        raise ValueError(_ADDRESS)  # noqa: TRY004
    host, _, port = value.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if not _is_ipv6(host):
            raise ValueError(_ADDRESS)
    elif ":" in host:
        raise ValueError("an IPv6 address needs brackets: [::1]:9810")
    # Five digits at most: int() refuses very long ones with an error of its own.
    if not host or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > _HIGHEST_PORT:
        raise ValueError(_ADDRESS)
    return host, int(port)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
