"""Carries out a plan on one server: one write at a time, and between two writes a look whether to think again.

What may follow from one write (mediamtx-api 1.3, 4.5):
  200                 trusted; the next pass verifies
  400                 the spec is set aside until it, the server or its surroundings change; the others go on
  no answer           unknown: the stream waits, the pass ends, everything is read again before the next write
  refused, 5xx        the stream waits with back-off; after a few in a row the server is at fault and the pass ends
  401                 our login is wrong: the pass ends

Not guaranteed: an applied plan is not proof that the server shows it; see `Policy.settle`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from reconciler.core.model import Action
from reconciler.core.plan import surroundings
from reconciler.errors import AmbiguousError, NotFoundError, RejectedError, TransientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.core.change import Change, Plan
    from reconciler.core.model import LiveConfig
    from reconciler.daemon.notebook import Notebook
    from reconciler.daemon.seams import Writer

__all__ = ["Applier", "ChangeResult", "Ending", "Result"]

log = logging.getLogger(__name__)

_FAILURES_THAT_BLAME_THE_SERVER = 3


class Result(StrEnum):
    """How one change ended."""

    OK = "ok"
    REJECTED = "rejected"
    FAILED = "failed"


class Ending(StrEnum):
    """How a plan ended."""

    DONE = "done"
    INTERRUPTED = "interrupted"
    """Something newer is to be looked at."""
    BROKEN_OFF = "broken_off"
    """The server must be read again before anything else is written."""


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """One change, how it ended, and the reason when it did not work (redacted)."""

    change: Change
    result: Result
    message: str = ""


class Applier:
    """Applies plans to one server."""

    def __init__(self, writer: Writer, notebook: Notebook, report: Callable[[ChangeResult], None]) -> None:
        self._writer, self._notebook, self._report = writer, notebook, report
        self._suspect: Change | None = None

    async def apply(
        self, plan: Plan, live: LiveConfig, *, interrupted: Callable[[], bool], beat: Callable[[], None]
    ) -> Ending:
        """Write the plan's changes in their order.

        Raises:
            CredentialsError: our login was refused.
        """
        self._notebook.adopt(plan.adopted)
        self._notebook.gone(plan.gone)
        self._notebook.claim(plan.changes)
        failures_in_a_row = 0
        for done, change in enumerate(plan.changes):
            if interrupted():
                return Ending.INTERRUPTED
            beat()
            try:
                await self._write(change, paths=len(live.paths) + done)
            except RejectedError as error:
                self._reject(change, live, error.message)
            except AmbiguousError as error:
                self._suspect = change
                self._fail(change, error.message)
                return Ending.BROKEN_OFF
            except (TransientError, NotFoundError) as error:
                self._fail(change, error.message)
                failures_in_a_row += 1
                if failures_in_a_row >= _FAILURES_THAT_BLAME_THE_SERVER:
                    return Ending.BROKEN_OFF
            else:
                failures_in_a_row = 0
                self._notebook.applied(change)
                self._tell(ChangeResult(change, Result.OK))
        return Ending.DONE

    def server_lives(self) -> None:
        """Take in that the server which has not answered a write answers again, and is the same as before."""
        self._suspect = None

    def server_came_back(self, *, died: bool) -> None:
        """Take in that the server lost everything; if it `died`, a write it never answered was the death of it."""
        suspect, self._suspect = self._suspect, None
        if died and suspect is not None and suspect.stream is not None:
            self._notebook.quarantined(suspect.stream, _DIED)
            fields = {"server": suspect.server, "stream": suspect.name}
            log.error("%s is set aside: %s", suspect.name, _DIED, extra={"fields": fields})

    async def _write(self, change: Change, *, paths: int) -> None:
        if change.action is Action.DELETE:
            await self._writer.delete(change.name, paths=paths)
        elif change.stream is not None:
            await self._writer.replace(change.name, change.stream.options, paths=paths)

    def _reject(self, change: Change, live: LiveConfig, message: str) -> None:
        if change.stream is None:
            self._fail(change, message)
            return
        self._notebook.unclaim([change.name])
        self._notebook.rejected(change.stream, surroundings(live, self._notebook.owned_names()), message)
        self._tell(ChangeResult(change, Result.REJECTED, message))

    def _fail(self, change: Change, message: str) -> None:
        before = self._notebook.failure(change.name)
        self._notebook.failed(change.name, message)
        again = before is not None and before.message == message
        self._tell(ChangeResult(change, Result.FAILED, message), level=logging.DEBUG if again else logging.WARNING)

    def _tell(self, result: ChangeResult, level: int = logging.WARNING) -> None:
        change = result.change
        fields = {
            "server": change.server,
            "stream": change.name,
            "action": change.action.value,
            "cause": change.cause.value,
            "effect": change.effect,
            "result": result.result.value,
        }
        if change.fields:
            fields["options"] = ",".join(field.option for field in change.fields)
        if result.result is Result.OK:
            log.info("%s %s", _PAST[change.action], change.name, extra={"fields": fields})
        else:
            fields["reason"] = result.message
            log.log(level, "could not %s %s", change.action.value, change.name, extra={"fields": fields})
        self._report(result)


_DIED = "the server died while this was being written: change the spec to have it tried again"
_PAST = {Action.CREATE: "created", Action.UPDATE: "updated", Action.DELETE: "deleted"}
