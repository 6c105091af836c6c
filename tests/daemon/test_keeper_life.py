"""Whatever befalls a server and its daemon: when the trouble ends, all is as the file says, and stays so.

A state machine of hypothesis: saves, foreign hands, restarts, faults, killed daemons, in any order, in virtual time.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import looptime
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from reconciler.core.options.effective import effective
from reconciler.core.options.table import is_hot
from reconciler.core.options.version import NEWEST, Version
from reconciler.daemon.keeper import Pace
from reconciler.mediamtx.simulator import FaultKind, Simulator
from tests.support.build import a_stream
from tests.support.world import FOREIGN, SILENT, LoopClock, World

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from reconciler.core.model import Json, Options

NAMES = ["a", "b", "c", "d", "e"]
VERSIONS = [Version(1, 9, 3), Version(1, 12, 0), Version(1, 17, 1), Version(1, 20, 0), NEWEST]

names = st.sampled_from(NAMES)
versions = st.sampled_from(VERSIONS)
LIVE_FORMS = st.fixed_dictionaries(
    {}, optional={"maxReaders": st.integers(1, 2), "record": st.booleans(), "recordDeleteAfter": st.just("168h")}
)
WRITES = ["/config/paths/replace", "/config/paths/delete"]
READS = ["/v3/info", "/v3/paths/list", "/config/paths/list", "/config/pathdefaults"]
LISTS_ONLY = {FaultKind.CUT_SHORT}
PACE = Pace(observe=2, resync=8, prune_after=3)
BOUND = 100.0
"""Seconds within which all is well again after the last trouble: a login that was refused is tried after 30 to 60."""


def cold(form: Options, version: Version) -> dict[str, Json]:
    """The part of a form whose change cuts viewers."""
    return {option: value for option, value in form.items() if not is_hot(version, option)}


class Life(RuleBasedStateMachine):
    """A server and a daemon, and all that may befall them."""

    @initialize(version=versions, late=st.sampled_from([0.0, 0.0, 0.5]))
    def begin(self, version: Version, late: float) -> None:
        self.loop = looptime.new_event_loop()
        self.directory = Path(tempfile.mkdtemp())
        self.saved: dict[str, tuple[Options, bool]] = {}
        self.set_aside: set[str] = set()
        self.last_form: dict[str, Options] = {}
        self.may_restart: Counter[str] = Counter()
        self.world: World | None = None

        async def start() -> None:
            clock = LoopClock()
            self.simulator = Simulator(clock=clock, version=version, boot=FOREIGN, late=late)
            self.start_daemon()

        self.do(start())
        self.theirs = self.foreign()

    def do(self, step: Coroutine[Any, Any, None]) -> None:
        self.loop.run_until_complete(step)

    def start_daemon(self) -> None:
        self.world = World(self.directory, self.simulator, PACE)
        self.world.transport.latency = 0.001
        self.tell()
        self.world.start()

    def tell(self) -> None:
        assert self.world is not None
        wanted = (a_stream(name, form, enabled=enabled) for name, (form, enabled) in self.saved.items())
        self.world.want(*wanted, set_aside=self.set_aside)

    def foreign(self) -> dict[str, Mapping[str, Json]]:
        return {name: form for name, form in self.simulator.configured().items() if name not in NAMES}

    def run_for(self, seconds: float) -> None:
        assert self.world is not None
        self.do(self.world.run(seconds))

    # --- what may happen ------------------------------------------------------------------------------------------

    @rule(name=names, form=LIVE_FORMS, enabled=st.sampled_from([True, True, True, False]))
    def save(self, name: str, form: Mapping[str, Json], enabled: bool) -> None:  # noqa: FBT001 - drawn
        full = {"source": f"{SILENT}/{name}", **form}
        if name in self.last_form and self._cuts(full, self.last_form[name]):
            self.may_restart[name] += 1
        self.saved[name], self.last_form[name] = (full, enabled), full
        self.set_aside.discard(name)
        self.do(self._now(self.tell))

    @rule(name=names)
    def take_out(self, name: str) -> None:
        self.saved.pop(name, None)
        self.set_aside.discard(name)
        self.do(self._now(self.tell))

    @rule(name=names)
    def break_entry(self, name: str) -> None:
        self.saved.pop(name, None)
        self.set_aside.add(name)
        self.do(self._now(self.tell))

    @rule(seconds=st.sampled_from([0.001, 0.003, 0.01, 0.2, 1.0, 4.0, 20.0]))
    def time_passes(self, seconds: float) -> None:
        self.run_for(seconds)

    @rule(name=names, readers=st.integers(1, 9))
    def somebody_edits_ours(self, name: str, readers: int) -> None:
        def edit() -> None:
            if name in self.simulator.configured():
                self.may_restart[name] += 2
                self.simulator.edit(name, {"source": f"{SILENT}/{name}", "maxReaders": readers})

        self.do(self._now(edit))

    @rule(name=names)
    def somebody_deletes_ours(self, name: str) -> None:
        if name in self.simulator.configured():
            self.do(self._now(lambda: self.simulator.remove(name)))

    @rule(readers=st.integers(0, 9))
    def somebody_edits_theirs(self, readers: int) -> None:
        self.do(self._now(lambda: self.simulator.edit("theirs-too", {"source": "publisher", "maxReaders": readers})))
        self.theirs = self.foreign()

    @rule(down=st.sampled_from([0.0, 0.05, 5.0, 40.0]))
    def server_restarts(self, down: float) -> None:
        if down:
            self.do(self._now(self.simulator.stop))
            self.run_for(down)
        self.do(self._now(self.simulator.restart))
        self.theirs = self.foreign()

    @rule()
    def server_reloads(self) -> None:
        self.do(self._now(self.simulator.reload))
        self.theirs = self.foreign()

    @rule(kind=st.sampled_from(list(FaultKind)), reads=st.booleans(), data=st.data(), times=st.integers(1, 3))
    def fault(self, kind: FaultKind, reads: bool, data: st.DataObject, times: int) -> None:  # noqa: FBT001 - drawn
        assert self.world is not None
        where = data.draw(st.sampled_from(READS if reads else WRITES))
        if kind in LISTS_ONLY and not where.endswith("list"):
            return
        self.world.transport.fail(kind, where, times)

    @rule(name=names, edited=st.booleans())
    def daemon_is_killed(self, name: str, edited: bool) -> None:  # noqa: FBT001 - drawn
        assert self.world is not None
        self.do(self.world.kill())
        if edited:
            self.saved.pop(name, None)
        self.do(self._now(self.start_daemon))

    @rule(number=st.integers(2, 5), seconds=st.sampled_from([0.002, 0.004, 0.006, 0.008, 0.01]), stop=st.booleans())
    def daemon_is_killed_in_the_middle_of_a_pass(self, number: int, seconds: float, stop: bool) -> None:  # noqa: FBT001
        assert self.world is not None
        for name in NAMES[:number]:
            self.save(name, {"record": name not in self.saved or not self.saved[name][0].get("record")}, enabled=True)
        self.run_for(seconds)
        self.do(self.world.stop() if stop else self.world.kill())
        for name in NAMES[: number - 1]:
            self.saved.pop(name)
        self.do(self._now(self.start_daemon))

    @rule()
    def daemon_is_stopped_for_a_while(self) -> None:
        assert self.world is not None
        self.do(self.world.stop())
        self.do(asyncio.sleep(5))  # what daemons that were killed had asked for may still be under way
        before = self.simulator.configured()
        self.do(asyncio.sleep(30))
        assert self.simulator.configured() == before
        self.do(self._now(self.start_daemon))

    def _cuts(self, form: Options, other: Options) -> bool:
        return cold(form, self.simulator.version) != cold(other, self.simulator.version)

    async def _now(self, act: Callable[[], object]) -> None:
        act()

    # --- what must hold -------------------------------------------------------------------------------------------

    @invariant()
    def what_is_theirs_is_as_they_left_it(self) -> None:
        if getattr(self, "world", None) is not None:
            assert self.foreign() == self.theirs

    @invariant()
    def viewers_are_cut_only_by_declared_changes(self) -> None:
        if getattr(self, "world", None) is not None:
            for name in NAMES:
                assert self.simulator.restarts[name] <= self.may_restart[name], name

    @rule()
    def in_the_end_all_is_well(self) -> None:
        world = self.world
        assert world is not None
        world.transport.faults.clear()
        self.run_for(BOUND)
        suspected = [name for name in self.saved if world.sync(name) == "rejected"]
        if suspected:  # the server died while these were written, for all that is known: an edit frees them
            for name in suspected:
                form, enabled = self.saved[name]
                self.save(name, {**form, "recordDeleteAfter": "99h"}, enabled)
            self.run_for(BOUND)
        ours = {name: form for name, form in self.simulator.configured().items() if name in NAMES}
        wanted = {name: form for name, (form, enabled) in self.saved.items() if enabled}
        defaults = {key: value for key, value in self.simulator.config.view.defaults.options.items() if key != "name"}
        for name, form in wanted.items():
            shown = {key: value for key, value in ours[name].items() if key != "name"}
            assert shown == effective(form, defaults, self.simulator.version), name
            assert world.sync(name) == "in_sync"
        if wanted:
            assert set(ours) - set(wanted) <= self.set_aside
        tried = sum(world.tried.values())
        self.run_for(60)
        assert sum(world.tried.values()) == tried

    def teardown(self) -> None:
        if getattr(self, "world", None) is None:
            return
        try:
            self.in_the_end_all_is_well()
        finally:
            assert self.world is not None
            with contextlib.suppress(Exception):
                self.do(self.world.kill())
            self.loop.close()
            shutil.rmtree(self.directory)


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=30,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
