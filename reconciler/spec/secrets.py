"""References to secrets in the file: `${env:NAME}`, `${cred:NAME}`, `${file:/path}`; `$$` is one dollar.

They are resolved at each load and never written back: what is kept of a file keeps them as they were written. Other
dollars pass through, MediaMTX has its own (`$G1`, `$MTX_PATH`).

Not guaranteed: a changed environment variable or credential is seen at the next start only; a changed file is seen
when it is watched (`Resolver.files`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from reconciler.spec.files import UnreadableError, read_regular_file

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Resolver", "SecretError", "SecretMissingError", "Secrets", "SystemSecrets"]

_REFERENCE = re.compile(r"\$\$|\$\{([A-Za-z_]+):([^}]*)(\}?)")
_KINDS = ("env", "cred", "file")
_LONGEST = 64 * 1024


class SecretError(Exception):
    """A reference cannot be resolved; the text names it and the way out."""


class SecretMissingError(SecretError):
    """The reference is a good one, and what it leads to is not there."""


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
            raise SecretError(f"${{file:{name}}} needs an absolute path")
        return _read(name, f"file {name}")

    def _credential(self, name: str) -> str:
        if "/" in name or name in {".", ".."}:
            raise SecretError(f"${{cred:{name}}} names a file, not a credential: use ${{file:/path}}")
        directory = self._environ.get("CREDENTIALS_DIRECTORY")
        if not directory:
            raise SecretMissingError(
                f"credential {name}: there are none here; systemd gives them to a service (LoadCredential={name}:FILE)"
            )
        return _read(f"{directory}/{name}", f"credential {name} (LoadCredential={name}:FILE in the unit)")


class Resolver:
    """Resolves the references of one load, and remembers what it found and which files it read."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._cache: dict[tuple[str, str], str | SecretError] = {}
        self._resolved: set[str] = set()
        self.found: dict[str, None] = {}
        self.files: dict[str, None] = {}

    def resolve(self, text: str) -> str:
        """Return `text` with its references replaced.

        Raises:
            SecretError: one cannot be resolved; SecretMissingError when it leads nowhere.
        """
        if "$" not in text:
            return text
        resolved = _REFERENCE.sub(self._replace, text)
        if "${" in text:
            self._resolved.add(repr(resolved))
        return resolved

    def learn(self, secret: str) -> None:
        """Note a secret that stands in the file in clear."""
        if secret:
            self.found[secret] = None

    def holds(self, quoted: str) -> bool:
        """Whether `quoted`, a Python literal of a text, is a secret or has one in it that came from a reference."""
        return quoted in self._resolved or quoted[1:-1] in self.found

    def _replace(self, match: re.Match[str]) -> str:
        kind, name = match[1], match[2]
        if kind is None:
            return "$"
        if kind not in _KINDS:
            raise SecretError(f"${{{kind}:...}} is not known: use ${{env:NAME}}, ${{cred:NAME}} or ${{file:/path}}")
        if not name or not match[3]:
            fault = "has no name" if match[3] else "lacks its closing brace"
            raise SecretError(f"a reference {fault}: write ${{{kind}:NAME}}, or $$ for a dollar")
        if kind == "file":
            self.files[name] = None
        key = (kind, name)
        if key not in self._cache:
            try:
                self._cache[key] = self._secrets.read(kind, name)
            except SecretError as error:
                self._cache[key] = error
        value = self._cache[key]
        if isinstance(value, SecretError):
            raise value
        self.learn(value)
        return value


def _read(path: str, what: str) -> str:
    try:
        data = read_regular_file(path, _LONGEST + 1)
    except UnreadableError as error:
        raise SecretMissingError(f"{what} {error}") from None
    if len(data) > _LONGEST:
        raise SecretMissingError(f"{what} is larger than {_LONGEST // 1024} KiB")
    try:
        text = data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise SecretMissingError(f"{what} is not text in UTF-8") from None
    if not text:
        raise SecretMissingError(f"{what} is empty")
    return text
