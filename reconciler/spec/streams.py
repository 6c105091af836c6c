"""One entry under `streams:` becomes a `Stream`, or problems.

Keys merge from `defaults`, then the profiles in their order, then the entry itself; the later wins, `labels` and
`health` key by key. Every value keeps the place where it was written, so a bad value in a profile is reported there.

Not guaranteed: rules that depend on the live server are checked again when it is known (`core.plan`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from reconciler.core.model import HealthSpec, Stream
from reconciler.core.options.coerce import coerce
from reconciler.core.options.rules import check_name, check_path
from reconciler.core.options.table import option_table
from reconciler.core.options.version import NEWEST
from reconciler.core.problem import Position
from reconciler.spec.login import passwords_in, with_login
from reconciler.spec.quantities import yes_or_no
from reconciler.spec.report import did_you_mean
from reconciler.spec.secrets import SecretError, SecretMissingError
from reconciler.spec.sections import HealthSection, read_section
from reconciler.spec.yaml_reader import YamlMap

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reconciler.core.model import Json
    from reconciler.core.options.table import OptionSpec
    from reconciler.core.problem import Problem
    from reconciler.spec.entries import Entry, Found
    from reconciler.spec.report import Place, Report
    from reconciler.spec.secrets import Resolver

__all__ = ["NOT_IN_DEFAULTS", "OWN_KEYS", "Compiler"]

OWN_KEYS = frozenset(
    {
        "enabled",
        "camera_id",
        "description",
        "labels",
        "profile",
        "username",
        "password",
        "schedule",
        "health",
        "expect",
        "preflight",
        "server",
        "adopt",
        "paused",
    }
)
_NOT_YET = ("expect", "preflight")
_LOGIN_HINT = "; or give the login in `username:` and `password:`, written as it is"
NOT_IN_DEFAULTS = frozenset({"camera_id", "profile", "adopt"})


@dataclass(frozen=True, slots=True)
class Compiler:
    """What all streams of one load share."""

    report: Report
    resolver: Resolver
    servers: Iterable[str]
    health: HealthSection
    digest_key: bytes

    def compile(self, name: str, entry: Entry, at: Place) -> tuple[str, Stream | None]:
        """Return the stream's server, and the stream unless it has problems; those are in the report."""
        one = _One(self, name, entry, at)
        stream = one.stream()
        return one.server, None if one.problems else stream


class _One:
    """The making of one stream."""

    def __init__(self, shared: Compiler, name: str, entry: Entry, at: Place) -> None:
        self.shared, self.name, self.entry, self.at = shared, name, entry, at
        self.problems: list[Problem] = []
        self.server = ""

    def stream(self) -> Stream:
        if violation := check_name(self.name, NEWEST):
            self._problem(self.at, "", violation.message)
        self.server = self._server()
        self._later_keys()
        file, (line, column) = self.at
        options = self._options()
        return Stream(
            name=self.name,
            server=self.server,
            options=options,
            digest=digest(options, self.shared.digest_key),
            position=Position(file, line, column),
            enabled=self._switch("enabled", default=True),
            camera_id=self._text("camera_id"),
            description=self._text("description"),
            labels=self._labels(),
            health=self._health(),
            adopt=self._switch("adopt", default=False),
            paused=self._switch("paused", default=False),
        )

    # --- own keys -------------------------------------------------------------------------------------------------

    def _server(self) -> str:
        servers = list(self.shared.servers)
        chosen = self._text("server")
        if chosen is None:
            if len(servers) == 1:
                return servers[0]
            if servers and "server" not in self.entry:
                self._problem(self.at, "", f"needs `server:`, one of {', '.join(servers)}")
            return ""
        if chosen not in servers:
            self._problem(
                self.entry["server"].value_at, "server", f"there is no server {chosen!r}{did_you_mean(chosen, servers)}"
            )
        return chosen

    def _later_keys(self) -> None:
        if (found := self.entry.get("schedule")) is not None and found.value is not None:
            # Ignoring it would start a camera that must not run all day.
            self._problem(found.key_at, "schedule", "schedules are not known to this version: use `enabled:` for now")
        for key in _NOT_YET:
            if (found := self.entry.get(key)) is not None:
                self._warn(found.key_at, key)

    def _switch(self, key: str, *, default: bool) -> bool:
        found = self.entry.get(key)
        if found is None or found.value is None:
            return default
        try:
            return yes_or_no(found.value)
        except ValueError as error:
            self._problem(found.value_at, key, str(error))
            return default

    def _text(self, key: str) -> str | None:
        found = self.entry.get(key)
        if found is None or found.value is None:
            return None
        if isinstance(found.value, bool | float | dict | list):
            self._problem(found.value_at, key, "must be text: put it in quotes")
            return None
        return str(found.value)

    def _labels(self) -> Mapping[str, str]:
        found = self.entry.get("labels")
        if found is None or found.value is None:
            return {}
        if not isinstance(found.value, YamlMap):
            self._problem(found.value_at, "labels", "must be a mapping such as {site: hq, floor: 1}")
            return {}
        labels = {}
        for key, value in found.value.items():
            if isinstance(value, dict | list) or value is None or (isinstance(value, float) and not isfinite(value)):
                place = (found.value_at[0], found.value.values_at[key])
                self._problem(place, f"labels.{key}", "must be one word or number")
            labels[key] = str(value).lower() if isinstance(value, bool) else str(value)
        return labels

    def _health(self) -> HealthSpec:
        found, shared = self.entry.get("health"), self.shared.health
        own: HealthSection | None = None
        if found is not None:
            file = found.value_at[0]
            own = read_section(
                HealthSection,
                found.value,
                found.value_at[1],
                "health",
                lambda mark, path, message: self._problem((file, mark), path, message),
            )
            if own is not None and (own.on_stall or own.on_auth_failed):
                self._warn(found.key_at, "health")
        base = HealthSpec()
        return HealthSpec(
            start_grace=_first(own.start_grace if own else None, shared.start_grace, base.start_grace),
            stall_after=_first(own.stall_after if own else None, shared.stall_after, base.stall_after),
        )

    # --- options --------------------------------------------------------------------------------------------------

    def _options(self) -> dict[str, Json]:
        options: dict[str, Json] = {}
        table = option_table()
        for key, found in self.entry.items():
            if key in OWN_KEYS or key.startswith("x-"):
                continue
            spec = table.get(key)
            if spec is None or key == "name":
                hint = did_you_mean(key, (table.keys() | OWN_KEYS) - {"name"})
                self._problem(found.key_at, key, f"unknown key{hint}")
                continue
            value = self._value(key, spec, found)
            if value is not None:
                options[key] = value
        self._log_in(options)
        if not self.problems:
            for violation in check_path(self.name, options, {}, NEWEST):
                key = violation.option or ""
                where = self.entry.get(key)
                hint = _LOGIN_HINT if key == "source" and "user name" in violation.message else ""
                self._problem(where.value_at if where else self.at, key, f"{violation.message}{hint}")
        return options

    def _value(self, key: str, spec: OptionSpec, found: Found) -> Json:
        """Return what MediaMTX is sent for one option; None for nothing, also after a problem."""
        value = found.value
        try:
            if isinstance(value, list | dict) or (isinstance(value, str) and "$" in value):
                value = self._resolved(value)
            value = coerce(spec, value)
        except SecretError as error:
            self._problem(found.value_at, key, str(error), secret_missing=isinstance(error, SecretMissingError))
            return None
        except ValueError as error:
            self._problem(found.value_at, key, str(error))
            return None
        if isinstance(value, str | list):
            self._learn(value, secret=spec.secret)
        return value

    def _log_in(self, options: dict[str, Json]) -> None:
        given = [key for key in ("username", "password") if key in self.entry and self.entry[key].value is not None]
        login = {key: self._secret_text(key) for key in given}
        if len([value for value in login.values() if value is not None]) < len(login):
            return  # already reported
        self.shared.resolver.learn(login.get("password") or "")
        try:
            source = with_login(str(options.get("source", "publisher")), login.get("username"), login.get("password"))
        except ValueError as error:
            key = "username" if "username" in login else "password"
            self._problem(self.entry[key].key_at, key, str(error))
            return
        if login:
            options["source"] = source

    def _secret_text(self, key: str) -> str | None:
        found = self.entry[key]
        if not isinstance(found.value, str) or not found.value:
            self._problem(found.value_at, key, "must be text that is not empty: put it in quotes")
            return None
        try:
            return self.shared.resolver.resolve(found.value)
        except SecretError as error:
            self._problem(found.value_at, key, str(error), secret_missing=isinstance(error, SecretMissingError))
            return None

    def _resolved(self, value: Any) -> Json:
        """Resolve the references within a value, at any depth."""
        if isinstance(value, str):
            return self.shared.resolver.resolve(value)
        if isinstance(value, list):
            return [self._resolved(item) for item in value]
        if isinstance(value, dict):
            return {key: self._resolved(item) for key, item in value.items()}
        scalar: Json = value
        return scalar

    def _learn(self, value: Json, *, secret: bool) -> None:
        """Note what in a value must never be shown."""
        if isinstance(value, str):
            if "://" in value:
                for password in passwords_in(value):
                    self.shared.resolver.learn(password)
            elif secret and value not in {"publisher", "redirect", "rpiCamera"}:
                self.shared.resolver.learn(value)
        elif isinstance(value, list | dict):
            for item in value.values() if isinstance(value, dict) else value:
                self._learn(item, secret=secret)

    # --- telling --------------------------------------------------------------------------------------------------

    def _problem(self, place: Place, key: str, message: str, *, secret_missing: bool = False) -> None:
        path = f"streams.{self.name}.{key}" if key else f"streams.{self.name}"
        told = self.shared.report.stream(self.name, place, path, message, secret_missing=secret_missing)
        self.problems.append(told)

    def _warn(self, place: Place, key: str) -> None:
        path = f"streams.{self.name}.{key}"
        self.shared.report.warn(place, path, "accepted, but this version does not act on it yet", self.name)


def digest(options: Mapping[str, Json], key: bytes) -> str:
    """Name a set of options without telling them: keyed BLAKE2b, so that a short password cannot be guessed from it."""
    text = json.dumps(options, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), key=key[:64], digest_size=16).hexdigest()


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)
