"""Takes the desired state in: reads the files, keeps the last good state, and numbers each newer one.

A file that cannot be used changes nothing: the last good state stays in force, in memory and in the store, so that a
daemon started on a broken file works on what was last good.

Not guaranteed: reading happens in a thread and may take a second for 10,000 streams; a save meanwhile is seen by the
watcher and read next.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reconciler.core.board import ConfigView
from reconciler.core.problem import Severity
from reconciler.spec import load, load_document

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from reconciler.core.model import Desired
    from reconciler.core.problem import Problem
    from reconciler.core.seams import Clock
    from reconciler.daemon.seams import Records
    from reconciler.logs import Redactor
    from reconciler.spec import Loaded, Secrets

__all__ = ["Generation", "Intake"]

log = logging.getLogger(__name__)

_PROBLEMS_LOGGED = 20


@dataclass(frozen=True, slots=True)
class Generation:
    """One desired state. `noticed_at`: when its save was first noticed (monotonic s), `taken_at`: when it
    was taken in (seconds since the epoch), `fresh`: the names it changed.
    """

    number: int
    desired: Desired
    noticed_at: float
    taken_at: float
    fresh: frozenset[str]


class Intake:
    """The present desired state and what is to be said of the files."""

    def __init__(
        self,
        path: Path,
        *,
        store: Records,
        secrets: Secrets,
        redactor: Redactor,
        clock: Clock,
        adjust: Callable[[Desired], Desired],
    ) -> None:
        """`adjust` has the last word on what was read (the command line's overrides)."""
        self._path, self._store, self._secrets, self._redactor = path, store, secrets, redactor
        self._clock, self._adjust = clock, adjust
        self.generation: Generation | None = None
        self.config = ConfigView(path=str(path), ok=False, message="not read yet")
        self._told: frozenset[Problem] = frozenset()

    def resume(self) -> None:
        """Take the last good state from the store, if there is one: what to work on until the file can be used."""
        document = self._store.last_good()
        if document is None:
            return
        loaded = load_document(document, secrets=self._secrets, digest_key=self._store.digest_key)
        self._redactor.learn(*loaded.secrets)
        if loaded.desired is not None:
            self._advance(self._adjust(loaded.desired), self._clock.monotonic())

    async def read(self, noticed_at: float) -> Loaded:
        """Read the files; `generation` and `config` are the present ones afterwards."""
        last_good = self._store.last_good()
        loaded = await asyncio.to_thread(
            load, self._path, secrets=self._secrets, digest_key=self._store.digest_key, last_good=last_good
        )
        self._redactor.learn(*loaded.secrets)
        self._tell(loaded.problems)
        if loaded.desired is None:
            if self.generation is None:
                self.resume()  # it could be used a moment ago, when we were started
            self.config = ConfigView(
                path=str(self._path),
                ok=False,
                loaded_at=self.config.loaded_at,
                digest=self.config.digest,
                problems=loaded.problems,
                message="the file cannot be used: "
                + ("the last good state stays in force" if self.generation else "there is no earlier state to work on"),
            )
            log.error("%s cannot be used", self._path, extra={"fields": {"effect": self.config.message}})
            return loaded
        self._store.keep_last_good(loaded.document)
        errors = sum(problem.severity is Severity.ERROR for problem in loaded.problems)
        self.config = ConfigView(
            path=str(self._path),
            ok=not errors,
            loaded_at=self._clock.time(),
            digest=loaded.digest,
            problems=loaded.problems,
            message=f"{errors} problems: the streams concerned are set aside" if errors else "",
        )
        self._advance(self._adjust(loaded.desired), noticed_at)
        return loaded

    def _advance(self, desired: Desired, noticed_at: float) -> None:
        """Make `desired` the present state; it is a new generation when it says something else than the one before."""
        before = self.generation
        if before is not None and before.desired == desired:
            self.generation = replace(before, desired=desired)  # the same, but perhaps at other lines
            return
        fresh = frozenset(_changed(before.desired, desired)) if before else frozenset[str]()
        number = before.number + 1 if before else 1
        self.generation = Generation(number, desired, noticed_at, self._clock.time(), fresh)
        log.info(
            "desired state taken in",
            extra={
                "fields": {
                    "streams": len(desired.streams),
                    "set_aside": len(desired.set_aside),
                    "changed": len(fresh) if before else "all",
                    "generation": self.generation.number,
                }
            },
        )

    def _tell(self, problems: tuple[Problem, ...]) -> None:
        """Log each problem once, for as long as it lasts."""
        new = [problem for problem in problems if problem not in self._told]
        self._told = frozenset(problems)
        for problem in new[:_PROBLEMS_LOGGED]:
            log.log(logging.WARNING if problem.severity is Severity.WARNING else logging.ERROR, "%s", problem)
        if len(new) > _PROBLEMS_LOGGED:
            log.error("and %d more problems: see `reconciler validate`", len(new) - _PROBLEMS_LOGGED)


def _changed(before: Desired, after: Desired) -> set[str]:
    """Names whose stream is new, gone, or not the same any more."""
    names = before.streams.keys() | after.streams.keys()
    return {name for name in names if before.streams.get(name) != after.streams.get(name)}
