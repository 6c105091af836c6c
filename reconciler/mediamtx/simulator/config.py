"""The configuration of a simulated server: what was declared of each path, and what that resolves to.

Every write validates everything, as MediaMTX does, so one bad path can refuse all writes: legacy credentials freeze
the configuration (mediamtx-api 2.5), and from 1.17 on a refused PATCH stays in the live configuration (1.3).

Not guaranteed: rules that need the server's disk or its global settings are not checked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reconciler.core.options.effective import built_in_defaults, effective
from reconciler.core.options.rules import check_semantics, check_together, check_types
from reconciler.core.options.table import accepted_name
from reconciler.core.options.version import Version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.core.model import Json, Options

__all__ = ["Config", "Existing", "Missing", "RefusedError"]

_SHOW_REDACTED_FROM = Version(1, 20, 1)
_REFUSED_PATCH_STAYS_FROM = Version(1, 17, 0)
_LEGACY = ("publishUser", "publishPass", "publishIPs", "readUser", "readPass", "readIPs")
_REDACTED = ("publishPass", "readPass")
_FROZEN = (
    "authInternalUsers and legacy credentials (publishUser, publishPass, publishIPs, readUser, readPass, readIPs)"
    " cannot be used together"
)


class RefusedError(Exception):
    """A write is answered with 400 and this text."""


class Existing(RefusedError):  # noqa: N818 - reads as what is meant
    """`add` of a path that is there."""


class Missing(Exception):  # noqa: N818 - reads as what is meant
    """`patch` or `delete` of a path that is not there: 404."""


@dataclass(slots=True)
class Config:
    """What was declared, by path name. `own_users`: authInternalUsers are set, so legacy credentials never pass."""

    version: Version
    own_users: bool = False
    declared: dict[str, dict[str, Json]] = field(default_factory=dict)
    working: dict[str, dict[str, Json]] = field(default_factory=dict)
    """What the next write starts from: `declared`, and what refused patches left behind."""
    defaults: dict[str, Json] = field(default_factory=dict)
    legacy_used: bool = False

    # --- reading --------------------------------------------------------------------------------------------------

    def shown_defaults(self) -> dict[str, Json]:
        """Return `pathdefaults/get`."""
        shown = effective(self.defaults, built_in_defaults(self.version), self.version)
        return {"name": self.defaults.get("name", ""), **self._redacted(shown)}

    def resolved(self, name: str) -> dict[str, Json]:
        """Return the whole path as it is in force, without its name."""
        defaults = {k: v for k, v in self.shown_defaults().items() if k != "name"}
        return effective(self.declared[name], defaults, self.version)

    def shown(self, name: str) -> dict[str, Json]:
        """Return the path as `paths/get` shows it."""
        return {"name": name, **self._redacted(self.resolved(name))}

    def _redacted(self, path: dict[str, Json]) -> dict[str, Json]:
        if self.version >= _SHOW_REDACTED_FROM:
            path.update({key: "<redacted>" for key in _REDACTED if path.get(key)})
        return path

    # --- writing --------------------------------------------------------------------------------------------------

    def add(self, name: str, body: Options) -> None:
        """`paths/add`."""
        options = self._decoded(body)
        if name in self.declared:
            raise Existing("path already exists")
        self._take({**self.working, name: options}, self.defaults)

    def replace(self, name: str, body: Options) -> None:
        """`paths/replace`: also creates."""
        self._take({**self.working, name: self._decoded(body)}, self.defaults)

    def patch(self, name: str, body: Options) -> None:
        """`paths/patch`."""
        options = self._known(body)
        if name not in self.declared:
            raise Missing
        self._check_values(options)
        trial = {**self.working, name: {**self.working[name], **_set_fields(options)}}
        if self.version >= _REFUSED_PATCH_STAYS_FROM:
            self.working = trial
        self._take(trial, self.defaults)

    def delete(self, name: str) -> None:
        """`paths/delete`."""
        if name not in self.declared:
            raise Missing
        self._take({other: options for other, options in self.working.items() if other != name}, self.defaults)

    def patch_defaults(self, body: Options) -> None:
        """`pathdefaults/patch`."""
        known = self._known(body)
        self._check_values(known)
        self._take(self.working, {**self.defaults, **{key: value for key, value in known.items() if value is not None}})

    def _take(self, paths: dict[str, dict[str, Json]], defaults: dict[str, Json]) -> None:
        """Put `paths` in force if the whole is valid."""
        self._validate(paths, defaults)
        self.legacy_used = self.legacy_used or _has_legacy(paths, defaults)
        self.declared, self.working, self.defaults = paths, paths, defaults

    def _validate(self, paths: dict[str, dict[str, Json]], defaults: dict[str, Json]) -> None:
        if (self.own_users or self.legacy_used) and _has_legacy(paths, defaults):
            raise RefusedError(_FROZEN)
        shown = effective(defaults, built_in_defaults(self.version), self.version)
        for name in sorted(paths):
            if defaults == self.defaults and self.declared.get(name) is paths[name]:
                continue  # valid before, and still the same
            for violation in check_semantics(name, paths[name], shown, self.version):
                if violation.server_text is not None:
                    raise RefusedError(violation.server_text)
        for _, violation in check_together(paths, self.version):
            if violation.server_text is not None:
                raise RefusedError(violation.server_text)

    def _decoded(self, body: Options) -> dict[str, Json]:
        """Return the fields that a body sets, in their right spelling."""
        known = self._known(body)
        self._check_values(known)
        return _set_fields(known)

    def _known(self, body: Options) -> dict[str, Json]:
        known = {accepted_name(self.version, key) or key: value for key, value in body.items()}
        for key in known:
            if accepted_name(self.version, key) is None:
                raise RefusedError(f'json: unknown field "{key}"')
        return known

    def _check_values(self, options: Options) -> None:
        for violation in check_types(options, self.version):
            if violation.server_text is not None:
                raise RefusedError(violation.server_text)


def _set_fields(options: Options) -> dict[str, Json]:
    """Leave out what sets nothing: nulls, and the name, which comes from the URL."""
    return {key: value for key, value in options.items() if value is not None and key != "name"}


def _has_legacy(paths: Mapping[str, Options], defaults: Options) -> bool:
    return any(options.get(key) for options in (defaults, *paths.values()) for key in _LEGACY)
