"""The top of the file: version, servers, daemon, guard, health, defaults, profiles.

A server's missing password is a problem of the whole file: without it nothing of that server can be kept.

Not guaranteed: keys that begin with `x-` are nobody's; they are there to hang YAML anchors on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reconciler.core.model import GuardSpec, ServerSpec, Settings, Tls
from reconciler.core.options.table import option_table
from reconciler.core.options.urls import parse_url
from reconciler.spec.entries import find_keys
from reconciler.spec.login import passwords_in
from reconciler.spec.report import did_you_mean
from reconciler.spec.secrets import SecretError
from reconciler.spec.sections import DaemonSection, GuardSection, HealthSection, ServerSection, read_section
from reconciler.spec.streams import NOT_IN_DEFAULTS, OWN_KEYS
from reconciler.spec.yaml_reader import YamlMap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.spec.entries import Entry
    from reconciler.spec.report import Report
    from reconciler.spec.secrets import Resolver
    from reconciler.spec.yaml_reader import Mark

__all__ = ["TOP_KEYS", "Top", "read_top"]

TOP_KEYS = (
    "version",
    "server",
    "servers",
    "defaults",
    "profiles",
    "streams",
    "include",
    "daemon",
    "guard",
    "health",
)
_KEPT = ("server", "servers", "daemon", "guard", "health")
_ONLY_SERVER = "default"
_HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Top:
    """Everything but the streams. `document`: the sections as they were written, for the last good state."""

    servers: Mapping[str, ServerSpec] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    health: HealthSection = field(default_factory=HealthSection)
    defaults: Entry = field(default_factory=dict)
    profiles: Mapping[str, Entry] = field(default_factory=dict)
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)


def read_top(root: YamlMap, file: str, report: Report, resolver: Resolver) -> Top:
    """Read all sections of `root`, telling `report` every problem."""
    return _Top(root, file, report, resolver).read()


class _Top:
    def __init__(self, root: YamlMap, file: str, report: Report, resolver: Resolver) -> None:
        self.root, self.file, self.report, self.resolver = root, file, report, resolver

    def read(self) -> Top:
        for key in self.root:
            if key not in TOP_KEYS and not key.startswith("x-"):
                self._problem(self.root.keys_at[key], key, f"unknown key{did_you_mean(key, TOP_KEYS)}")
        version = self.root.get("version", 1)
        if version != 1 or isinstance(version, bool):
            self._problem(self.root.values_at["version"], "version", "this reconciler reads version 1")
        daemon = self._section(DaemonSection, "daemon") or DaemonSection()
        guard = self._section(GuardSection, "guard")
        health = self._section(HealthSection, "health") or HealthSection()
        if guard is not None and self.root.get("guard") is not None:
            self._warn("guard")
        guard = guard or GuardSection()
        if health.on_stall or health.on_auth_failed:
            self._warn("health")
        return Top(
            servers=self._servers(),
            settings=Settings(
                listen_host=daemon.listen[0],
                listen_port=daemon.listen[1],
                state_dir=daemon.state_dir,
                resync=daemon.resync,
                observe=daemon.observe,
                prune_after=daemon.prune_after,
                guard=GuardSpec(guard.max_disruptive, guard.window),
            ),
            health=health,
            defaults=self._layer(self.root.get("defaults"), "defaults", self._value_at("defaults")),
            profiles=self._profiles(),
            document={"version": 1, **{key: self.root[key] for key in _KEPT if self.root.get(key) is not None}},
        )

    def _section(self, model: Any, key: str) -> Any:
        return read_section(model, self.root.get(key), self._value_at(key), key, self._problem)

    # --- servers --------------------------------------------------------------------------------------------------

    def _servers(self) -> dict[str, ServerSpec]:
        one, several = self.root.get("server"), self.root.get("servers")
        if one is not None and several is not None:
            self._problem(self.root.keys_at["servers"], "servers", "use either `server:` or `servers:`")
            return {}
        if several is None:
            spec = self._server(_ONLY_SERVER, one, self._value_at("server"), "server")
            return {_ONLY_SERVER: spec} if spec else {}
        if not isinstance(several, YamlMap) or not several:
            self._problem(self._value_at("servers"), "servers", "must be a mapping of name to server")
            return {}
        specs = {}
        for name, value in several.items():
            spec = self._server(name, value, several.values_at[name], f"servers.{name}")
            if spec is not None:
                specs[name] = spec
        return specs

    def _server(self, name: str, value: Any, at: Mark, path: str) -> ServerSpec | None:
        section = read_section(ServerSection, value, at, path, self._problem)
        if section is None:
            return None
        places = value.values_at if isinstance(value, YamlMap) else {}
        texts: dict[str, str | None] = {}
        for key, text in (("url", section.url), ("username", section.username), ("password", section.password)):
            try:
                texts[key] = None if text is None else self.resolver.resolve(text)
            except SecretError as error:
                self._problem(places[key], f"{path}.{key}", str(error))
        if len(texts) < len(("url", "username", "password")):
            return None
        url, username, password = texts["url"] or "", texts["username"], texts["password"]
        for secret in (password or "", *passwords_in(url)):
            self.resolver.learn(secret)
        if fault := _url_fault(url):
            self._problem(places.get("url", at), f"{path}.url", fault)
            return None
        if username is None and password is not None:
            self._problem(places["password"], f"{path}.password", "needs a username beside it")
            return None
        return ServerSpec(
            name=name,
            url=url.rstrip("/"),
            username=username,
            password=password,
            tls=Tls(section.tls.verify, section.tls.ca_file, section.tls.cert_file, section.tls.key_file),
            public={key: text for key, text in section.public.model_dump().items() if text is not None},
            timeout=section.timeout,
        )

    # --- defaults and profiles ------------------------------------------------------------------------------------

    def _profiles(self) -> dict[str, Entry]:
        profiles = self.root.get("profiles")
        if profiles is None:
            return {}
        if not isinstance(profiles, YamlMap):
            self._problem(self._value_at("profiles"), "profiles", "must be a mapping of name to options")
            return {}
        return {
            name: self._layer(value, f"profiles.{name}", profiles.values_at[name]) for name, value in profiles.items()
        }

    def _layer(self, value: Any, path: str, at: Mark) -> Entry:
        """Read options that streams inherit. An unknown key here would be every stream's: it is the file's problem."""
        if value is None:
            return {}
        if not isinstance(value, YamlMap):
            self._problem(at, path, "must be a mapping of options")
            return {}
        known = (option_table().keys() | OWN_KEYS) - {"name"} - NOT_IN_DEFAULTS
        entry = find_keys(self.file, value)
        for key, found in list(entry.items()):
            if key.startswith("x-"):
                del entry[key]
            elif key in NOT_IN_DEFAULTS and not (key == "profile" and path == "defaults"):
                self._problem(found.key_at[1], f"{path}.{key}", "belongs to a stream of its own")
                del entry[key]
            elif key not in known and key != "profile":
                self._problem(found.key_at[1], f"{path}.{key}", f"unknown key{did_you_mean(key, known)}")
                del entry[key]
        return entry

    # --- telling --------------------------------------------------------------------------------------------------

    def _value_at(self, key: str) -> Mark:
        return self.root.values_at.get(key, (1, 1))

    def _problem(self, at: Mark, path: str, message: str) -> None:
        self.report.structural((self.file, at), path, message)

    def _warn(self, key: str) -> None:
        place = (self.file, self.root.keys_at[key])
        self.report.warn(place, key, "accepted, but this version does not act on it yet")


def _url_fault(text: str) -> str | None:
    """Return what is wrong with the address of a server, without any part of it; None when nothing is."""
    url = parse_url(text)
    if url is None or url.scheme not in {"http", "https"} or not url.hostname:
        return "must be an address such as http://127.0.0.1:9997"
    if url.userinfo is not None:
        return "the login does not belong into the address: use `username:` and `password:`"
    if url.port and not 0 < int(url.port[:6]) <= _HIGHEST_PORT:
        return f"the port must be between 1 and {_HIGHEST_PORT}"
    if "?" in text or "#" in text:
        return "must end with the host, the port or a path: no ? and no #"
    return None
