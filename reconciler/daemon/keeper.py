"""Keeps one MediaMTX: observes it, and makes its paths equal to the desired ones whenever anything woke it.

Two loops over one server. `observe` reads the runtime every few seconds, for health and to notice a restart or lost
paths. `reconcile` reads everything, decides, and writes; it looks between two writes whether something newer came in.
Both are level-triggered: what woke them is not remembered, every pass reads and decides anew. What they see and do goes
into `known`.

Not guaranteed: two passes never run at once on one server, but other programs may write to it at any time.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.core.plan import Expectations, Given, Policy, make_plan
from reconciler.daemon.applying import Applier, ChangeResult, Ending
from reconciler.daemon.known import Known
from reconciler.daemon.schedule import wait_for_wake
from reconciler.daemon.server_watch import News
from reconciler.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.core.change import Plan
    from reconciler.core.model import LiveConfig, Observation, ServerSpec
    from reconciler.core.seams import Clock
    from reconciler.daemon.heart import Heart
    from reconciler.daemon.intake import Generation
    from reconciler.daemon.notebook import Notebook
    from reconciler.daemon.seams import Meter, ServerClient

__all__ = ["Keeper", "Pace"]


_SETTLE_BASE = 2.0
_SETTLE_PER_PATH = 0.001
_VERIFY_AFTER = 1.0
_SOONEST = 0.05
_LATE = 1.5
"""A timer that has not fired after this many intervals is not waited for any longer."""
_WHOLE_LOOK = 6
"""So many answers a pass waits for before it beats again."""


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
        self.known = Known(spec, notebook=notebook, clock=clock, draw=draw, meter=meter)
        self.last_pass: float | None = None
        self._client, self._notebook, self._clock = client, notebook, clock
        self._meter, self._heart, self._on_change = meter, heart, on_change
        self._applier = Applier(client, notebook, self._note_result)
        self._expectations = Expectations()
        self._pace = Pace()
        self._reconcile_wake = asyncio.Event()
        self._observe_wake = asyncio.Event()
        self._stop_wake = asyncio.Event()
        self._retry_config_at: float | None = None
        self._stopping = False
        self._newer = False

    # --- what others ask ------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The server's name."""
        return self.spec.name

    def want(self, generation: Generation, pace: Pace) -> None:
        """Take a newer desired state, and act on it before anything else that is planned."""
        self._pace = pace
        self.known.wants(generation)
        self._newer = True
        self._reconcile_wake.set()

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

    def owned(self) -> int:
        """How many paths of this server are ours."""
        return len(self._notebook.owned_names())

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
                least = self.known.runtime_unreadable(error)
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
        """Take in one complete read of the runtime, and wake the other loop when there is something to do."""
        news = self.known.observed(observation)
        if news is News.NONE:
            return
        self._reconcile_wake.set()
        if news in {News.RESTARTED, News.LOST_ALL}:
            # Where `started` is known, its sameness says that the process did not die, only its file was read again.
            self._applier.server_came_back(died=news is News.RESTARTED or observation.facts.started is None)
            self._newer = True

    # --- reconciling ----------------------------------------------------------------------------------------------

    async def reconcile_forever(self) -> None:
        """Make passes until stopped."""
        who = f"reconcile {self.name}"
        while not self._stopping:
            self._reconcile_wake.clear()
            self._beat()
            await self._reconcile_until_settled()
            until = self._next_pass()
            self._heart.beat(who, within=max(0.0, until - self._clock.monotonic()))
            if not self._stopping:
                await wait_for_wake(self._reconcile_wake, until, self._clock)
        self._heart.forget(who)

    def _beat(self) -> None:
        self._heart.beat(f"reconcile {self.name}", within=self.spec.timeout * _WHOLE_LOOK)

    def _next_pass(self) -> float:
        """Monotonic second of the next pass when nothing wakes us before."""
        if self._retry_config_at is not None:
            return self._retry_config_at
        now, plan = self._clock.monotonic(), self.known.plan
        moments = [now + self._pace.resync * _LATE]
        if plan is not None and self.known.server.up:
            retry = self._notebook.earliest_retry(change.name for change in plan.changes)
            moments += [moment for moment in (plan.wake_at, retry) if moment is not None]
            if plan.changes or plan.settling:
                moments.append(now + _VERIFY_AFTER)
        return max(min(moments), now + _SOONEST)

    async def _reconcile_until_settled(self) -> None:
        """Make one pass, and more while something newer interrupts it."""
        while not self._stopping:
            started = self._clock.monotonic()
            try:
                ending = await self._one_pass()
                result = "ok" if ending is Ending.DONE else ending.value
            except ServerError as error:
                self._retry_config_at = self.known.config_unreadable(error)
                ending, result = Ending.BROKEN_OFF, "error"
            self.last_pass = self._clock.time()
            self._meter.pass_done(self.name, "resync", result, self._clock.monotonic() - started)
            if ending is not Ending.INTERRUPTED:
                return

    async def _one_pass(self) -> Ending:
        """Read everything, decide, write.

        Raises:
            ServerError: the server could not be read, or our login was refused; nothing was concluded from that.
        """
        observation = await self._client.observe()
        self._note(observation)
        self._applier.server_lives()
        # From here on whatever is newer than the reads interrupts: a desired state, or a server that has lost it all.
        self._newer = False
        live = await self._client.read_config(observation.facts)
        self.known.config_read(live)
        self._retry_config_at = None
        generation = self.known.generation
        if generation is None or self._interrupted():
            return Ending.INTERRUPTED if self._newer else Ending.DONE
        plan = self._decide(generation, observation, live)
        self.known.planned(plan)
        ending = await self._applier.apply(plan, live, interrupted=self._interrupted, beat=self._beat)
        if ending is Ending.DONE:
            self.known.finished(generation)
        else:
            self.known.judge()
        return ending

    def _decide(self, generation: Generation, observation: Observation, live: LiveConfig) -> Plan:
        self.known.settle = settle = _SETTLE_BASE + _SETTLE_PER_PATH * len(live.paths)
        self._notebook.forget_settled(settle)
        plan = make_plan(
            Given(
                server=self.name,
                desired=generation.desired,
                live=live,
                runtime=observation.runtime,
                memory=self._notebook.memory(generation.desired),
                policy=Policy(prune_after=self._pace.prune_after, settle=settle),
                now=self._clock.monotonic(),
                fresh=generation.fresh,
                expectations=self._expectations,
            )
        )
        self._notebook.forget_failures(plan)
        return plan

    def _interrupted(self) -> bool:
        return self._newer or self._stopping

    def _note_result(self, result: ChangeResult) -> None:
        self.known.changed(result)
        self._on_change(result)
