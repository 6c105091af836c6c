from __future__ import annotations

import asyncio
import itertools
import logging
import time
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

import pytest
from apscheduler.schedulers import base
from apscheduler.triggers import interval

from reconciler.daemon.schedule import Wakers, wait_for_wake

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

START = datetime.fromisoformat("2026-03-01T12:00:00+00:00")
RESYNC = 30.0
LATE = 1.5


class LoopClock:
    """The loop's virtual time on both clocks."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def time(self) -> float:
        return START.timestamp() + self.monotonic()


class WallClock:
    """The wall clock APScheduler reads: goes with the loop's virtual time, and can be set."""

    def __init__(self) -> None:
        self.offset = timedelta(0)

    def now(self, zone: tzinfo | None = None) -> datetime:
        return (START + timedelta(seconds=asyncio.get_running_loop().time()) + self.offset).astimezone(zone)


@pytest.fixture
def wall_clock(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    wall_clock = WallClock()

    class SettableDatetime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return wall_clock.now(tz)

    monkeypatch.setattr(base, "datetime", SettableDatetime)
    monkeypatch.setattr(interval, "datetime", SettableDatetime)
    return wall_clock


@pytest.fixture
async def wakers() -> AsyncIterator[Wakers]:
    wakers = Wakers()
    yield wakers
    wakers.stop()
    await asyncio.sleep(0.01)


class SilentScheduler:
    """Takes every job and never calls one."""

    def __init__(self) -> None:
        self.jobs: list[dict[str, Any]] = []

    def add_job(self, func: Callable[[], None], trigger: object, **options: Any) -> object:
        self.jobs.append({"func": func, "trigger": trigger, **options})
        return None

    def remove_all_jobs(self) -> None:
        self.jobs.clear()

    def start(self) -> None: ...

    def shutdown(self, *, wait: bool) -> None: ...


async def passes_within(seconds: float, wake: asyncio.Event) -> list[float]:
    """Run a loop as the daemon's loops are until `seconds` have gone by; return when it made its passes."""
    clock, passes = LoopClock(), list[float]()
    end = clock.monotonic() + seconds
    while clock.monotonic() < end:
        passes.append(clock.monotonic())
        await wait_for_wake(wake, clock.monotonic() + RESYNC * LATE, clock)
        wake.clear()
    return passes


class TestWakers:
    async def test_calls_come_again_and_again_in_the_loop_itself(self, wakers: Wakers) -> None:
        calls, enough = list[asyncio.AbstractEventLoop](), asyncio.Event()

        def tick() -> None:
            calls.append(asyncio.get_running_loop())
            if len(calls) == 3:
                enough.set()

        wakers.add("tick", 0.01, 0, tick)
        wakers.start()
        async with asyncio.timeout(20):
            await enough.wait()
        assert set(calls) == {asyncio.get_running_loop()}

    @pytest.mark.looptime
    @pytest.mark.usefixtures("wall_clock")
    async def test_the_first_call_comes_after_one_interval(self, wakers: Wakers) -> None:
        ticks: list[float] = []
        wakers.add("resync", RESYNC, 0, lambda: ticks.append(asyncio.get_running_loop().time()))
        wakers.start()
        await asyncio.sleep(100)
        assert ticks == pytest.approx([30, 60, 90], abs=0.01)

    @pytest.mark.looptime
    @pytest.mark.usefixtures("wall_clock")
    async def test_jitter_spreads_calls_over_the_time_after_the_interval(self, wakers: Wakers) -> None:
        ticks: list[float] = []
        wakers.add("resync", RESYNC, 3, lambda: ticks.append(asyncio.get_running_loop().time()))
        wakers.start()
        await asyncio.sleep(1000)
        assert len({round(tick % RESYNC, 3) for tick in ticks}) > 10
        assert len(ticks) in range(28, 34)

    @pytest.mark.looptime
    @pytest.mark.usefixtures("wall_clock")
    async def test_a_name_added_again_replaces_the_earlier_call(self, wakers: Wakers) -> None:
        calls: list[str] = []
        wakers.add("resync", 10, 0, lambda: calls.append("old"))
        wakers.start()
        await asyncio.sleep(15)
        wakers.add("resync", 20, 0, lambda: calls.append("new"))
        await asyncio.sleep(45)
        assert calls == ["old", "new", "new"]

    @pytest.mark.looptime
    @pytest.mark.usefixtures("wall_clock")
    async def test_a_call_that_raises_is_logged_and_comes_again(
        self, wakers: Wakers, caplog: pytest.LogCaptureFixture
    ) -> None:
        calls: list[int] = []

        def tick() -> None:
            calls.append(1)
            raise RuntimeError

        wakers.add("resync", 10, 0, tick)
        wakers.start()
        await asyncio.sleep(35)
        assert len(calls) == 3
        assert {record.levelno for record in caplog.records} == {logging.ERROR}

    async def test_ticks_missed_while_the_loop_was_blocked_come_late_as_one(self, wakers: Wakers) -> None:
        ticks, ticked = list[float](), asyncio.Event()

        def tick() -> None:
            ticks.append(1)
            ticked.set()

        wakers.add("tick", 0.1, 0, tick)
        wakers.start()
        time.sleep(0.55)  # noqa: ASYNC251 - a blocked loop is what this is about
        async with asyncio.timeout(20):
            await ticked.wait()
        assert len(ticks) == 1

    @pytest.mark.looptime
    @pytest.mark.usefixtures("wall_clock")
    async def test_nothing_is_called_after_stop(self) -> None:
        calls: list[int] = []
        wakers = Wakers()
        wakers.add("resync", 10, 0, lambda: calls.append(1))
        wakers.start()
        await asyncio.sleep(15)
        wakers.stop()
        await asyncio.sleep(100)
        assert calls == [1]

    async def test_stop_without_start_and_twice_is_harmless(self) -> None:
        wakers = Wakers()
        wakers.stop()
        wakers.start()
        wakers.stop()
        wakers.stop()
        await asyncio.sleep(0)

    def test_jobs_merge_missed_runs_and_are_never_given_up_as_too_late(self) -> None:
        scheduler = SilentScheduler()
        Wakers(scheduler).add("resync", RESYNC, 3, lambda: None)
        (job,) = scheduler.jobs
        assert (job["coalesce"], job["max_instances"], job["misfire_grace_time"]) == (True, 1, None)
        assert str(job["trigger"].timezone) == "UTC"


@pytest.mark.looptime
class TestWaiting:
    async def test_ends_at_once_when_the_event_is_set_already(self) -> None:
        event = asyncio.Event()
        event.set()
        assert await wait_for_wake(event, 100, LoopClock())
        assert asyncio.get_running_loop().time() == 0

    async def test_ends_when_the_event_is_set(self) -> None:
        event = asyncio.Event()
        asyncio.get_running_loop().call_later(7, event.set)
        assert await wait_for_wake(event, 100, LoopClock())
        assert asyncio.get_running_loop().time() == 7

    async def test_ends_at_the_deadline_when_nobody_sets_it(self) -> None:
        assert not await wait_for_wake(asyncio.Event(), 45, LoopClock())
        assert asyncio.get_running_loop().time() == 45

    async def test_a_deadline_gone_by_still_lets_others_have_a_turn(self) -> None:
        turns: list[int] = []
        asyncio.get_running_loop().call_soon(turns.append, 1)
        assert not await wait_for_wake(asyncio.Event(), -1, LoopClock())
        assert turns == [1]

    async def test_the_event_stays_set_for_its_owner_to_clear(self) -> None:
        event = asyncio.Event()
        event.set()
        await wait_for_wake(event, 1, LoopClock())
        assert event.is_set()

    async def test_cancelling_it_is_not_taken_for_the_deadline(self) -> None:
        waiting = asyncio.create_task(wait_for_wake(asyncio.Event(), 100, LoopClock()))
        await asyncio.sleep(1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting


@pytest.mark.looptime
class TestPassesGoOn:
    async def test_at_one_and_a_half_intervals_when_the_scheduler_never_fires(self) -> None:
        wake = asyncio.Event()
        wakers = Wakers(SilentScheduler())
        wakers.add("resync", RESYNC, 0, wake.set)
        wakers.start()
        assert await passes_within(200, wake) == [0, 45, 90, 135, 180]

    @pytest.mark.usefixtures("wall_clock")
    async def test_at_each_interval_while_the_scheduler_works(self, wakers: Wakers) -> None:
        wake = asyncio.Event()
        wakers.add("resync", RESYNC, 0, wake.set)
        wakers.start()
        assert await passes_within(100, wake) == pytest.approx([0, 30, 60, 90], abs=0.1)

    async def test_through_a_wall_clock_set_back_by_an_hour(self, wall_clock: WallClock, wakers: Wakers) -> None:
        wake = asyncio.Event()
        wakers.add("resync", RESYNC, 0, wake.set)
        wakers.start()
        await passes_within(100, wake)
        wall_clock.offset = timedelta(hours=-1)
        passes = await passes_within(900, wake)
        gaps = [later - earlier for earlier, later in itertools.pairwise(passes)]
        assert max(gaps) <= RESYNC * LATE + 0.01
        assert gaps[-1] == pytest.approx(RESYNC * LATE), "the scheduler has been silent, as it is known to be"

    async def test_through_a_wall_clock_set_forward_by_an_hour(self, wall_clock: WallClock, wakers: Wakers) -> None:
        wake = asyncio.Event()
        wakers.add("resync", RESYNC, 0, wake.set)
        wakers.start()
        await passes_within(100, wake)
        wall_clock.offset = timedelta(hours=1)
        passes = await passes_within(300, wake)
        gaps = [later - earlier for earlier, later in itertools.pairwise(passes)]
        assert max(gaps) <= RESYNC * LATE + 0.01
        assert len(passes) < 15
