"""A store that does not end the daemon when the disk is full: what could not be written waits in memory.

Cameras matter more than our notes on them. What is at stake until the disk has room again: a daemon killed meanwhile
does not know what it changed since; paths equal to their desired form are then adopted, others are a conflict.

Not guaranteed: reading from a broken store still fails, and so does opening one; that is said at the start.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from reconciler.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reconciler.core.model import Owned
    from reconciler.store import Store, WantedTimes

__all__ = ["PatientStore"]

log = logging.getLogger(__name__)


class PatientStore:
    """Writes to `store`, or later. Every call tries again what waits; `trouble` says why something does, else ""."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._owned: dict[tuple[str, str], Owned | None] = {}
        self._last_good: str | None = None
        self._wanted: Mapping[str, WantedTimes] | None = None
        self.trouble = ""

    @property
    def digest_key(self) -> bytes:
        """The key of this store's digests."""
        return self._store.digest_key

    def inventory(self, server: str) -> dict[str, Owned]:
        """Return the paths of `server` that are ours, by name, those that wait to be written included."""
        inventory = self._store.inventory(server)
        for (where, name), entry in self._owned.items():
            if where == server and entry is None:
                inventory.pop(name, None)
            elif where == server and entry is not None:
                inventory[name] = entry
        return inventory

    def own(self, entries: Iterable[Owned]) -> None:
        """Write entries down."""
        self._owned.update({(entry.server, entry.name): entry for entry in entries})
        self._write()

    def disown(self, server: str, names: Iterable[str]) -> None:
        """Strike names out."""
        self._owned.update(dict.fromkeys([(server, name) for name in names]))
        self._write()

    def last_good(self) -> str | None:
        """Return the last good desired state."""
        return self._last_good if self._last_good is not None else self._store.last_good()

    def keep_last_good(self, document: str) -> None:
        """Keep `document` as the last good state."""
        self._last_good = document
        self._write()

    def wanted_times(self) -> Mapping[str, WantedTimes]:
        """Return since when each stream is wanted, by name."""
        return self._wanted if self._wanted is not None else self._store.wanted_times()

    def keep_wanted_times(self, times: Mapping[str, WantedTimes]) -> None:
        """Replace all times by these."""
        self._wanted = times
        self._write()

    def close(self) -> None:
        """Try once more, then let the next daemon in."""
        self._write()
        self._store.close()

    def _write(self) -> None:
        """Write everything that waits, or keep it."""
        try:
            self._write_owned()
            if self._last_good is not None:
                self._store.keep_last_good(self._last_good)
                self._last_good = None
            if self._wanted is not None:
                self._store.keep_wanted_times(self._wanted)
                self._wanted = None
        except StoreError as error:
            if not self.trouble:
                log.error("cannot write our state down, going on without", extra={"fields": {"why": str(error)}})  # noqa: TRY400
            self.trouble = str(error)
            return
        if self.trouble:
            log.info("our state is written down again")
        self.trouble = ""

    def _write_owned(self) -> None:
        if entries := [entry for entry in self._owned.values() if entry is not None]:
            self._store.own(entries)
        gone: dict[str, list[str]] = {}
        for (server, name), entry in self._owned.items():
            if entry is None:
                gone.setdefault(server, []).append(name)
        for server, names in gone.items():
            self._store.disown(server, names)
        self._owned.clear()
