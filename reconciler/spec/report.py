"""Collects every problem of one load, so that all are told at once.

Messages quote what was written. A quoted value that is known for a secret when the load is over is taken out of them,
and so is a password within an address.

Not guaranteed: a secret that nothing marks as one, because it stands where none belongs, is shown.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.core.problem import Position, Problem, Severity
from reconciler.logs import MASK, mask_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reconciler.spec.yaml_reader import Mark

__all__ = ["Place", "Report", "did_you_mean"]

Place = tuple[str, "Mark"]
"""A file, and where in it."""
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")


class Report:
    """The problems found so far. `broken` says that one of them concerns the file as a whole.

    `is_secret` is asked of each quoted value, once all secrets are known.
    """

    def __init__(self, is_secret: Callable[[str], bool]) -> None:
        self._is_secret = is_secret
        self._problems: list[Problem] = []
        self.broken = False

    def structural(self, place: Place, path: str, message: str) -> None:
        """Note a problem that makes the whole file unusable."""
        self.broken = True
        self._problems.append(Problem(_position(place), path, message))

    def stream(self, name: str, place: Place, path: str, message: str, *, secret_missing: bool = False) -> Problem:
        """Note a problem of one stream, which is set aside for it."""
        problem = Problem(_position(place), path, message, stream=name, secret_missing=secret_missing)
        self._problems.append(problem)
        return problem

    def warn(self, place: Place, path: str, message: str, stream: str | None = None) -> None:
        """Note something that changes nothing but should be known."""
        self._problems.append(Problem(_position(place), path, message, stream=stream, severity=Severity.WARNING))

    def problems(self, order: Iterable[str]) -> tuple[Problem, ...]:
        """Return all problems once, in the order of the files and within one by line."""
        ranks = {file: rank for rank, file in enumerate(order)}
        unique = dict.fromkeys(map(self._without_secrets, self._problems))
        return tuple(sorted(unique, key=lambda p: (ranks.get(p.position.file, len(ranks)), p.position, p.path)))

    def _without_secrets(self, problem: Problem) -> Problem:
        message = _QUOTED.sub(lambda match: MASK if self._is_secret(match[0]) else match[0], problem.message)
        path = problem.path
        if "://" in path or "://" in message:
            path, message = mask_url(path), mask_url(message)
        if (path, message) == (problem.path, problem.message):
            return problem
        return replace(problem, path=path, message=message)


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """Return `, did you mean 'x'?` for the nearest of `words`, or nothing."""
    known = list(words)
    folded = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(word.lower(), folded, n=1, cutoff=0.7)
    return f", did you mean '{folded[near[0]]}'?" if near else ""


def _position(place: Place) -> Position:
    file, (line, column) = place
    return Position(file, line, column)
