"""SQLite in the state directory: inventory and last good state."""
