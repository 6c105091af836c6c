"""Keeps one MediaMTX: observes it, and makes its paths equal to the desired ones whenever anything woke it.

Two loops over one server. `observe` reads the runtime every few seconds, for health and to notice a restart or lost
paths. `reconcile` reads everything, decides, and writes; it looks between two writes whether something newer came in.
Both are level-triggered: what woke them is not remembered, every pass reads and decides anew.

Not guaranteed: two passes never run at once on one server, but other programs may write to it at any time.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.core.model import Hold, Sync
from reconciler.core.options.names import is_pattern
from reconciler.core.plan import Expectations, Given, Policy, make_plan
from reconciler.daemon.applying import Applier, ChangeResult, Ending, Result
from reconciler.daemon.schedule import wait_for_wake
from reconciler.daemon.server_watch import News, ServerWatch
from reconciler.daemon.standing import UNKNOWN, Standing, standings_of, tell_news
from reconciler.daemon.vitals import Vitals
from reconciler.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.core.change import Plan
    from reconciler.core.model import LiveConfig, Observation, ServerSpec, Stream
    from reconciler.core.seams import Clock
    from reconciler.daemon.heart import Heart
    from reconciler.daemon.intake import Generation
    from reconciler.daemon.notebook import Notebook
    from reconciler.daemon.seams import Meter, ServerClient

__all__ = ["Keeper", "Pace"]

log = logging.getLogger(__name__)

_SETTLE_BASE = 2.0
_SETTLE_PER_PATH = 0.001
_VERIFY_AFTER = 1.0
_LATE = 1.5
"""A timer that has not fired after this many intervals is not waited for any longer."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two observations, and between two full looks."""

    observe: float = 2.0
    resync: float = 30.0
    prune_after: float = 5.0


class Keeper:
    """The two loops of one server."""

    def __init__(
        self,
        spec: ServerSpec,
        *,
        client: ServerClient,
        notebook: Notebook,
        clock: Clock,
        draw: Callable[[], float],
        meter: Meter,
        heart: Heart,
        on_change: Callable[[ChangeResult], None],
    ) -> None:
        self.spec = spec
        self.server = ServerWatch(spec.name, clock=clock, draw=draw)
        self.last_pass: float | None = None
        self.last_in_sync: float | None = None
        self.vitals = Vitals(clock)
        self.standings: dict[str, Standing] = {}
        self.plan: Plan | None = None
        self.generation: Generation | None = None
        self._client, self._notebook, self._clock = client, notebook, clock
        self._meter, self._heart, self._on_change = meter, heart, on_change
        self._applier = Applier(client, notebook, self._note_result)
        self._expectations = Expectations()
        self._pace = Pace()
        self._reconcile_wake = asyncio.Event()
        self._observe_wake = asyncio.Event()
        self._stop_wake = asyncio.Event()
        self._retry_config_at: float | None = None
        self._settle = _SETTLE_BASE
        self._stopping = False
        self._newer = False
        self._converged: int | None = None
        self._live: LiveConfig | None = None

    # --- what others ask ------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The server's name."""
        return self.spec.name

    def want(self, generation: Generation, pace: Pace) -> None:
        """Take a newer desired state, and act on it before anything else that is planned."""
        self.generation, self._pace = generation, pace
        self._newer = True
        self._reconcile_wake.set()
        self._judge()

    def wake_observe(self) -> None:
        """Look at the runtime now."""
        self._observe_wake.set()

    def wake_reconcile(self) -> None:
        """Make a full pass now."""
        self._reconcile_wake.set()

    def stop(self) -> None:
        """Ask both loops to end; a write in flight is finished first."""
        self._stopping = True
        self._reconcile_wake.set()
        self._observe_wake.set()
        self._stop_wake.set()

    def streams(self) -> list[Stream]:
        """Return the streams of this server, wanted or not."""
        if self.generation is None:
            return []
        return [stream for stream in self.generation.desired.streams.values() if stream.server == self.name]

    def owned(self) -> int:
        """How many paths of this server are ours."""
        return len(self._notebook.owned_names())

    def standing(self, name: str) -> Standing:
        """How the configuration of one stream stands on the server."""
        return self.standings.get(name, UNKNOWN)

    def version_guess(self) -> str | None:
        """The version by which the server is judged when it does not tell one itself (before 1.15.2)."""
        return f"about {self._live.version}" if self._live else None

    async def close(self) -> None:
        """Let go of the server, after both loops have ended."""
        await self._client.aclose()

    # --- observing ------------------------------------------------------------------------------------------------

    async def observe_forever(self) -> None:
        """Observe until stopped."""
        who = f"observe {self.name}"
        while not self._stopping:
            self._heart.beat(who, within=self.spec.timeout * 4)
            wait, hurried = self._pace.observe, True
            started = self._clock.monotonic()
            try:
                self._note(await self._client.observe())
                result = "ok"
            except ServerError as error:
                least = self.server.unreadable(error)
                self._judge()
                wait, hurried, result = max(wait, least), least <= wait, "error"
            self._meter.pass_done(self.name, "observe", result, self._clock.monotonic() - started)
            self._heart.beat(who, within=wait * _LATE)
            # The timer's ticks must not hurry the next try of a login that was refused.
            wake = self._observe_wake if hurried else self._stop_wake
            if not self._stopping:
                await wait_for_wake(wake, self._clock.monotonic() + wait * _LATE, self._clock)
            self._observe_wake.clear()
        self._heart.forget(who)

    def _note(self, observation: Observation) -> None:
        """Take in one complete read of the runtime."""
        recent = self._notebook.just_written(self._settle)
        news = self.server.observed(observation, self._expected_on_server(), recent)
        if news is News.RESTARTED:
            self._meter.server_restarted(self.name)
            self._note_loss("server was restarted")
        elif news is News.LOST_ALL:
            self._note_loss("server lost all our paths: it was restarted, or has reloaded its file")
        if news is not News.NONE:
            self._reconcile_wake.set()
        self.vitals.observe(observation)
        self._judge()

    def _note_loss(self, sentence: str) -> None:
        log.warning("%s: putting back what was lost", sentence, extra={"fields": {"server": self.name}})
        self._quarantine_suspect()
        self._notebook.server_lost_everything()
        self.standings = {}
        self.vitals.server_started()
        self._newer = True

    def _quarantine_suspect(self) -> None:
        """Set aside the spec whose write was never answered, when the server came back as a new process after it."""
        suspect = self._applier.in_flight
        self._applier.in_flight = None
        if suspect is None or suspect.stream is None or self._live is None:
            return
        message = "the server died while this was being written: change the spec to have it tried again"
        self._notebook.quarantined(suspect.stream, message)
        log.error("%s is set aside: %s", suspect.name, message, extra={"fields": {"stream": suspect.name}})

    def _expected_on_server(self) -> set[str]:
        """Names that must be in the runtime: the last pass found, or put, them in the configuration."""
        in_sync = {name for name, standing in self.standings.items() if standing.sync is Sync.IN_SYNC}
        return {
            stream.name
            for stream in self.streams()
            if stream.enabled and stream.name in in_sync and not is_pattern(stream.name)
        }

    def _judge(self) -> None:
        version = self._live.version if self._live else None
        self.vitals.judge(self.streams(), self.standings, down=self.server.verdict(), version=version)

    # --- reconciling ----------------------------------------------------------------------------------------------

    async def reconcile_forever(self) -> None:
        """Make passes until stopped."""
        who = f"reconcile {self.name}"
        while not self._stopping:
            self._reconcile_wake.clear()
            self._heart.beat(who, within=self.spec.timeout * 6)
            await self._reconcile_until_settled()
            until = self._next_pass()
            self._heart.beat(who, within=max(0.0, until - self._clock.monotonic()))
            if not self._stopping:
                await wait_for_wake(self._reconcile_wake, until, self._clock)
        self._heart.forget(who)

    def _next_pass(self) -> float:
        """Monotonic second of the next pass when nothing wakes us before."""
        now = self._clock.monotonic()
        if self._retry_config_at is not None:
            return self._retry_config_at
        moments = [now + self._pace.resync * _LATE]
        if self.plan is not None and self.server.up:
            moments += [moment for moment in (self.plan.wake_at, self._notebook.earliest_retry()) if moment is not None]
            if self.plan.changes or self.plan.settling:
                moments.append(now + _VERIFY_AFTER)
        return max(min(moments), now + 0.05)

    async def _reconcile_until_settled(self) -> None:
        """Make one pass, and more while something newer interrupts it."""
        while not self._stopping:
            self._newer = False
            started = self._clock.monotonic()
            try:
                ending = await self.one_pass()
                result = "ok" if ending is Ending.DONE else ending.value
            except ServerError as error:
                self._note_config_unreadable(error)
                ending, result = Ending.BROKEN_OFF, "error"
            self.last_pass = self._clock.time()
            self._meter.pass_done(self.name, "resync", result, self._clock.monotonic() - started)
            if ending is not Ending.INTERRUPTED:
                return

    def _note_config_unreadable(self, error: ServerError) -> None:
        """Take in that nothing is known of the configuration: every sync is unknown until it is read again."""
        self._retry_config_at = self.server.config_unreadable(error)
        self.standings = {}
        self._judge()

    async def one_pass(self, policy: Policy | None = None, *, apply: bool = True) -> Ending:
        """Read everything, decide, write.

        Raises:
            ServerError: the server could not be read, or our login was refused; nothing was concluded from that.
        """
        generation = self.generation
        observation = await self._client.observe()
        self._note(observation)
        live = self._live = await self._client.read_config(observation.facts)
        self.server.config_read()
        self._retry_config_at = None
        if generation is None:
            return Ending.DONE
        self._newer = False
        self._settle = settle = _SETTLE_BASE + _SETTLE_PER_PATH * len(live.paths)
        self._notebook.forget_settled(settle)
        plan = make_plan(
            Given(
                server=self.name,
                desired=generation.desired,
                live=live,
                runtime=observation.runtime,
                memory=self._notebook.memory(generation.desired),
                policy=policy or Policy(prune_after=self._pace.prune_after, settle=settle),
                now=self._clock.monotonic(),
                fresh=generation.fresh,
                expectations=self._expectations,
            )
        )
        self._take(plan)
        if not apply:
            return Ending.DONE
        ending = await self._applier.apply(
            plan,
            live,
            interrupted=lambda: self._newer or self._stopping,
            beat=lambda: self._heart.beat(f"reconcile {self.name}", within=self.spec.timeout * 6),
        )
        self._judge()
        if ending is Ending.DONE:
            self._note_converged(generation)
        return ending

    def _take(self, plan: Plan) -> None:
        """Make `plan` the present one: say what is new in it, derive where each stream stands."""
        tell_news(self.plan, plan)
        if plan.drifted:
            self._meter.drift(self.name, len(plan.drifted))
        self.plan = plan
        self.standings = standings_of(plan, self.streams())
        self._judge()

    def _note_result(self, result: ChangeResult) -> None:
        change = result.change
        self._meter.change_done(self.name, change.action.value, result.result.value)
        if result.result is Result.OK:
            self.standings[change.name] = Standing(Sync.IN_SYNC)
            self.vitals.applied(change.name)
        elif result.result is Result.REJECTED:
            self.standings[change.name] = Standing(Sync.REJECTED, Hold.REJECTED, result.message)
        else:
            self.standings[change.name] = Standing(Sync.HELD, Hold.BACK_OFF, result.message)
        self._on_change(result)

    def _note_converged(self, generation: Generation) -> None:
        """Everything that may be done is done; held changes are somebody's decision, not our delay."""
        if any(standing.sync is Sync.PENDING for standing in self.standings.values()):
            return
        if not any(standing.sync is not Sync.IN_SYNC for standing in self.standings.values()):
            self.last_in_sync = self._clock.time()
        self._notebook.in_sync()
        if self._converged != generation.number:
            self._converged = generation.number
            self._meter.converged(self._clock.monotonic() - generation.noticed_at)
