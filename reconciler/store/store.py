"""What must outlive the process: which paths are ours, the last good desired state, since when each stream is wanted.

The last good state holds references such as `${cred:x}` as they were written; what the user wrote in clear is kept in
clear. Of the rest only keyed digests are kept, whose key never leaves the database.

Not guaranteed: a power cut may lose the last moments (`synchronous=NORMAL`), never the database's consistency. What is
lost is found again by looking at the server: a path equal to its desired form is adopted.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.core.model import Owned
from reconciler.errors import StoreError
from reconciler.store.directory import DATABASE, DirectoryLock, prepare, private_file
from reconciler.store.schema import migrate
from reconciler.store.trouble import is_corrupt, trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

__all__ = ["Store", "WantedTimes"]

log = logging.getLogger(__name__)

_DIGEST_KEY = "digest_key"
_LAST_GOOD = "last_good"
_KEY_BYTES = 32
_BUSY_SECONDS = 5.0
_NO_KEY = bytes(_KEY_BYTES)
"""What `peek` has where no daemon has made a key yet: nothing was digested, so nothing can be equal."""


@dataclass(frozen=True, slots=True)
class WantedTimes:
    """When a stream last became wanted, and when it last stopped being wanted; seconds since the epoch."""

    started_at: float | None
    stopped_at: float | None


class Store:
    """The database; open it with `open` (a daemon) or `peek` (anyone else). Not for use by several threads."""

    def __init__(self, connection: sqlite3.Connection, where: str, lock: DirectoryLock | None) -> None:
        self._connection, self._where, self._lock = connection, where, lock
        self._wanted: dict[str, WantedTimes] | None = None
        self.digest_key = self._fact(_DIGEST_KEY) or _NO_KEY

    @classmethod
    def open(cls, directory: Path, *, stamp: Callable[[], str] = lambda: secrets.token_hex(4)) -> Store:
        """Open the state directory as its one daemon, creating what is missing.

        A database that is corrupt is set aside as `state.db.corrupt-<stamp>` and a new one is begun.

        Raises:
            StateDirectoryBusyError: another daemon is at work in it.
            StoreError: it cannot be used; the text names the file and the way out.
        """
        prepare(directory)
        lock = DirectoryLock(directory)
        path = directory / DATABASE
        try:
            try:
                connection = _connect(path)
            except _CorruptError:
                _set_aside(path, stamp())
                connection = _connect_anew(path)
            try:
                store = cls(connection, str(path), lock)
                if store._fact(_DIGEST_KEY) is None:
                    store.digest_key = secrets.token_bytes(_KEY_BYTES)
                    store._keep_fact(_DIGEST_KEY, store.digest_key)
            except BaseException:
                connection.close()
                raise
        except BaseException:
            lock.release()
            raise
        return store

    @classmethod
    def peek(cls, directory: Path) -> Store:
        """Return what the state directory holds at this moment, beside a running daemon or none.

        It is a copy in memory: what is written to it goes nowhere. A directory that is absent reads as empty.

        Raises:
            StoreError: there is a database and it cannot be read.
        """
        path = directory / DATABASE
        copy = sqlite3.connect(":memory:", isolation_level=None)
        try:
            if path.exists():
                address = f"{path.absolute().as_uri()}?mode=ro"
                with closing(sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS)) as source:
                    source.backup(copy)
            migrate(copy, str(path))
            return cls(copy, str(path), None)
        except OSError as error:
            copy.close()
            raise StoreError(f"{path}: {error.strerror}: run this as the daemon's user") from None
        except sqlite3.Error as error:
            copy.close()
            raise trouble(str(path), error) from None
        except BaseException:
            copy.close()
            raise

    def close(self) -> None:
        """Close the database and let the next daemon in."""
        try:
            self._connection.close()
        finally:
            if self._lock is not None:
                self._lock.release()

    # --- inventory ------------------------------------------------------------------------------------------------

    def inventory(self, server: str) -> dict[str, Owned]:
        """Return the paths of `server` that are ours, by name."""
        with self._errors():
            rows = self._connection.execute(
                "SELECT name, server, digest, applied_at, cause FROM inventory WHERE server = ? ORDER BY name",
                (server,),
            ).fetchall()
        return {row[0]: Owned(*row) for row in rows}

    def own(self, entries: Iterable[Owned]) -> None:
        """Write entries down, new or changed; all or none."""
        rows = [(entry.server, entry.name, entry.digest, entry.applied_at, entry.cause) for entry in entries]
        with self._transaction():
            self._connection.executemany("INSERT OR REPLACE INTO inventory VALUES (?, ?, ?, ?, ?)", rows)

    def disown(self, server: str, names: Iterable[str]) -> None:
        """Strike names out; those that are not there are fine."""
        with self._transaction():
            self._connection.executemany(
                "DELETE FROM inventory WHERE server = ? AND name = ?", [(server, name) for name in names]
            )

    # --- last good state ------------------------------------------------------------------------------------------

    def last_good(self) -> str | None:
        """Return the last good desired state as a document, references unresolved; None when there never was one."""
        value = self._fact(_LAST_GOOD)
        return None if value is None else value.decode(errors="surrogatepass")

    def keep_last_good(self, document: str) -> None:
        """Keep `document` as the last good state; nothing is written when it already is."""
        if self.last_good() != document:
            self._keep_fact(_LAST_GOOD, document.encode(errors="surrogatepass"))

    # --- times ----------------------------------------------------------------------------------------------------

    def wanted_times(self) -> Mapping[str, WantedTimes]:
        """Return since when each stream is wanted, by name."""
        if self._wanted is None:
            with self._errors():
                rows = self._connection.execute("SELECT name, started_at, stopped_at FROM wanted").fetchall()
            self._wanted = {name: WantedTimes(started_at, stopped_at) for name, started_at, stopped_at in rows}
        return self._wanted

    def keep_wanted_times(self, times: Mapping[str, WantedTimes]) -> None:
        """Replace all times by these."""
        kept = self.wanted_times()
        changed = [(name, t.started_at, t.stopped_at) for name, t in times.items() if kept.get(name) != t]
        with self._transaction():
            self._connection.executemany("INSERT OR REPLACE INTO wanted VALUES (?, ?, ?)", changed)
            self._connection.executemany(
                "DELETE FROM wanted WHERE name = ?", [(n,) for n in kept.keys() - times.keys()]
            )
        self._wanted = dict(times)

    # --- below ----------------------------------------------------------------------------------------------------

    def _fact(self, name: str) -> bytes | None:
        with self._errors():
            row = self._connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])

    def _keep_fact(self, name: str, value: bytes) -> None:
        with self._transaction():
            self._connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                # After some errors, a full disk for one, SQLite has already done so itself.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise trouble(self._where, error) from None


class _CorruptError(Exception):
    """The file is there and is no usable database."""


def _connect(path: Path) -> sqlite3.Connection:
    private_file(path)
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        # A password that once stood in the file in clear must not stay behind in a free page.
        connection.execute("PRAGMA secure_delete = ON")
        _check(connection)
        migrate(connection, str(path))
    except sqlite3.Error as error:
        connection.close()
        if is_corrupt(error):
            raise _CorruptError from None
        raise trouble(str(path), error) from None
    except BaseException:
        connection.close()
        raise
    return connection


def _connect_anew(path: Path) -> sqlite3.Connection:
    try:
        return _connect(path)
    except _CorruptError:
        raise StoreError(
            f"{path}: is corrupt as soon as it is written: is the disk failing? (daemon.state_dir)"
        ) from None


def _check(connection: sqlite3.Connection) -> None:
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise _CorruptError


def _set_aside(path: Path, stamp: str) -> None:
    kept = path.with_name(f"{path.name}.corrupt-{stamp}")
    log.error(
        "the state database is corrupt: it is set aside and a new one begun; paths equal to the file are taken over",
        extra={"fields": {"kept_as": str(kept)}},
    )
    try:
        path.rename(kept)
        for suffix in ("-wal", "-shm"):
            # Beside a new database they would be taken for its own.
            if (beside := path.with_name(path.name + suffix)).exists():
                beside.rename(kept.with_name(kept.name + suffix))
    except OSError as error:
        raise StoreError(f"{path}: corrupt, and cannot be set aside: {error.strerror}") from None
