"""References to secrets in the file: `${env:NAME}`, `${cred:NAME}`, `${file:/path}`; `$$` is one dollar.

They are resolved at each load and never written back: what is kept of a file keeps them as they were written. Other
dollars pass through, MediaMTX has its own (`$G1`, `$MTX_PATH`).

Not guaranteed: a changed environment variable or credential is seen at the next start only; a changed file is seen
when it is watched (`Resolver.files`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Resolver", "SecretMissingError", "Secrets", "SystemSecrets"]

_REFERENCE = re.compile(r"\$\$|\$\{([A-Za-z_]+):([^}]*)\}")
_KINDS = ("env", "cred", "file")
_LONGEST = 64 * 1024


class SecretMissingError(Exception):
    """A reference leads nowhere; the text names what was looked for and the way out."""


class Secrets(Protocol):
    """Where secrets come from."""

    def read(self, kind: str, name: str) -> str:
        """Return the secret that `${kind:name}` refers to. SecretMissingError when there is none."""


class SystemSecrets:
    """The environment, systemd's credentials directory, and files."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def read(self, kind: str, name: str) -> str:
        """Return the secret; one newline at the end of a file is not part of it."""
        if kind == "env":
            if value := self._environ.get(name):
                return value
            state = "is empty" if name in self._environ else "is not set"
            raise SecretMissingError(f"environment variable {name} {state}: set it where the daemon is started")
        if kind == "cred":
            return self._credential(name)
        if not name.startswith("/"):
            raise SecretMissingError(f"${{file:{name}}} needs an absolute path")
        return _read(Path(name), f"file {name}")

    def _credential(self, name: str) -> str:
        directory = self._environ.get("CREDENTIALS_DIRECTORY")
        if not directory:
            raise SecretMissingError(
                f"credential {name}: there are none here; systemd gives them to a service (LoadCredential={name}:FILE)"
            )
        if "/" in name or name in {"", ".", ".."}:
            raise SecretMissingError(f"credential {name!r} is not a name")
        return _read(Path(directory) / name, f"credential {name} (LoadCredential={name}:FILE in the unit)")


class Resolver:
    """Resolves the references of one load, and remembers what it found and which files it read."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._cache: dict[tuple[str, str], str | SecretMissingError] = {}
        self.found: dict[str, None] = {}
        self.files: dict[str, None] = {}

    def resolve(self, text: str) -> str:
        """Return `text` with its references replaced.

        Raises:
            SecretMissingError: one leads nowhere.
        """
        if "$" not in text:
            return text
        return _REFERENCE.sub(self._replace, text)

    def learn(self, secret: str) -> None:
        """Note a secret that stands in the file in clear."""
        if secret:
            self.found[secret] = None

    def _replace(self, match: re.Match[str]) -> str:
        kind, name = match[1], match[2]
        if kind is None:
            return "$"
        if kind not in _KINDS:
            raise SecretMissingError(
                f"${{{kind}:...}} is not known: use ${{env:NAME}}, ${{cred:NAME}} or ${{file:/path}}"
            )
        if kind == "file":
            self.files[name] = None
        key = (kind, name)
        if key not in self._cache:
            try:
                self._cache[key] = self._secrets.read(kind, name)
            except SecretMissingError as error:
                self._cache[key] = error
        value = self._cache[key]
        if isinstance(value, SecretMissingError):
            raise value
        self.learn(value)
        return value


def _read(path: Path, what: str) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LONGEST + 1)
        text = data.decode()
    except OSError as error:
        raise SecretMissingError(f"{what}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SecretMissingError(f"{what}: is not text") from None
    if len(data) > _LONGEST:
        raise SecretMissingError(f"{what}: is larger than {_LONGEST // 1024} KiB")
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise SecretMissingError(f"{what}: is empty")
    return text
