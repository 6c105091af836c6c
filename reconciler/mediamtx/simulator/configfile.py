"""The part of a mediamtx.yml that the simulator takes over: paths, path defaults, users, the API's address.

Not guaranteed: everything else in the file is ignored; it is read as YAML 1.1, as MediaMTX does.
"""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class BootFile:
    """What a simulated server starts with."""

    paths: Mapping[str, dict[str, Json]]
    users: tuple[User, ...]


def read_boot_file(path: Path) -> BootFile:
    """Read `path`.

    Raises:
        SettingsError: it cannot be read, or is not a mediamtx.yml.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not readable as YAML"
        raise SettingsError(f"{path}: {reason}") from None
    content = {} if content is None else content
    if not isinstance(content, dict) or not isinstance(content.get("paths") or {}, dict):
        raise SettingsError(f"{path}: is not a mediamtx.yml: a mapping with `paths:` is expected")
    paths = {str(name): dict(options or {}) for name, options in (content.get("paths") or {}).items()}
    return BootFile(paths, tuple(_users(content.get("authInternalUsers") or [])))


def _users(entries: list[Any]) -> list[User]:
    """Return the users that log in; when anybody may use the API there are none to check."""
    users = []
    for entry in entries:
        api = any(permission.get("action") == "api" for permission in entry.get("permissions") or [])
        if entry.get("user") == _ANYBODY and api:
            return []
        users.append(User(str(entry.get("user", "")), str(entry.get("pass", "")), api))
    return users
