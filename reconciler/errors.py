"""Every error this package raises on purpose, in one tree, so that a caller can tell what may be retried.

ReconcilerError                 anything a user may see; its text is already free of secrets
├── ConfigError                 streams.yaml as a whole cannot be used; carries every problem found
├── SettingsError               our own settings or command line are wrong (exit code 78)
├── StoreError                  the state directory cannot be used
│   └── StateDirectoryBusyError another daemon holds it; carries that daemon's pid
├── DaemonUnreachableError      the command needs a running daemon and none answers
└── ServerError                 MediaMTX; carries the server's name
    ├── TransientError          nothing was changed, trying again later may work
    │   └── ProtocolError       the answer is not one MediaMTX gives: half a body, not JSON, a list cut short
    ├── AmbiguousError          a write was sent and its outcome is unknown: read before writing again
    ├── RejectedError           MediaMTX refused the value (400): the same spec will be refused again
    ├── NotFoundError           404 on a path that was there (or a call this version does not have)
    └── CredentialsError        401 or 403: our own login to MediaMTX is wrong

Not guaranteed: errors of libraries (httpx, sqlite3, yaml) are wrapped where they enter, and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.core.problem import Problem

__all__ = [
    "AmbiguousError",
    "ConfigError",
    "CredentialsError",
    "DaemonUnreachableError",
    "NotFoundError",
    "ProtocolError",
    "ReconcilerError",
    "RejectedError",
    "ServerError",
    "SettingsError",
    "StateDirectoryBusyError",
    "StoreError",
    "TransientError",
]


class ReconcilerError(Exception):
    """Base of all errors meant for a user; `str()` of it is one printable sentence without secrets."""


class ConfigError(ReconcilerError):
    """The desired-state file cannot be used as a whole."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Carry all `problems`; the text is one of them a line."""
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class SettingsError(ReconcilerError):
    """A setting of the daemon itself, or the command line, is wrong."""


class StoreError(ReconcilerError):
    """The state directory cannot be read or written."""


class StateDirectoryBusyError(StoreError):
    """Another process holds the lock of the state directory."""

    def __init__(self, directory: str, pid: int | None) -> None:
        """`pid` is the holder's, None when it could not be read."""
        holder = f"pid {pid}" if pid else "another process"
        super().__init__(f"{directory} is in use by {holder}: one daemon a state directory (daemon.state_dir)")
        self.pid = pid


class DaemonUnreachableError(ReconcilerError):
    """No daemon answers at the address where one should listen."""


class ServerError(ReconcilerError):
    """Something went wrong between us and one MediaMTX."""

    def __init__(self, server: str, message: str) -> None:
        """`message` must be redacted by whoever raises."""
        super().__init__(f"{server}: {message}")
        self.server = server
        self.message = message


class TransientError(ServerError):
    """No change was made; the same call may work later."""


class ProtocolError(TransientError):
    """The answer cannot be trusted: nothing may be concluded from it."""


class AmbiguousError(ServerError):
    """A write may or may not have happened."""


class RejectedError(ServerError):
    """MediaMTX answered 400: terminal until the spec or the server's version changes."""


class NotFoundError(ServerError):
    """MediaMTX answered 404."""


class CredentialsError(ServerError):
    """MediaMTX refused our own login."""
