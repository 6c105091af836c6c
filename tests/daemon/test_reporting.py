"""What the service manager hears."""

from __future__ import annotations

import asyncio
import contextlib

from reconciler.core.board import Board, ConfigView, StreamView
from reconciler.core.model import State, Sync
from reconciler.daemon.heart import Heart
from reconciler.daemon.reporting import report_forever
from reconciler.logs import Redactor
from reconciler.notify.systemd import Notifier
from tests.support.build import FakeClock


class Heard(Notifier):
    """Keeps what would be sent."""

    def __init__(self, *, watchdog: bool = True) -> None:
        super().__init__("@nobody", 10.0 if watchdog else None)
        self.messages: list[str] = []

    def _send(self, message: str) -> None:
        self.messages.append(message)

    def count(self, start: str) -> int:
        return sum(message.startswith(start) for message in self.messages)


def a_board(streams: int, message: str = "") -> Board:
    views = tuple(
        StreamView(f"cam{number}", "nvr", State.RUNNING, None, "", 0.0, Sync.IN_SYNC) for number in range(streams)
    )
    return Board(at=0.0, config=ConfigView("streams.yaml", ok=True, message=message), streams=views)


async def listen(heard: Heard, heart: Heart, board: Board, clock: FakeClock, seconds: float) -> None:
    end = clock.monotonic() + seconds

    async def sleep(pause: float) -> None:
        if clock.monotonic() >= end:
            raise asyncio.CancelledError
        clock.advance(pause)

    with contextlib.suppress(asyncio.CancelledError):
        await report_forever(heard, heart, lambda: board, redactor=Redactor(), clock=clock, sleep=sleep)


async def test_the_watchdog_is_fed_while_all_loops_live_and_not_when_one_is_stuck() -> None:
    clock = FakeClock()
    heard, heart = Heard(), Heart(clock)
    heart.beat("reconcile nvr", within=10)
    await listen(heard, heart, a_board(1), clock, 20)
    fed = heard.count("WATCHDOG=1")
    assert fed >= 10
    clock.advance(30)
    await listen(heard, heart, a_board(1), clock, 60)
    assert heard.count("WATCHDOG=1") == fed
    heart.beat("reconcile nvr", within=10)
    await listen(heard, heart, a_board(1), clock, 4)
    assert heard.count("WATCHDOG=1") > fed


async def test_the_status_line_is_sent_when_it_changes_only() -> None:
    clock = FakeClock()
    heard = Heard()
    await listen(heard, Heart(clock), a_board(2), clock, 60)
    assert [message for message in heard.messages if message.startswith("STATUS=")] == ["STATUS=2/2 in sync; 2 RUNNING"]


async def test_no_secret_is_in_the_status_line() -> None:
    clock = FakeClock()
    heard = Heard()
    await listen(heard, Heart(clock), a_board(0, "rtsp://admin:hunter2secret@h is odd"), clock, 4)
    assert "hunter2secret" not in " ".join(heard.messages)
    assert heard.count("STATUS=") == 1
