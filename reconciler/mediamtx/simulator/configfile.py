"""The part of a mediamtx.yml that the simulator takes over: paths, path defaults, and who may use the API.

Not guaranteed: everything else in the file is ignored; it is read as YAML 1.1, as MediaMTX does. Whoever may use the
API from this machine may use it from everywhere.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from reconciler.errors import SettingsError
from reconciler.mediamtx.simulator.answers import User

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from reconciler.core.model import Json

__all__ = ["BootFile", "read_boot_file"]

_ANYBODY = "any"
_LOOPBACK = (ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1"))


@dataclass(frozen=True, slots=True)
class BootFile:
    """What a simulated server starts with. No users: everybody may use the API."""

    paths: Mapping[str, dict[str, Json]]
    users: tuple[User, ...]
    defaults: Mapping[str, Json] = field(default_factory=dict)


def read_boot_file(path: Path) -> BootFile:
    """Read `path`.

    Raises:
        SettingsError: it cannot be read, or is not a mediamtx.yml; says what is wrong, without any value of it.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError, yaml.YAMLError) as error:  # ValueError: no UTF-8, or a date that is none
        raise SettingsError(f"{path}: is not readable as YAML{_where(error)}") from None
    content = _mapping(content, path, "the file")
    paths = _mapping(content.get("paths"), path, "`paths`")
    return BootFile(
        {str(name): _mapping(options, path, "each of `paths`") for name, options in paths.items()},
        tuple(_users(content.get("authInternalUsers"), path)),
        _mapping(content.get("pathDefaults"), path, "`pathDefaults`"),
    )


def _where(error: Exception) -> str:
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    return f", line {mark.line + 1}" if mark is not None else ""


def _mapping(value: Any, path: Path, what: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise SettingsError(f"{path}: is not a mediamtx.yml: {what} must be a mapping")
    return {str(key): item for key, item in value.items()}


def _users(entries: Any, path: Path) -> list[User]:
    """Return the users that log in; when anybody may use the API there are none to check."""
    users = []
    if not isinstance(entries or [], list):
        raise SettingsError(f"{path}: is not a mediamtx.yml: `authInternalUsers` must be a list")
    for entry in entries or []:
        user = _mapping(entry, path, "each of `authInternalUsers`")
        api = _may_use_the_api(user)
        if user.get("user") == _ANYBODY and api:
            return []
        users.append(User(str(user.get("user") or ""), str(user.get("pass") or ""), api))
    return users


def _may_use_the_api(user: Mapping[str, Any]) -> bool:
    permissions = user.get("permissions")
    wanted = [item for item in permissions if isinstance(item, dict)] if isinstance(permissions, list) else []
    return any(item.get("action") == "api" for item in wanted) and _from_here(user.get("ips"))


def _from_here(networks: Any) -> bool:
    if not isinstance(networks, list) or not networks:
        return True
    try:
        known = [ipaddress.ip_network(str(network), strict=False) for network in networks]
    except ValueError:
        return False
    return any(address in network for network in known for address in _LOOPBACK)
