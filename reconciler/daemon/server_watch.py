"""What is known of a server itself: does it answer, since when, was it restarted, has it lost our paths.

Runtime and configuration are told apart: a wedged MediaMTX answers `paths/list` while its configuration calls hang
(mediamtx-api 4.5); its cameras are then judged as usual and only their sync is unknown.

Not guaranteed: before 1.15.2 a restart shows only by the loss of all our paths; a reload of its file always does.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from reconciler.core.backoff import Failure, failed
from reconciler.core.health import Verdict
from reconciler.core.model import Reason, State
from reconciler.errors import CredentialsError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from reconciler.core.model import Observation, ServerFacts
    from reconciler.core.seams import Clock
    from reconciler.errors import ServerError

__all__ = ["News", "ServerWatch"]

log = logging.getLogger(__name__)

_LOGIN_RETRY = 30.0


class News(Enum):
    """What one observation says of the server that the one before did not."""

    NONE = auto()
    CAME_UP = auto()
    RESTARTED = auto()
    LOST_ALL = auto()
    LOST_SOME = auto()


@dataclass(slots=True)
class _Trouble:
    """One kind of trouble, as long as it lasts. Equal errors are logged once and counted."""

    failure: Failure | None = None
    reason: Reason | None = None


class ServerWatch:
    """The state of one server over time; times shown are seconds since the epoch."""

    def __init__(self, name: str, *, clock: Clock, draw: Callable[[], float]) -> None:
        self._name, self._clock, self._draw = name, clock, draw
        self._runtime = _Trouble(reason=Reason.NOT_KNOWN)
        self._config = _Trouble()
        self.up = False
        self.since: float | None = None
        self.facts: ServerFacts | None = None
        self.restarts = 0

    def observed(self, observation: Observation, expected: Collection[str], recent: Collection[str] = ()) -> News:
        """Take in a complete read of the runtime; `expected` are names that must be in it, unless they are `recent`."""
        before, self.facts = self.facts, observation.facts
        came_up, self.up = not self.up, True
        self._runtime = _Trouble()
        if came_up:
            self.since = self._clock.time()
            version = observation.facts.version
            fields = {"server": self._name, "version": version or "before 1.15.2"}
            log.info("server %s answers", self._name, extra={"fields": fields})
        if before is not None and before.started != observation.facts.started:
            self.restarts += 1
            return News.RESTARTED
        missing = set(expected) - observation.runtime.keys()
        if missing - set(recent):
            return News.LOST_ALL if len(missing) == len(expected) else News.LOST_SOME
        return News.CAME_UP if came_up else News.NONE

    def unreadable(self, error: ServerError) -> float:
        """Take in that the runtime could not be read. Returns the least seconds to wait before the next try."""
        reason = Reason.SERVER_AUTH_FAILED if isinstance(error, CredentialsError) else Reason.SERVER_UNREACHABLE
        if self.up or self.since is None:
            self.since = self._clock.time()
        self.up = False
        self._note(self._runtime, reason, error, "cannot read server %s")
        return _LOGIN_RETRY if isinstance(error, CredentialsError) else 0.0

    def config_unreadable(self, error: ServerError) -> float:
        """Take in that configuration calls failed. Returns the monotonic second of the next try."""
        reason = Reason.SERVER_AUTH_FAILED if isinstance(error, CredentialsError) else Reason.SERVER_UNREACHABLE
        failure = self._note(self._config, reason, error, "cannot work on the configuration of server %s")
        least = self._clock.monotonic() + (_LOGIN_RETRY if isinstance(error, CredentialsError) else 0.0)
        return max(failure.not_before, least)

    def config_read(self) -> None:
        """Take in that configuration calls work."""
        self._config = _Trouble()

    @property
    def trouble(self) -> tuple[Reason | None, str]:
        """Why, and in words, the server cannot be worked with now; (None, "") when it can."""
        for trouble in (self._runtime, self._config):
            if trouble.failure is not None:
                return trouble.reason, trouble.failure.message
        if not self.up:
            return Reason.NOT_KNOWN, "not looked at yet"
        return None, ""

    def verdict(self) -> Verdict | None:
        """Return the verdict on every wanted stream while nothing of the server is known, else None."""
        if self.up:
            return None
        reason, message = self.trouble
        return Verdict(State.UNKNOWN, reason, message)

    def _note(self, trouble: _Trouble, reason: Reason, error: ServerError, sentence: str) -> Failure:
        before = trouble.failure
        failure = failed(before, error.message, now=self._clock.monotonic(), draw=self._draw)
        if before is None or before.message != error.message:
            log.error(sentence, self._name, extra={"fields": {"server": self._name, "why": error.message}})
        trouble.failure, trouble.reason = failure, reason
        return failure
