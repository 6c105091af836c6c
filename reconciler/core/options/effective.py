"""What a server would list for a path, computed from what was declared: the other side of every comparison.

Source: mediamtx-api 2.1 (resolved, never sparse) and 2.3 (deprecated options overwrite the ones that replaced them).

Not guaranteed: a declared value that the version refuses is left as it was given; `rules.check_path` names it.
`defaults` are taken as the server printed them.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from reconciler.core.options.canonical import REDACTED, canonical, parse_size
from reconciler.core.options.sources import Family, family
from reconciler.core.options.table import Kind, listed_names, option_table
from reconciler.core.options.version import Version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.core.model import Json, Options

__all__ = ["built_in_defaults", "differences", "effective"]

_ALIASES_BY_SOURCE_FROM = Version(1, 11, 0)
_RTSP_ALIASES = (("sourceProtocol", "rtspTransport"), ("sourceAnyPortEnable", "rtspAnyPort"))
_READY_ALIASES = (
    ("runOnReady", "runOnAvailable"),
    ("runOnReadyRestart", "runOnAvailableRestart"),
    ("runOnNotReady", "runOnUnavailable"),
)
_READY_ALIASES_FROM = Version(1, 19, 3)
_CAMERA_ALIASES = (
    ("rpiCameraProfile", "rpiCameraHardwareH264Profile"),
    ("rpiCameraLevel", "rpiCameraHardwareH264Level"),
    ("rpiCameraJPEGQuality", "rpiCameraMJPEGQuality"),
)
_CAMERA_ALIASES_FROM = Version(1, 14, 0)


def effective(options: Options, defaults: Options, version: Version) -> dict[str, Json]:
    """Return the whole path object, without `name`, that `version` lists for a path declared with `options`.

    `defaults` are the live `pathdefaults/get`. A null is an option not declared. The result belongs to the caller.
    """
    path = dict(defaults)
    path.pop("name", None)
    table = option_table()
    for name, value in options.items():
        if value is None or name == "name":
            continue
        spec = table.get(name)
        if spec is None or spec.kind in _VERBATIM:
            path[name] = value
            continue
        try:
            path[name] = canonical(spec, value, version)
        except ValueError:
            path[name] = value
    # The options that overwrite others are all deprecated, and so present only where somebody has set them.
    if not _overwriting(version).isdisjoint(path):
        _overwrite(path, version)
    return path


_VERBATIM = frozenset({Kind.BOOL, Kind.ENUM})


@cache
def _overwriting(version: Version) -> frozenset[str]:
    names = {"disablePublisherOverride", *(alias for alias, _ in _RTSP_ALIASES)}
    if version >= _CAMERA_ALIASES_FROM:
        names.update(alias for alias, _ in _CAMERA_ALIASES)
    if version >= _READY_ALIASES_FROM:
        names.update(alias for alias, _ in _READY_ALIASES)
    return frozenset(names)


def _overwrite(path: dict[str, Json], version: Version) -> None:
    """Let deprecated options win over their successors as the server does on every validation."""
    source = family(str(path.get("source", "")), version)
    always = version < _ALIASES_BY_SOURCE_FROM
    disabled = path.get("disablePublisherOverride")
    if disabled is not None and (always or source is Family.PUBLISHER):
        path["overridePublisher"] = not disabled
    if always or source is Family.RTSP:
        _copy(path, _RTSP_ALIASES)
    if version >= _CAMERA_ALIASES_FROM and source is Family.RPI_CAMERA:
        _copy(path, _CAMERA_ALIASES)
    if version >= _READY_ALIASES_FROM:
        _copy(path, _READY_ALIASES)


def _copy(path: dict[str, Json], aliases: tuple[tuple[str, str], ...]) -> None:
    for alias, successor in aliases:
        value = path.get(alias)
        if value is not None:
            path[successor] = value


def differences(expected: Options, live: Options) -> tuple[str, ...]:
    """Return the names of the options in which two path objects differ, sorted.

    Numbers are compared as numbers, sizes by their bytes (1.15 and older print a size anew after each write);
    `name` and what the server redacts are left out.
    """
    return tuple(
        sorted(
            name
            for name in expected.keys() | live.keys()
            if name != "name" and not _equal(name, expected.get(name), live.get(name))
        )
    )


def _equal(name: str, expected: Json, live: Json) -> bool:
    if expected == live:
        # Python holds True equal to 1; JSON does not.
        return isinstance(expected, bool) is isinstance(live, bool)
    if live == REDACTED:
        return expected is not None
    spec = option_table().get(name)
    if spec is None or spec.kind is not Kind.SIZE or not isinstance(expected, str) or not isinstance(live, str):
        return False
    try:
        return parse_size(expected) == parse_size(live)
    except ValueError:
        return False


@cache
def _built_in(version: Version) -> Mapping[str, Json]:
    table = option_table()
    return {
        name: canonical(table[name], table[name].default_in(version), version) for name in sorted(listed_names(version))
    }


def built_in_defaults(version: Version) -> dict[str, Json]:
    """Return what `pathdefaults/get` of a fresh server lists, `name` too; the lists in it must not be changed."""
    return dict(_built_in(version))
