"""Who may ask, and what the others are told, by version (mediamtx-api 1.7; MediaMTX's `auth/manager.go`).

Not guaranteed: argon2 passwords never match. JWT and HTTP authentication are not there.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.core.options.version import Version

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    from reconciler.mediamtx.simulator.answers import User

__all__ = ["NO_LOGIN", "Refusal", "delay_range", "log_in"]

_BEARER_FROM = Version(1, 9, 2)
_BEARER_IS_A_TOKEN = (Version(1, 15, 2), Version(1, 18, 0))
"""In these a Bearer that is not user:pass counts as a login, and so as a wrong one."""
_RANDOM_DELAY_FROM = Version(1, 19, 1)
_FIXED_DELAY, _LONGEST_DELAY = 2.0, 4.0
_SHA256 = "sha256:"


@dataclass(frozen=True, slots=True)
class Refusal:
    """401. `asks`: with WWW-Authenticate and at once; else after a delay."""

    asks: bool


NO_LOGIN: Final = Refusal(asks=True)
_WRONG: Final = Refusal(asks=False)


def log_in(users: tuple[User, ...], headers: Mapping[str, str], version: Version) -> Refusal | None:
    """Return why a request with `headers` is refused; None when it is let in. Without users everybody is."""
    if not users:
        return None
    name, password, token = _credentials(headers.get("authorization", ""), version)
    if any(user.api and _matches(user.name, name) and _matches(user.password, password) for user in users):
        return None
    first, end = _BEARER_IS_A_TOKEN
    return _WRONG if name or password or (token and first <= version < end) else NO_LOGIN


def delay_range(version: Version) -> tuple[float, float]:
    """Return the least and the most seconds after which a wrong login is answered."""
    return (0.0, _LONGEST_DELAY) if version >= _RANDOM_DELAY_FROM else (_FIXED_DELAY, _FIXED_DELAY)


def _credentials(header: str, version: Version) -> tuple[str, str, str]:
    """Return name, password, token; each empty where it is not given or cannot be read."""
    kind, _, value = header.partition(" ")
    if kind == "Bearer" and version >= _BEARER_FROM:
        name, colon, password = value.partition(":")
        return (name, password, "") if colon and ":" not in password else ("", "", value)
    if kind.lower() == "basic":
        try:
            name, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
        except ValueError:
            return "", "", ""
        if colon:
            return name, password, ""
    return "", "", ""


def _matches(known: str, given: str) -> bool:
    if known.startswith(_SHA256):
        return base64.b64encode(hashlib.sha256(given.encode()).digest()).decode() == known.removeprefix(_SHA256)
    return known == given
