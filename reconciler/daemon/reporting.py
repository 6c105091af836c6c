"""Tells the service manager, again and again, that we live and how we are.

The watchdog is fed only while every loop keeps its promises, so a stuck daemon is started anew.

Not guaranteed: the status line is up to ten seconds old when there are many streams; drawing it costs too much to do
more often.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from reconciler.daemon.status_line import status_line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from reconciler.core.board import Board
    from reconciler.core.seams import Clock
    from reconciler.daemon.heart import Heart
    from reconciler.logs import Redactor
    from reconciler.notify.systemd import Notifier

__all__ = ["report_forever"]

log = logging.getLogger(__name__)

_STATUS_EVERY = 2.0
_STATUS_OF_MANY_EVERY = 10.0
_MANY = 1000


async def report_forever(
    notifier: Notifier,
    heart: Heart,
    board: Callable[[], Board],
    *,
    redactor: Redactor,
    clock: Clock,
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    """Feed the watchdog, and keep the line of `systemctl status` true, until cancelled."""
    interval = min(notifier.watchdog_interval or _STATUS_EVERY, _STATUS_EVERY)
    told, next_status, stuck = "", clock.monotonic(), False
    while True:
        alive, why = heart.alive()
        if alive:
            notifier.watchdog()
        elif not stuck:
            log.error("a loop is stuck: the watchdog is not fed", extra={"fields": {"why": why}})
        stuck = not alive
        if notifier.active and clock.monotonic() >= next_status:
            present = board()
            line = redactor.text(status_line(present))
            if line != told:
                told = line
                notifier.status(line)
            next_status = clock.monotonic() + (_STATUS_OF_MANY_EVERY if len(present.streams) > _MANY else 0.0)
        await sleep(interval)
