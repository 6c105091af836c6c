"""MediaMTX's path options as a table: kind, first version, deprecation, what is hot, enums, secrets, defaults.

Source: the package data `path-options.json`, made by `tools/make_option_table.py` from MediaMTX's source of all
releases.

Not guaranteed: options of releases newer than the table are unknown here; a live server's `pathdefaults/get` is the
better witness for those, and defaults always come from there.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from reconciler.core.options.version import NEWEST, OLDEST, Version

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from reconciler.core.model import Json, Options

__all__ = [
    "CASE_SENSITIVE_FROM",
    "DAYS_FROM",
    "Kind",
    "OptionSpec",
    "accepted_name",
    "accepted_names",
    "infer_version",
    "is_hot",
    "knows",
    "listed_names",
    "option_table",
]

DAYS_FROM = Version(1, 11, 0)
"""From here durations know days and zero is printed as an empty string (mediamtx-api 2.2)."""
CASE_SENSITIVE_FROM = Version(1, 16, 3)
"""Before, a key in wrong case was accepted (mediamtx-api 1.4)."""
_HOURS_OF_A_DAY_OR_MORE = re.compile(r"-?(2[4-9]|[3-9]\d|\d{3,})h")


class Kind(StrEnum):
    """What an option's value is."""

    STRING = "string"
    BOOL = "bool"
    INT = "int"
    UINT = "uint"
    FLOAT = "float"
    ENUM = "enum"
    DURATION = "duration"
    SIZE = "size"
    LIST_CIDR = "list_cidr"
    LIST_FLOAT = "list_float"
    LIST_UINT = "list_uint"
    TRACKS = "tracks"
    FORWARD = "forward"


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """One path option. Durations and sizes of `default` are in seconds and bytes (`3600s`, `52428800B`).

    `deprecated_since`: from there still accepted, but listed only where it is set. `hot_since`: from there a change
    does not restart the path. `default_history`: (first version, default), oldest first; empty when it never changed.
    """

    name: str
    kind: Kind
    since: Version
    deprecated_since: Version | None = None
    hot_since: Version | None = None
    enum: tuple[str, ...] = ()
    secret: bool = False
    replaced_by: str | None = None
    default: Json = None
    default_history: tuple[tuple[Version, Json], ...] = ()

    def default_in(self, version: Version) -> Json:
        """Return the built-in default of `version`, not canonical; None where the option is deprecated or unknown."""
        value: Json = self.default if not self.default_history else None
        for first, default in self.default_history:
            if first <= version:
                value = default
        return value


@cache
def option_table() -> Mapping[str, OptionSpec]:
    """Return every option of every supported version by name, `name` itself included; sorted."""
    text = resources.files(__package__).joinpath("path-options.json").read_text(encoding="utf-8")
    return MappingProxyType({name: _option(name, entry) for name, entry in json.loads(text).items()})


def _option(name: str, entry: Mapping[str, Any]) -> OptionSpec:
    return OptionSpec(
        name=name,
        kind=Kind(entry["kind"]),
        since=_version(entry["since"]) or OLDEST,
        deprecated_since=_version(entry.get("deprecated_since")),
        hot_since=_version(entry.get("hot_since")),
        enum=tuple(entry.get("enum", ())),
        secret=entry.get("secret", False),
        replaced_by=entry.get("replaced_by"),
        default=entry["default"],
        default_history=tuple((_version(since) or OLDEST, value) for since, value in entry.get("default_history", ())),
    )


def _version(text: str | None) -> Version | None:
    return Version.parse(text) if text else None


@cache
def accepted_names(version: Version) -> frozenset[str]:
    """Return every option that `version` accepts, deprecated ones included."""
    return frozenset(spec.name for spec in option_table().values() if spec.since <= version)


@cache
def _accepted_lower(version: Version) -> Mapping[str, str]:
    return {name.lower(): name for name in accepted_names(version)}


@cache
def _hot(version: Version) -> frozenset[str]:
    return frozenset(
        spec.name for spec in option_table().values() if spec.hot_since is not None and spec.hot_since <= version
    )


@cache
def listed_names(version: Version) -> frozenset[str]:
    """Return the options that `version` lists for every path, set or not: all it knows but the deprecated."""
    return frozenset(
        spec.name
        for spec in option_table().values()
        if spec.since <= version and (spec.deprecated_since is None or version < spec.deprecated_since)
    )


def knows(version: Version, name: str) -> bool:
    """Say whether `version` accepts `name`, deprecated ones included."""
    return name in accepted_names(version)


def accepted_name(version: Version, name: str) -> str | None:
    """Return the option that `version` takes `name` for, also in wrong case (mediamtx-api 1.4); None: it refuses it."""
    if name in accepted_names(version):
        return name
    return None if version >= CASE_SENSITIVE_FROM else _accepted_lower(version).get(name.lower())


def is_hot(version: Version, name: str) -> bool:
    """Say whether a change of `name` alone leaves readers and publisher of a path connected (mediamtx-api 4.1)."""
    return name in _hot(version)


@cache
def _boundaries() -> tuple[Version, ...]:
    """Return the versions in which something that `infer_version` can see changed, oldest first."""
    marks = {OLDEST, DAYS_FROM}
    for spec in option_table().values():
        marks.update(mark for mark in (spec.since, spec.deprecated_since) if mark is not None)
    return tuple(sorted(mark for mark in marks if OLDEST <= mark <= NEWEST))


def infer_version(default_keys: Collection[str], defaults: Options) -> Version:
    """Return the lowest version that would list `default_keys` in its `pathdefaults/get` (mediamtx-api 7.3).

    `defaults` are the values: their durations tell 1.10 from 1.11. A set of keys that no version of the table lists
    (a newer release, a fork) gives the version whose keys differ least, the newest of equals.
    """
    keys = frozenset(default_keys) | {"name"}
    with_days = _prints_days(defaults)
    candidates = [version for version in _boundaries() if with_days is None or (version >= DAYS_FROM) is with_days]
    for version in candidates:
        if listed_names(version) <= keys <= accepted_names(version):
            return version
    return min(reversed(candidates), key=lambda version: len(listed_names(version) ^ keys), default=NEWEST)


def _prints_days(defaults: Options) -> bool | None:
    """Say whether the durations in `defaults` are printed as from 1.11 on; None when that does not show."""
    table = option_table()
    for name, value in defaults.items():
        spec = table.get(name)
        if spec is None or spec.kind is not Kind.DURATION or not isinstance(value, str):
            continue
        if value == "" or "d" in value:
            return True
        if value == "0s" or _HOURS_OF_A_DAY_OR_MORE.match(value):
            return False
    return None
