"""Which names a path may have, by version.

Source: mediamtx-api 1.5. `~...` is a regular expression; `all` and `all_others` stand for one that matches everything.

Not guaranteed: nothing is said of names in a file system; recording needs segments of at most 255 bytes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reconciler.core.options.expressions import is_go_regexp
from reconciler.core.options.version import Version
from reconciler.core.options.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ALL_ALIASES", "check_name", "check_names_together", "is_pattern", "plain_name_fault"]

ALL_ALIASES = frozenset({"all", "all_others", "~^.*$"})
_COLON_FROM = Version(1, 12, 3)
_STRICT_FROM = Version(1, 17, 1)
_STRICT = (re.compile(r"[0-9a-zA-Z_\-/.]+"), "alphanumeric characters, underscore, dot, minus, slash")
_WITH_COLON = (
    re.compile(r"[0-9a-zA-Z_\-/.~:]+"),
    "alphanumeric characters, underscore, dot, tilde, minus, slash, colon",
)
_WITH_TILDE = (re.compile(r"[0-9a-zA-Z_\-/.~]+"), "alphanumeric characters, underscore, dot, tilde, minus or slash")


def is_pattern(name: str) -> bool:
    """Say whether `name` is a regular expression or an alias of one, and no path of its own."""
    return name.startswith("~") or name in ("all", "all_others")


def plain_name_fault(name: str, version: Version) -> str | None:
    """Return the server's clause about a name that is no regular expression; None when it is fine."""
    allowed, words = _STRICT if version >= _STRICT_FROM else _WITH_COLON if version >= _COLON_FROM else _WITH_TILDE
    if not name:
        return "cannot be empty"
    if name.startswith("/"):
        return "can't begin with a slash"
    if name.endswith("/"):
        return "can't end with a slash"
    if not allowed.fullmatch(name):
        return f"can contain only {words}"
    if version >= _STRICT_FROM and _has_dot_segment(name):
        return "can't contain dot path segments"
    return None


def _has_dot_segment(name: str) -> bool:
    return "." in name and not {".", ".."}.isdisjoint(name.split("/"))


def check_name(name: str, version: Version) -> Violation | None:
    """Return why `version`, or we, cannot have a path called `name`; None when it can be had."""
    if not name:
        return Violation(None, "a stream needs a name", "invalid name")
    if is_pattern(name):
        if name.startswith("~") and not is_go_regexp(name[1:]):
            message = "the name is not a regular expression MediaMTX can read (RE2 syntax: no look-around, no \\1)"
            return Violation(None, message, f"invalid regular expression: {name[1:]}")
        return None
    fault = plain_name_fault(name, version)
    if fault is not None:
        return Violation(None, f"the name {fault}", f"invalid path name '{name}': {fault}")
    if _has_dot_segment(name):
        return Violation(None, "the name can't have . or .. between slashes: recordings would leave their directory")
    return None


def check_names_together(names: Mapping[str, object]) -> list[tuple[str, Violation]]:
    """Return one violation for each name too many of those that match everything."""
    _, *others = sorted(ALL_ALIASES & names.keys()) or [""]
    message = "all, all_others and ~^.*$ are the same path: keep one of them"
    return [(name, Violation(None, message, "all_others, all and '~^.*$' are aliases")) for name in others]
