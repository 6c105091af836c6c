"""One sentence on everything, for `systemctl status`.

Not guaranteed: only the worst is named when much is wrong; `reconciler status` has all of it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from reconciler.core.model import State, Sync
from reconciler.core.problem import Severity

if TYPE_CHECKING:
    from reconciler.core.board import Board

__all__ = ["status_line"]


def status_line(board: Board) -> str:
    """Return for example `12/12 in sync; 10 RUNNING, 1 IDLE, 1 ERROR`, trouble first."""
    parts = []
    errors = [problem for problem in board.config.problems if problem.severity is Severity.ERROR]
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        parts.append(f"{errors[0]}{more}")
    if board.config.message and not errors:
        parts.append(board.config.message)
    parts += [f"server {server.name}: {server.message}" for server in board.servers if server.message]
    in_sync = sum(stream.sync is Sync.IN_SYNC for stream in board.streams)
    parts.append(f"{in_sync}/{len(board.streams)} in sync")
    counts = Counter(stream.status for stream in board.streams)
    words = [f"{counts[state]} {state.value}" for state in State if counts[state]]
    if words:
        parts.append(", ".join(words))
    return "; ".join(parts)
