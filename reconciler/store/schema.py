"""The tables of the database, as the steps that lead to them; `PRAGMA user_version` counts the steps taken.

Not guaranteed: there is no way back; a database of a newer version is refused, not guessed at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.errors import StoreError

if TYPE_CHECKING:
    import sqlite3

__all__ = ["STEPS", "migrate", "version_of"]

STEPS = (
    """
    CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE inventory (
        server TEXT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL, applied_at REAL NOT NULL, cause TEXT NOT NULL,
        PRIMARY KEY (server, name)
    ) WITHOUT ROWID;
    CREATE TABLE wanted (name TEXT PRIMARY KEY, started_at REAL, stopped_at REAL) WITHOUT ROWID;
    """,
)


def version_of(connection: sqlite3.Connection) -> int:
    """Return how many steps the database has taken; 0 for a new one."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def migrate(connection: sqlite3.Connection, where: str) -> None:
    """Take the steps that are missing, each as one transaction.

    Raises:
        StoreError: the database is of a newer version than we know.
    """
    version = version_of(connection)
    if version > len(STEPS):
        raise StoreError(
            f"{where}: written by a newer reconciler (schema {version}, this one knows {len(STEPS)}):"
            " upgrade, or use another daemon.state_dir"
        )
    for number in range(version, len(STEPS)):
        connection.executescript(f"BEGIN IMMEDIATE; {STEPS[number]} PRAGMA user_version = {number + 1}; COMMIT;")
