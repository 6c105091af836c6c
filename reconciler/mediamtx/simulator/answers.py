"""What a simulated server answers, who may ask, and how it ends.

Not guaranteed: a Response is what is meant to be sent; the service may break it on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CrashedError", "Response", "User"]


class CrashedError(Exception):
    """The server process ended while it was asked: the client sees a dropped connection."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. `delay`: seconds the server takes its time on purpose (a wrong login)."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class User:
    """One of authInternalUsers; `api`: it may use the Control API. Both words also as `sha256:` and base64."""

    name: str
    password: str = field(repr=False)
    api: bool = True
