"""SQLite in the state directory: inventory and last good state."""

from __future__ import annotations

from reconciler.store.directory import state_directory
from reconciler.store.elsewhere import find_state_directory, remember_state_directory
from reconciler.store.store import Store, WantedTimes

__all__ = ["Store", "WantedTimes", "find_state_directory", "remember_state_directory", "state_directory"]
