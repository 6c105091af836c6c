from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from typing import TYPE_CHECKING

import pytest

from reconciler.daemon.supervise import Stage, TaskDiedError, supervise
from reconciler.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.looptime


class Diary:
    """Root tasks that write down how they ended."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    async def forever(self, name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.append(name)

    async def until(self, event: asyncio.Event, name: str, *, then: float = 0.0) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await event.wait()
            await asyncio.sleep(then)
            self.ended.append(f"{name} by itself")
            return
        self.ended.append(f"{name} cancelled")


async def fails(error: Exception, after: float = 1.0) -> None:
    await asyncio.sleep(after)
    raise error


async def returns(after: float = 1.0) -> None:
    await asyncio.sleep(after)


async def stubborn(stop: asyncio.Event) -> None:
    while not stop.is_set():
        with contextlib.suppress(asyncio.CancelledError):
            await stop.wait()


@pytest.fixture
def diary() -> Diary:
    return Diary()


@pytest.fixture(autouse=True)
async def no_task_left() -> AsyncIterator[None]:
    yield
    assert asyncio.all_tasks() == {asyncio.current_task()}


def stop_after(seconds: float) -> asyncio.Event:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    return stop


async def test_an_exception_in_one_task_ends_all_and_is_the_cause(diary: Diary) -> None:
    error = RuntimeError("boom")
    with pytest.raises(TaskDiedError, match="'watch' ended unasked") as raised:
        await supervise({"web": diary.forever("web"), "watch": fails(error)}, asyncio.Event())
    assert raised.value.name == "watch"
    assert raised.value.__cause__ is error
    assert diary.ended == ["web"]


async def test_a_task_that_merely_returns_ends_all_too(diary: Diary) -> None:
    with pytest.raises(TaskDiedError, match="it returned"):
        await supervise({"observe": returns(), "web": diary.forever("web")}, asyncio.Event())
    assert diary.ended == ["web"]


async def test_a_task_cancelled_from_elsewhere_ends_all_too(diary: Diary) -> None:
    async def cancels_itself() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(1)

    with pytest.raises(TaskDiedError, match="it was cancelled") as raised:
        await supervise({"odd": cancels_itself(), "web": diary.forever("web")}, asyncio.Event())
    assert raised.value.__cause__ is None


async def test_the_log_names_the_task_and_the_cause_in_one_error_line(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(TaskDiedError):
        await supervise({"watch": fails(ZeroDivisionError("x"))}, asyncio.Event())
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.getMessage() == "task watch ended unasked, stopping everything else"
    assert vars(record)["fields"] == {"task": "watch", "cause": "ZeroDivisionError"}
    assert record.exc_info
    assert isinstance(record.exc_info[1], ZeroDivisionError)


async def test_the_text_of_a_foreign_exception_is_not_repeated_for_it_may_hold_a_secret() -> None:
    with pytest.raises(TaskDiedError) as raised:
        await supervise({"a": fails(ValueError("rtsp://admin:hunter22@cam"))}, asyncio.Event())
    assert "hunter22" not in str(raised.value)


async def test_the_text_of_our_own_exception_is_repeated() -> None:
    with pytest.raises(TaskDiedError, match="port 9810 is taken"):
        await supervise({"web": fails(SettingsError("port 9810 is taken"))}, asyncio.Event())


async def test_of_two_that_die_at_once_the_first_is_raised_and_both_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail_at(event: asyncio.Event, error: Exception) -> None:
        await event.wait()
        raise error

    event = stop_after(1)
    with pytest.raises(TaskDiedError) as raised:
        await supervise({"b": fail_at(event, KeyError()), "a": fail_at(event, IndexError())}, asyncio.Event())
    assert raised.value.name == "b"
    assert [vars(record)["fields"]["task"] for record in caplog.records] == ["b", "a"]


async def test_stop_ends_all_quietly(diary: Diary, caplog: pytest.LogCaptureFixture) -> None:
    await supervise({"a": diary.forever("a"), "b": diary.forever("b")}, stop_after(5))
    assert diary.ended == ["a", "b"]
    assert not caplog.records


async def test_stop_set_before_the_start_runs_nothing(diary: Diary) -> None:
    stop = asyncio.Event()
    stop.set()
    await supervise({"a": diary.forever("a")}, stop)
    assert asyncio.get_running_loop().time() == 0


async def test_stages_stop_one_after_the_other_and_unnamed_tasks_last(diary: Diary) -> None:
    async def slow_to_stop(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(1)
            diary.ended.append(name)

    tasks = {"web": diary.forever("web"), "keeper": slow_to_stop("keeper"), "watch": slow_to_stop("watch")}
    await supervise(tasks, stop_after(1), stages=[Stage(["watch"]), Stage(["keeper"])])
    assert diary.ended == ["watch", "keeper", "web"]


async def test_a_stage_that_can_ask_is_given_time_to_finish_its_work(diary: Diary) -> None:
    asked = asyncio.Event()
    keeper = diary.until(asked, "keeper", then=3)
    await supervise({"keeper": keeper}, stop_after(1), stages=[Stage(["keeper"], asked.set)], grace=10)
    assert diary.ended == ["keeper by itself"]


async def test_a_stage_that_does_not_finish_in_time_is_cancelled(
    diary: Diary, caplog: pytest.LogCaptureFixture
) -> None:
    asked = asyncio.Event()
    keeper = diary.until(asked, "keeper", then=30)
    await supervise({"keeper": keeper}, stop_after(1), stages=[Stage(["keeper"], asked.set)], grace=10)
    assert diary.ended == ["keeper cancelled"]
    assert asyncio.get_running_loop().time() == 11
    assert [record.getMessage() for record in caplog.records] == ["stopping takes too long, cutting it short"]


async def test_death_of_one_task_lets_the_others_finish_their_work(diary: Diary) -> None:
    asked = asyncio.Event()
    tasks = {"keeper": diary.until(asked, "keeper", then=3), "watch": fails(OSError())}
    with pytest.raises(TaskDiedError):
        await supervise(tasks, asyncio.Event(), stages=[Stage(["keeper"], asked.set)])
    assert diary.ended == ["keeper by itself"]


async def test_a_task_that_ignores_its_cancellation_is_named_with_its_place_and_left_behind(
    diary: Diary, caplog: pytest.LogCaptureFixture
) -> None:
    release = asyncio.Event()
    await supervise({"stuck": stubborn(release), "web": diary.forever("web")}, stop_after(1), grace=4)
    release.set()
    (record,) = caplog.records
    assert record.getMessage() == "task stuck does not stop, leaving it behind"
    assert re.fullmatch(r".+/test_supervise\.py:\d+ stubborn", vars(record)["fields"]["at"])
    assert diary.ended == ["web"]
    assert asyncio.get_running_loop().time() == 5
    await asyncio.sleep(0.1)


@pytest.mark.parametrize("set_stop", [True, False])
async def test_a_failure_while_stopping_is_logged_and_does_not_spoil_the_stop(
    caplog: pytest.LogCaptureFixture,
    *,
    set_stop: bool,
) -> None:
    async def trips() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise LookupError

    if set_stop:
        await supervise({"trips": trips()}, stop_after(1))
    else:
        with pytest.raises(TaskDiedError, match="'other'"):
            await supervise({"trips": trips(), "other": returns()}, asyncio.Event())
    assert "task trips failed while stopping" in caplog.messages


async def test_a_failure_at_the_very_moment_of_the_stop_is_not_lost(caplog: pytest.LogCaptureFixture) -> None:
    stop = asyncio.Event()

    async def stops_and_fails() -> None:
        stop.set()
        raise LookupError

    await supervise({"a": stops_and_fails()}, stop)
    assert caplog.messages == ["task a failed while stopping"]


async def test_cancelling_the_supervisor_stops_all(diary: Diary) -> None:
    whole = asyncio.create_task(supervise({"a": diary.forever("a")}, asyncio.Event()))
    await asyncio.sleep(1)
    whole.cancel()
    with pytest.raises(asyncio.CancelledError):
        await whole
    assert diary.ended == ["a"]


async def test_tasks_may_end_by_themselves_once_stop_is_set(caplog: pytest.LogCaptureFixture) -> None:
    stop = stop_after(1)

    async def ends_on_stop() -> None:
        await stop.wait()

    await supervise({"a": ends_on_stop()}, stop)
    assert not caplog.records
