"""Differences between what a server shows and what it should show, as they may be printed: secrets masked.

Not guaranteed: the values cannot be sent back to a server; they are for people.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.change import FieldChange
from reconciler.core.options.effective import differences
from reconciler.core.options.table import option_table
from reconciler.logs import mask_url

if TYPE_CHECKING:
    from reconciler.core.model import Json, Options

__all__ = ["field_changes"]

_SECRET = "***"  # noqa: S105 - the mask itself
_WORDS = frozenset({"", "publisher", "redirect", "rpiCamera"})


def field_changes(actual: Options, expected: Options) -> tuple[FieldChange, ...]:
    """Name each option in which `actual` is not `expected`, sorted; empty when they are equal."""
    # Equal objects are the rule: a plain comparison is many times cheaper than naming differences.
    if actual == expected:
        return ()
    return tuple(_field(option, actual.get(option), expected.get(option)) for option in differences(expected, actual))


def _field(option: str, before: Json, after: Json) -> FieldChange:
    spec = option_table().get(option)
    if spec is None or not spec.secret:
        return FieldChange(option, before, after)
    shown_before, shown_after = _masked(before), _masked(after)
    if shown_before == shown_after:
        return FieldChange(option, shown_before, f"{shown_after} (its secret part differs)")
    return FieldChange(option, shown_before, shown_after)


def _masked(value: Json) -> Json:
    """Hide what is secret in an option's value: the password of a URL, all of anything else."""
    if isinstance(value, str):
        return mask_url(value) if "://" in value or value in _WORDS else _SECRET
    if isinstance(value, list):
        return [_masked(item) for item in value]
    if isinstance(value, dict):
        return {key: _masked(item) for key, item in value.items()}
    return value
