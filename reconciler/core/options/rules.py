"""Everything that makes a version refuse a path, and what we refuse for it: one set for the check and the simulator.

A server looks at a path twice: can each value be decoded (`decoding`), then do name, source and options go together
(`names`, `sources`, `camera`, `exclusions`). After that come the values it takes and should not (`poison`).

Not guaranteed: of several faults in one path the order is that of the newest version; older ones look in another order,
and from 1.16 Go's maps are read in a random one. Rules that need the server's disk or global settings are left to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.options.camera import BY_SOURCE_FROM, check_camera, check_cameras_together
from reconciler.core.options.decoding import check_types
from reconciler.core.options.effective import built_in_defaults, effective
from reconciler.core.options.exclusions import check_after_source, check_before_source
from reconciler.core.options.names import check_name, check_names_together, is_pattern
from reconciler.core.options.poison import check_poison
from reconciler.core.options.sources import Family, check_source, family
from reconciler.core.options.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.core.model import Options
    from reconciler.core.options.version import Version

__all__ = ["Violation", "check_name", "check_path", "check_semantics", "check_together", "check_types"]


def check_path(name: str, options: Options, defaults: Options, version: Version) -> list[Violation]:
    """Return all that is wrong with one path declared with `options`; empty when nothing is.

    `defaults` are the live `pathdefaults/get`; what is missing there is as on a fresh server of `version`. The first
    violation with a `server_text` is what the server would answer.
    """
    found = check_types(options, version, defaults.keys())
    unusable = {violation.option for violation in found}
    usable = {key: value for key, value in options.items() if key not in unusable} if unusable else options
    if "source" in unusable:
        found += filter(None, [check_name(name, version)])
    else:
        found += check_semantics(name, usable, defaults, version)
    found += check_poison(usable, version)
    return found


def check_semantics(name: str, options: Options, defaults: Options, version: Version) -> list[Violation]:
    """Return only what the second of the server's checks says, of values that can be decoded."""
    path = dict(defaults) if "source" in defaults else {**built_in_defaults(version), **defaults}
    if None in options.values():
        options = {option: value for option, value in options.items() if value is not None}
    path.update(options)
    source = path.get("source")
    text = source if isinstance(source, str) else ""
    kind = family(text, version)
    found: list[Violation] = []
    fault = check_name(name, version)
    if fault is not None:
        found.append(fault)
    found += check_before_source(path, kind, version)
    found += check_source(text, kind, version, sdp=bool(path.get("rtpSDP")))
    if kind is Family.RPI_CAMERA:
        found += check_camera(effective({}, path, version), version)
    elif version < BY_SOURCE_FROM:
        found += check_camera(path, version)
    found += check_after_source(path, kind, version, regexp=is_pattern(name))
    return found


def check_together(paths: Mapping[str, Options], version: Version) -> list[tuple[str, Violation]]:
    """Return what is wrong between `paths` (resolved, or declared over built-in defaults), by the name to blame."""
    return [*check_names_together(paths), *check_cameras_together(paths, version)]
