"""Keeps the daemon's root tasks together: all run, or none.

A daemon of which one part has silently ended looks alive and is not. So the first root task that ends unasked, in
whatever way, ends all the others and is named; the service manager then starts a whole daemon again.

Stopping goes by stages, so that what others need (metrics, health) ends last, and work in flight can be finished.

Not guaranteed: a task that ignores its cancellation keeps running; it is named in the log and left behind.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence

__all__ = ["Stage", "TaskDiedError", "supervise"]

log = logging.getLogger(__name__)

_Task = asyncio.Task[object]


class TaskDiedError(ReconcilerError):
    """A root task ended although nobody had asked it to; the exception that ended it, if any, is the `__cause__`."""

    def __init__(self, name: str, cause: str) -> None:
        """`cause` says how it ended, without secrets."""
        super().__init__(f"internal error: the task {name!r} ended unasked ({cause}), so everything else was stopped")
        self.name = name


@dataclass(frozen=True, slots=True)
class Stage:
    """Root tasks that are stopped together, by name. `ask`, if any, asks them to end by themselves before they must."""

    names: Collection[str]
    ask: Callable[[], None] | None = None


async def supervise(
    tasks: Mapping[str, Coroutine[Any, Any, object]],
    stop: asyncio.Event,
    *,
    grace: float = 10.0,
    stages: Sequence[Stage] = (),
) -> None:
    """Run `tasks` (by name) until `stop` is set or one of them ends; then stop them all and return or raise.

    Stage by stage, tasks are asked (where a stage can), given `grace` seconds to end by themselves, then cancelled and
    waited for, again `grace` seconds at most. A stage that cannot ask is cancelled at once. Tasks that no stage names
    come last.

    Raises:
        TaskDiedError: a task ended before `stop` was set. Of several, the first in the order of `tasks` is named.
    """
    running = {name: asyncio.create_task(coroutine, name=name) for name, coroutine in tasks.items()}
    stopping = asyncio.create_task(stop.wait(), name="stop")
    dead: list[str] = []
    try:
        await asyncio.wait((stopping, *running.values()), return_when=asyncio.FIRST_COMPLETED)
        dead = [] if stop.is_set() else [name for name, task in running.items() if task.done()]
        for name in dead:
            _tell_death(name, running[name])
    finally:
        named = {name for stage in stages for name in stage.names}
        for stage in (*stages, Stage([name for name in running if name not in named])):
            await _stop(stage, {name: running[name] for name in stage.names if name not in dead}, grace)
        stopping.cancel()
        await asyncio.wait((stopping,))
    if dead:
        first = running[dead[0]]
        raise TaskDiedError(dead[0], _how(first)) from (None if first.cancelled() else first.exception())


async def _stop(stage: Stage, tasks: Mapping[str, _Task], grace: float) -> None:
    if tasks and stage.ask:
        stage.ask()
        await asyncio.wait(tasks.values(), timeout=grace)
        late = [name for name, task in tasks.items() if not task.done()]
        if late:
            log.warning("stopping takes too long, cutting it short", extra={"fields": {"tasks": late, "grace": grace}})
    for task in tasks.values():
        task.cancel()
    if tasks:
        await asyncio.wait(tasks.values(), timeout=grace)
    for name, task in tasks.items():
        if not task.done():
            log.error(
                "task %s does not stop, leaving it behind",
                name,
                extra={"fields": {"task": name, "grace": grace, "at": _whereabouts(task)}},
            )
        elif not task.cancelled() and (error := task.exception()) is not None:
            log.error("task %s failed while stopping", name, extra={"fields": {"task": name}}, exc_info=error)


def _tell_death(name: str, task: _Task) -> None:
    error = None if task.cancelled() else task.exception()
    log.error(
        "task %s ended unasked, stopping everything else",
        name,
        extra={"fields": {"task": name, "cause": _how(task)}},
        exc_info=error,
    )


def _how(task: _Task) -> str:
    """Say how a finished task ended. Texts of foreign exceptions may hold secrets: only their type is named."""
    if task.cancelled():
        return "it was cancelled"
    error = task.exception()
    if error is None:
        return "it returned"
    return f"{type(error).__name__}: {error}" if isinstance(error, ReconcilerError) else type(error).__name__


def _whereabouts(task: _Task) -> str:
    """Name the file, line and function where an unfinished task waits."""
    frames = task.get_stack()
    if not frames:
        return "unknown"
    code = frames[-1].f_code
    return f"{code.co_filename}:{frames[-1].f_lineno} {code.co_name}"
