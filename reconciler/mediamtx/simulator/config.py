"""The configuration of a simulated server: what was declared of each path, and what that resolves to.

Every write validates everything, as MediaMTX does, so one bad path can refuse all writes: legacy credentials freeze
the configuration (mediamtx-api 2.5), and from 1.17 on a refused PATCH stays in the live configuration (1.3).

Not guaranteed: rules that need the server's disk or its global settings are not checked. Up to 1.15 a real server
rounds sizes anew with each write; here they stay.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from reconciler.core.options.effective import built_in_defaults, effective
from reconciler.core.options.rules import check_semantics, check_together, check_types
from reconciler.core.options.table import accepted_name
from reconciler.core.options.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reconciler.core.model import Json, Options
    from reconciler.core.options.violation import Violation

__all__ = ["Config", "Existing", "Missing", "RefusedError", "Resolved", "View"]

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


@dataclass(frozen=True)
class Resolved:
    """One set of options: as declared, and `options` in full, as they are in force."""

    declared: Options
    options: Options
    shown: Mapping[str, Json]

    @cached_property
    def text(self) -> str:
        """What the API shows, as JSON."""
        return json.dumps(self.shown, separators=(",", ":"), ensure_ascii=False)

    @cached_property
    def has_legacy(self) -> bool:
        """Whether it names legacy credentials."""
        return has_legacy(self.declared)


@dataclass(frozen=True, slots=True)
class View:
    """The whole configuration at one moment; the paths are sorted by name."""

    defaults: Resolved
    paths: Mapping[str, Resolved]


class Config:
    """What is configured now (`view`), and what was before the last write (`previous`).

    `own_users`: authInternalUsers are set, so legacy credentials never pass. Initial `defaults` are pathDefaults.

    Raises:
        RefusedError: a server of `version` would not start with them.
    """

    def __init__(self, version: Version, *, own_users: bool = False, defaults: Options | None = None) -> None:
        self.version = version
        self._own_users, self._legacy_used = own_users, False
        self.view = View(self._resolve_defaults({}), {})
        self.previous = self.view
        # What the next write starts from: what was declared, and what refused patches left behind.
        self._working: dict[str, dict[str, Json]] = {}
        if defaults:
            self.patch_defaults(defaults)

    # --- writing --------------------------------------------------------------------------------------------------

    def add(self, name: str, body: Options) -> None:
        """`paths/add`."""
        options = self._decoded(body)
        if name in self.view.paths:
            raise Existing("path already exists")
        self._take({**self._working, name: options}, self.view.defaults)

    def replace(self, name: str, body: Options) -> None:
        """`paths/replace`: also creates."""
        self._take({**self._working, name: self._decoded(body)}, self.view.defaults)

    def patch(self, name: str, body: Options) -> None:
        """`paths/patch`."""
        options = self._known(body)
        if name not in self.view.paths:
            raise Missing
        self._check_values(options)
        trial = {**self._working, name: {**self._working[name], **_set_fields(options)}}
        if self.version >= _REFUSED_PATCH_STAYS_FROM:
            self._working = trial
        self._take(trial, self.view.defaults)

    def delete(self, name: str) -> None:
        """`paths/delete`."""
        if name not in self.view.paths:
            raise Missing
        self._take({other: options for other, options in self._working.items() if other != name}, self.view.defaults)

    def patch_defaults(self, body: Options) -> None:
        """`pathdefaults/patch`."""
        known = self._known(body)
        self._check_values(known)
        declared = {**self.view.defaults.declared, **{key: value for key, value in known.items() if value is not None}}
        self._take(self._working, self._resolve_defaults(declared))

    def fill(self, paths: Mapping[str, Options]) -> None:
        """Take all paths of a configuration file at once."""
        self._take({name: self._decoded(options) for name, options in paths.items()}, self.view.defaults)

    def _take(self, working: dict[str, dict[str, Json]], defaults: Resolved) -> None:
        """Put `working` in force if the whole is valid."""
        kept = self.view.paths if defaults is self.view.defaults else {}
        unchanged = {name for name in working if name in kept and kept[name].declared is working[name]}
        legacy = self._validate(working, defaults, unchanged)
        paths = {
            name: kept[name] if name in unchanged else self._resolve(name, working[name], defaults)
            for name in sorted(working)
        }
        self._legacy_used = self._legacy_used or legacy
        self._working, self.previous, self.view = working, self.view, View(defaults, paths)

    def _validate(self, working: dict[str, dict[str, Json]], defaults: Resolved, unchanged: set[str]) -> bool:
        """Return whether there are legacy credentials anywhere.

        Raises:
            RefusedError: something is not valid.
        """
        legacy = defaults.has_legacy or any(
            self.view.paths[name].has_legacy if name in unchanged else has_legacy(options)
            for name, options in working.items()
        )
        if legacy and (self._own_users or self._legacy_used):
            raise RefusedError(_FROZEN)
        for name in sorted(working.keys() - unchanged):
            _refuse(check_semantics(name, working[name], defaults.options, self.version))
        _refuse(violation for _, violation in check_together(working, self.version))
        return legacy

    # --- what is declared, and what it resolves to ----------------------------------------------------------------

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
        _refuse(check_types(options, self.version))

    def _resolve_defaults(self, declared: Options) -> Resolved:
        options = effective(declared, built_in_defaults(self.version), self.version)
        return Resolved(declared, options, {"name": declared.get("name", ""), **self._redacted(options)})

    def _resolve(self, name: str, declared: Options, defaults: Resolved) -> Resolved:
        options = effective(declared, defaults.options, self.version)
        return Resolved(declared, options, {"name": name, **self._redacted(options)})

    def _redacted(self, options: dict[str, Json]) -> dict[str, Json]:
        if self.version < _SHOW_REDACTED_FROM:
            return options
        return {**options, **{key: "<redacted>" for key in _REDACTED if options.get(key)}}


def _refuse(violations: Iterable[Violation]) -> None:
    for violation in violations:
        if violation.server_text is not None:
            raise RefusedError(violation.server_text)


def _set_fields(options: Options) -> dict[str, Json]:
    """Leave out what sets nothing: nulls, and the name, which comes from the URL."""
    return {key: value for key, value in options.items() if value is not None and key != "name"}


def has_legacy(options: Options) -> bool:
    """Say whether `options` name legacy credentials."""
    return any(options.get(key) for key in _LEGACY)
