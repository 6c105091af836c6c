"""Values that every server takes and nobody should send: they end it, freeze it, or can never work.

Source: mediamtx-api 2.5 and 4.6. None of these has a server's text: the server says 200.

Not guaranteed: that what passes here works; only declared values are looked at, never inherited ones.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from reconciler.core.options.quantities import parse_duration
from reconciler.core.options.table import Kind, option_table
from reconciler.core.options.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.model import Json, Options
    from reconciler.core.options.version import Version

__all__ = ["check_poison"]

_MAX_PORT = 65535
_FINGERPRINT = re.compile(r"[0-9a-fA-F]{64}")
_CLOCK = re.compile(r"\d{8}T\d{6}Z")
_LEGACY = ("publishUser", "publishPass", "publishIPs", "readUser", "readPass", "readIPs")
_MESSAGES = {
    "name": "has no effect: the name of a path is the key of its stream",
    **dict.fromkeys(
        _LEGACY,
        "freezes the server: after it every other write is refused; use authInternalUsers in mediamtx.yml instead",
    ),
}


def check_poison(options: Options, version: Version) -> Iterator[Violation]:
    """Yield the declared values that we refuse although `version` accepts them."""
    for name, value in options.items():
        if value is None or (value == "" and name not in _MESSAGES):
            continue
        message = _fault(name, value, version)
        if message is not None:
            yield Violation(name, message)
    kind = options.get("rtspRangeType")
    start = options.get("rtspRangeStart")
    if isinstance(kind, str) and kind and isinstance(start, str):
        yield from _range_start(kind, start, version)


def _fault(name: str, value: Json, version: Version) -> str | None:
    if isinstance(value, str) and name.startswith("runOn"):
        return _hook_fault(value)
    if name in _MESSAGES:
        return _MESSAGES[name]
    if name == "rtspUDPSourcePortRange":
        return _ports_fault(value)
    if name == "sourceFingerprint":
        return _fingerprint_fault(value)
    spec = option_table().get(name)
    if spec is None:
        return None
    if spec.kind is Kind.INT and isinstance(value, int) and value < 0:
        return "must be zero or more"
    if spec.kind is Kind.DURATION and isinstance(value, str) and "-" in value and _is_negative(value, version):
        return "must not be negative"
    return None


def _hook_fault(command: str) -> str | None:
    if not command.strip():
        return "is blank, which ends the server: write a command, or leave it out"
    try:
        words = shlex.split(command)
    except ValueError:
        return "has a quote or a backslash without its partner: the server could not run it"
    return None if words and words[0] else "has no command in it: the server could not run it"


def _fingerprint_fault(value: Json) -> str | None:
    fine = isinstance(value, str) and _FINGERPRINT.fullmatch(value)
    return None if fine else "must be the SHA-256 of the certificate: 64 hex digits, without colons"


def _ports_fault(value: Json) -> str | None:
    if isinstance(value, list):
        ports = [port for port in value if isinstance(port, int) and 0 < port <= _MAX_PORT]
        if len(value) == len(ports) == len(("low", "high")) and ports[0] <= ports[1]:
            return None
    return f"must be two ports, the lower first, each from 1 to {_MAX_PORT}: anything else can end the server"


def _is_negative(text: str, version: Version) -> bool:
    try:
        return parse_duration(text, version) < 0
    except ValueError:
        return False


def _range_start(kind: str, start: str, version: Version) -> Iterator[Violation]:
    if kind == "clock":
        if not _CLOCK.fullmatch(start):
            yield Violation("rtspRangeStart", "must look like 20231231T235959Z where rtspRangeType is clock")
        return
    try:
        # Days are a duration of the server's options only, not of this one.
        fine = "d" not in start and bool(start) and parse_duration(start, version) >= 0
    except ValueError:
        fine = False
    if not fine:
        yield Violation("rtspRangeStart", f"must be a duration like 30s where rtspRangeType is {kind}")
