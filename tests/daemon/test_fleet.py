"""Several servers at once, coming and going with the file."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from reconciler.core.model import ServerSpec, Settings
from reconciler.daemon.fleet import Fleet
from reconciler.daemon.heart import Heart
from reconciler.daemon.intake import Generation
from reconciler.daemon.keeper import Keeper
from reconciler.daemon.notebook import Notebook
from reconciler.logs import Redactor
from reconciler.mediamtx.client import Client
from reconciler.mediamtx.simulator import FaultKind, Simulator, SimulatorTransport
from reconciler.store import Store
from tests.support.build import a_desired, a_stream
from tests.support.world import LoopClock, Meter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from reconciler.core.model import Stream

pytestmark = pytest.mark.looptime


class Site:
    """Two simulated servers, north and south, and a fleet over those that are in the file."""

    def __init__(self, directory: Path) -> None:
        self.clock = LoopClock()
        self.simulators = {name: Simulator(clock=self.clock) for name in ("north", "south")}
        self.transports = {name: SimulatorTransport(one, latency=0.001) for name, one in self.simulators.items()}
        self.store = Store.open(directory)
        self.timers_set = 0
        self.fleet = Fleet(self._make_keeper, self._set_timers)
        self.task = asyncio.create_task(self.fleet.run())
        self._number = 0

    def _make_keeper(self, spec: ServerSpec) -> Keeper:
        return Keeper(
            spec,
            client=Client(spec, clock=self.clock, redactor=Redactor(), transport=self.transports[spec.name]),
            notebook=Notebook(spec.name, store=self.store, clock=self.clock, draw=lambda: 0.5),
            clock=self.clock,
            draw=lambda: 0.5,
            meter=Meter(),
            heart=Heart(self.clock),
            on_change=lambda _: None,
        )

    def _set_timers(self, fleet: Fleet) -> None:
        assert fleet is self.fleet
        self.timers_set += 1

    def take(self, *streams: Stream, servers: tuple[str, ...] = ("north", "south"), observe: float = 2.0) -> None:
        self._number += 1
        desired = replace(a_desired(*streams, servers=servers), settings=Settings(observe=observe))
        self.take_desired(desired)

    def take_desired(self, desired: object) -> None:
        self.fleet.take(Generation(self._number, desired, 0.0, 0.0, frozenset()))  # type: ignore[arg-type]

    def on(self, server: str) -> set[str]:
        return set(self.simulators[server].configured())


@contextlib.asynccontextmanager
async def a_site(directory: Path) -> AsyncIterator[Site]:
    site = Site(directory)
    try:
        yield site
    finally:
        site.task.cancel()
        await asyncio.gather(site.task, return_exceptions=True)
        site.store.close()


def on(server: str, *names: str) -> list[Stream]:
    return [a_stream(name, server=server) for name in names]


async def test_each_server_gets_its_own_streams(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        site.take(*on("north", "a", "b"), *on("south", "c"))
        await asyncio.sleep(5)
        assert (site.on("north"), site.on("south")) == ({"a", "b"}, {"c"})
        assert [keeper.name for keeper in site.fleet.keepers] == ["north", "south"]


async def test_one_that_hangs_holds_no_other_up(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        site.transports["north"].fail(FaultKind.HANG, times=1000)
        site.take(*on("north", "a"), *on("south", "c"))
        await asyncio.sleep(5)
        assert (site.on("north"), site.on("south")) == (set(), {"c"})


async def test_one_that_leaves_the_file_is_let_go_and_left_as_it_is(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        site.take(*on("north", "a"), *on("south", "c"))
        await asyncio.sleep(5)
        site.take(*on("north", "a"), servers=("north",))
        await asyncio.sleep(60)
        assert site.on("south") == {"c"}
        site.simulators["south"].restart()
        await asyncio.sleep(60)
        assert site.on("south") == set()
        assert [keeper.name for keeper in site.fleet.keepers] == ["north"]


async def test_one_that_comes_back_is_known_as_ours(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        site.take(*on("north", "a"), *on("south", "c", "d"))
        await asyncio.sleep(5)
        site.take(*on("north", "a"), servers=("north",))
        await asyncio.sleep(5)
        site.take(*on("north", "a"), *on("south", "d"))
        await asyncio.sleep(20)
        assert site.on("south") == {"d"}


async def test_one_whose_settings_are_edited_is_never_written_to_by_two(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        running, most = 0, 0
        transport = site.transports["north"]
        transport.write_cost = 1.0  # a write takes longer than all reads before the next
        answer = transport.answer

        async def watched(method: str, target: str, headers: dict[str, str], body: bytes) -> object:
            nonlocal running, most
            running += method != "GET"
            most = max(most, running)
            try:
                return await answer(method, target, headers, body)
            finally:
                running -= method != "GET"

        transport.answer = watched  # type: ignore[method-assign,assignment] # a spy
        streams = on("north", "a", "b", "c", "d", "e")
        desired = a_desired(*streams, servers=("north",))
        for number in range(10):
            spec = replace(desired.servers["north"], username=f"user{number}", password="secret")
            site.take_desired(replace(desired, servers={"north": spec}))
            await asyncio.sleep(1.0 + number / 9)
        await asyncio.sleep(60)
        assert site.on("north") == {"a", "b", "c", "d", "e"}
        assert most == 1


async def test_timers_are_set_anew_when_servers_or_pace_change_and_not_else(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        site.take(*on("north", "a"))
        assert site.timers_set == 1
        site.take(*on("north", "a", "b"))
        assert site.timers_set == 1
        site.take(*on("north", "a", "b"), observe=5.0)
        assert (site.timers_set, site.fleet.pace.observe) == (2, 5.0)
        site.take(*on("north", "a", "b"), servers=("north",), observe=5.0)
        assert site.timers_set == 3
        await asyncio.sleep(1)


async def test_a_loop_that_dies_takes_the_fleet_down_with_its_error(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        site.take(*on("north", "a"))
        await asyncio.sleep(5)
        site.store.close()
        site.take(*on("north", "a", "b"))
        with pytest.raises(Exception, match=r"state\.db"):
            await asyncio.wait_for(site.task, 10)


async def test_stopped_it_leaves_all_servers_as_they_are(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        site.take(*on("north", *(f"cam{number:02}" for number in range(50))), *on("south", "c"))
        site.transports["north"].latency = 0.2
        await asyncio.sleep(5)
        site.task.cancel()
        await asyncio.gather(site.task, return_exceptions=True)
        done = site.on("north")
        assert 0 < len(done) < 50
        assert site.store.inventory("north").keys() >= done
        await asyncio.sleep(60)
        assert (site.on("north"), site.on("south")) == (done, {"c"})
