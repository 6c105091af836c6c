"""MediaMTX versions: parsed leniently, compared strictly.

Source: mediamtx-api section 7 (`v1.20.1`, `v1.20.1-5-abcdef12`, `…-dirty`; `v0.0.0` in builds made without git).
Not guaranteed: a `v0.0.0` build says nothing about itself; callers then go by the fields the server knows.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["NEWEST", "OLDEST", "Version"]

_PATTERN = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")


class Version(NamedTuple):
    """`major.minor.patch`; a tuple because it is compared some ten times for every stream of a load."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version | None:
        """Return the version at the start of `text`, or None when there is none or it is the nameless `0.0.0`."""
        match = _PATTERN.match(text.strip())
        if match is None:
            return None
        version = cls(*(int(part) for part in match.groups()))
        return version if version > cls(0, 0, 0) else None

    def __str__(self) -> str:
        """`1.20.1`, without the `v`."""
        return f"{self.major}.{self.minor}.{self.patch}"


OLDEST = Version(1, 9, 0)
NEWEST = Version(1, 20, 1)
