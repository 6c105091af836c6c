"""Everything that makes a version refuse a path, and what we refuse for it: one set for the check and the simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.options.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.core.model import Options
    from reconciler.core.options.version import Version

__all__ = ["Violation", "check_name", "check_path", "check_together"]


def check_name(name: str, version: Version) -> Violation | None:
    """Return why `version` cannot have a path called `name`; None when it can."""


def check_path(name: str, options: Options, defaults: Options, version: Version) -> list[Violation]:
    """Return all refusals of one path declared with `options` over live `defaults`, the server's first one first."""
    return []


def check_together(paths: Mapping[str, Options], version: Version) -> list[tuple[str, Violation]]:
    """Return refusals that concern several paths."""
    return []
