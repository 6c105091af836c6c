"""What is wrong with the database, in words that say what to do. SQLite's own errors go no further than here.

Not guaranteed: SQLite tells a failing disk from a full one only as well as the file system does.
"""

from __future__ import annotations

import sqlite3

from reconciler.errors import StoreError

__all__ = ["is_corrupt", "trouble"]

_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_FORBIDDEN = "the daemon's user must be able to read and write it and its directory (daemon.state_dir)"
# https://sqlite.org/rescode.html: the primary code is the lowest byte of the extended one.
_WAYS_OUT = {
    sqlite3.SQLITE_FULL: "the disk is full: make room",
    sqlite3.SQLITE_IOERR: "the disk is full or fails: make room, or move the state directory (daemon.state_dir)",
    sqlite3.SQLITE_READONLY: _FORBIDDEN,
    sqlite3.SQLITE_CANTOPEN: _FORBIDDEN,
    sqlite3.SQLITE_PERM: _FORBIDDEN,
    sqlite3.SQLITE_AUTH: _FORBIDDEN,
    sqlite3.SQLITE_BUSY: "another program holds the database: end that one",
    sqlite3.SQLITE_LOCKED: "another program holds the database: end that one",
    sqlite3.SQLITE_CORRUPT: "it is corrupt: restart the daemon, which sets it aside and begins a new one",
    sqlite3.SQLITE_NOTADB: "it is corrupt: restart the daemon, which sets it aside and begins a new one",
}
_ELSE = "restart the daemon; if that does not help, move the file away: losing it is harmless"


def is_corrupt(error: sqlite3.Error) -> bool:
    """Whether the file is there and is no usable database."""
    return _code(error) in _CORRUPT


def trouble(where: str, error: sqlite3.Error) -> StoreError:
    """Return the error to raise instead; SQLite's texts name no values."""
    return StoreError(f"{where}: {error}: {_WAYS_OUT.get(_code(error), _ELSE)}")


def _code(error: sqlite3.Error) -> int:
    # Errors of Python's module itself (a closed connection, a wrong thread) have no code.
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
