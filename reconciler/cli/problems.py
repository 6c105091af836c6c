"""A problem of the files as JSON, the same in `validate --json` and `plan --format json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconciler.core.model import Problem

__all__ = ["problem_json"]


def problem_json(problem: Problem) -> dict[str, Any]:
    """Return a problem as JSON shows it."""
    return {
        "file": problem.position.file,
        "line": problem.position.line,
        "column": problem.position.column,
        "path": problem.path,
        "message": problem.message,
        "stream": problem.stream,
        "severity": problem.severity.value,
    }
