"""The exit codes of all commands; `docs/commands.md` explains them."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Exit"]


class Exit(IntEnum):
    """What a shell, a CI job or systemd is told."""

    OK = 0
    ERROR = 1
    CHANGES = 2
    USAGE = 64
    SETTINGS = 78
    INTERRUPTED = 130
