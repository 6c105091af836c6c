"""What can be made to go wrong with a request, on demand.

Not guaranteed: a fault waits for its request for ever; one that never comes leaves it in the list.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto

__all__ = ["Fault", "FaultKind", "Faults"]


class FaultKind(Enum):
    """What goes wrong."""

    HANG = auto()
    """No answer ever comes, and nothing is done."""
    HANG_AFTER = auto()
    """No answer ever comes although it was done."""
    RESET_BEFORE = auto()
    """The connection drops and nothing was done."""
    RESET_AFTER = auto()
    """The connection drops although it was done."""
    UNAUTHORIZED = auto()
    """401, whoever asks."""
    STATUS_500 = auto()
    GARBAGE = auto()
    """The answer of some other program."""
    HALF_BODY = auto()
    """The connection drops in the middle of the answer."""
    CUT_SHORT = auto()
    """A list lacks items, but counts them."""
    TERMINATED = auto()
    """`400 terminated`: the server is shutting down."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that hits the next `times` requests whose path and query contain `where`, after `skip` were spared."""

    kind: FaultKind
    where: str = ""
    times: int = 1
    skip: int = 0


class Faults:
    """Those still to come, the first that fits first."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let it happen."""
        self._waiting.append(fault)

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        self._waiting.clear()

    def __len__(self) -> int:
        """Count the faults that are still to come."""
        return len(self._waiting)

    def take(self, target: str) -> FaultKind | None:
        """Return what goes wrong with a request for `target`, and count it as done."""
        for index, fault in enumerate(self._waiting):
            if fault.where not in target:
                continue
            if fault.skip:
                self._waiting[index] = replace(fault, skip=fault.skip - 1)
                continue
            if fault.times > 1:
                self._waiting[index] = replace(fault, times=fault.times - 1)
            else:
                del self._waiting[index]
            return fault.kind
        return None
