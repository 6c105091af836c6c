"""What is wrong with the desired state, and where it stands in which file.

Not guaranteed: a message is free of secrets because whoever writes one keeps values out of it; nothing here can tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.core.model import Json

__all__ = ["Position", "Problem", "Severity"]


class Severity(StrEnum):
    """What a problem costs."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        """`file:line:col`, which editors and terminals make clickable."""
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the desired state. `stream` is None when it concerns the file as a whole."""

    position: Position
    path: str
    message: str
    stream: str | None = None
    severity: Severity = Severity.ERROR
    secret_missing: bool = False

    def __str__(self) -> str:
        """`file:line:col: path.to.key: message`."""
        where = f"{self.position}: {self.path}: " if self.path else f"{self.position}: "
        return f"{where}{'warning: ' if self.severity is Severity.WARNING else ''}{self.message}"

    def data(self) -> dict[str, Json]:
        """Return the problem as every JSON output shows it."""
        return {
            "file": self.position.file,
            "line": self.position.line,
            "column": self.position.column,
            "path": self.path,
            "message": self.message,
            "stream": self.stream,
            "severity": self.severity.value,
        }
