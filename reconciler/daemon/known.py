"""What is known of one server at this moment: itself, where each stream's configuration stands, how each stream fares.

The keeper's two loops tell it what they saw and did; it draws the conclusions, counts them and says what is news.

Not guaranteed: what is known is as old as the last look. While the server cannot be read, nothing of it is told as if
it were live.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from reconciler.core.model import Action, Hold, Sync
from reconciler.core.options.names import is_pattern
from reconciler.daemon.applying import Result
from reconciler.daemon.server_watch import News, ServerWatch
from reconciler.daemon.standing import UNKNOWN, Standing, standings_of, tell_drift, tell_holds
from reconciler.daemon.vitals import Vitals

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.core.change import Plan
    from reconciler.core.model import LiveConfig, Observation, ServerSpec, Stream
    from reconciler.core.seams import Clock
    from reconciler.daemon.applying import ChangeResult
    from reconciler.daemon.intake import Generation
    from reconciler.daemon.notebook import Notebook
    from reconciler.daemon.seams import Meter
    from reconciler.errors import ServerError

__all__ = ["Known"]

log = logging.getLogger(__name__)

_UNFINISHED = frozenset({Hold.BACK_OFF})
"""Holds that are our own delay; every other is somebody's decision."""


class Known:
    """All knowledge of one server. `settle`: for so many seconds a write may be on its way to being seen."""

    def __init__(
        self, spec: ServerSpec, *, notebook: Notebook, clock: Clock, draw: Callable[[], float], meter: Meter
    ) -> None:
        self.spec = spec
        self.server = ServerWatch(spec.name, clock=clock, draw=draw)
        self.vitals = Vitals(clock)
        self.generation: Generation | None = None
        self.live: LiveConfig | None = None
        self.plan: Plan | None = None
        self.last_in_sync: float | None = None
        self.settle = 0.0
        self._notebook, self._clock, self._meter = notebook, clock, meter
        self._streams: list[Stream] = []
        self._standings: dict[str, Standing] = {}
        self._placed: set[str] = set()
        """Names that must be in the runtime: the last pass found, or put, them in the configuration."""
        self._drift_told: set[str] = set()
        self._converged: int | None = None

    # --- what others ask ------------------------------------------------------------------------------------------

    def streams(self) -> list[Stream]:
        """Return the streams of this server, wanted or not."""
        return self._streams

    def standing(self, name: str) -> Standing:
        """How the configuration of one stream stands on the server, as far as that is known now."""
        return self._standings.get(name, UNKNOWN) if self.server.up else UNKNOWN

    def pending(self) -> int:
        """How many changes are planned and not made yet."""
        return sum(standing.sync is Sync.PENDING for standing in self._standings.values()) if self.server.up else 0

    def version_guess(self) -> str | None:
        """The version by which the server is judged when it does not tell one itself (before 1.15.2)."""
        return f"about {self.live.version}" if self.live else None

    # --- what the loops tell --------------------------------------------------------------------------------------

    def wants(self, generation: Generation) -> None:
        """Take in a newer desired state."""
        self.generation = generation
        self._streams = [stream for stream in generation.desired.streams.values() if stream.server == self.spec.name]
        self._placed &= {stream.name for stream in self._streams if stream.enabled}
        self.judge()

    def observed(self, observation: Observation) -> News:
        """Take in one complete read of the runtime."""
        recent = self._notebook.just_written(self.settle)
        news = self.server.observed(observation, self._placed, recent)
        if news is News.RESTARTED:
            self._meter.server_restarted(self.spec.name)
            self._lost("server was restarted")
        elif news is News.LOST_ALL:
            self._lost("server lost all our paths: it was restarted, or has reloaded its file")
        self.vitals.observe(observation)
        self.judge()
        return news

    def runtime_unreadable(self, error: ServerError) -> float:
        """Take in that the runtime could not be read. Returns the least seconds to wait before the next try."""
        least = self.server.unreadable(error)
        self.judge()
        return least

    def config_unreadable(self, error: ServerError) -> float:
        """Take in that every sync is unknown until the configuration can be worked on.

        Returns the monotonic second of the next try.
        """
        retry = self.server.config_unreadable(error)
        self._standings = {}
        self.judge()
        return retry

    def config_read(self, live: LiveConfig) -> None:
        """Take in one complete read of the configuration."""
        self.server.config_read()
        self.live = live

    def planned(self, plan: Plan) -> None:
        """Make `plan` the present one: say what is new in it, derive where each stream stands."""
        tell_holds(self.plan, plan)
        if drifted := plan.drifted - self._drift_told:
            tell_drift(plan.server, drifted)
            self._meter.drift(self.spec.name, len(drifted))
        self._drift_told = set(plan.drifted)
        self.plan = plan
        self._standings = standings_of(plan, self.streams())
        self._placed = {name for name in plan.in_sync if not is_pattern(name)}
        self.judge()

    def changed(self, result: ChangeResult) -> None:
        """Take in how one change ended."""
        change = result.change
        self._meter.change_done(self.spec.name, change.action.value, result.result.value)
        if result.result is Result.OK:
            self._standings[change.name] = Standing(Sync.IN_SYNC)
            if change.action is Action.DELETE:
                self._placed.discard(change.name)
            elif not is_pattern(change.name):
                self._placed.add(change.name)
            self._drift_told.discard(change.name)
            self.vitals.applied(change.name)
        elif result.result is Result.REJECTED:
            self._standings[change.name] = Standing(Sync.REJECTED, Hold.REJECTED, result.message)
        else:
            self._standings[change.name] = Standing(Sync.HELD, Hold.BACK_OFF, result.message)

    def finished(self, generation: Generation) -> None:
        """Take in that a plan for `generation` was carried out; held changes may be left."""
        self.judge()
        standings = self._standings.values()
        if any(standing.sync is Sync.PENDING or standing.hold in _UNFINISHED for standing in standings):
            return
        self._notebook.in_sync()
        if all(standing.sync is Sync.IN_SYNC for standing in standings):
            self.last_in_sync = self._clock.time()
        if self._converged != generation.number:
            self._converged = generation.number
            self._meter.converged(self._clock.monotonic() - generation.noticed_at)

    def judge(self) -> None:
        """Judge every stream anew."""
        version = self.live.version if self.live else None
        self.vitals.judge(self.streams(), self._standings, down=self.server.verdict(), version=version)

    # --- below ----------------------------------------------------------------------------------------------------

    def _lost(self, sentence: str) -> None:
        log.warning("%s: putting back what was lost", sentence, extra={"fields": {"server": self.spec.name}})
        self._notebook.server_lost_everything()
        self._standings = {}
        self._placed = set()
        self.vitals.server_started()
