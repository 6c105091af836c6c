"""Draws the board: turns what keepers and intake know into one immutable picture for web, metrics and status.

Not guaranteed: a board is drawn when somebody asks and kept for half a second; it is never newer than the last pass.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from reconciler.core.board import Board, ServerView, StreamView
from reconciler.core.model import Reason, State, Sync
from reconciler.logs import mask_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reconciler.core.board import ConfigView
    from reconciler.core.health import Verdict
    from reconciler.core.model import SetAside, Stream
    from reconciler.daemon.intake import Generation
    from reconciler.daemon.keeper import Keeper
    from reconciler.store import WantedTimes

__all__ = ["draw_board", "server_view", "stream_views"]


def draw_board(
    *,
    at: float,
    config: ConfigView,
    generation: Generation | None,
    keepers: Iterable[Keeper],
    wanted: Mapping[str, WantedTimes],
) -> Board:
    """Return the whole picture; `at` is seconds since the epoch."""
    keepers = list(keepers)
    streams = [view for keeper in keepers for view in stream_views(keeper, wanted)]
    if generation is not None:
        streams += [
            _set_aside_view(aside, generation, config)
            for aside in generation.desired.set_aside.values()
            if aside.name not in generation.desired.streams
        ]
    return Board(
        at=at,
        config=config,
        streams=tuple(sorted(streams, key=lambda view: view.id)),
        servers=tuple(server_view(keeper) for keeper in keepers),
        ready=generation is not None and all(keeper.last_pass is not None for keeper in keepers),
    )


def server_view(keeper: Keeper) -> ServerView:
    """Return what is to be shown of one server."""
    known = keeper.known
    server = known.server
    plan = known.plan if server.up else None
    reason, message = server.trouble
    version = server.facts.version if server.facts and server.facts.version else None
    held = Counter(held.hold for held in plan.held) if plan else Counter()
    return ServerView(
        name=keeper.name,
        url=mask_url(keeper.spec.url),
        up=server.up,
        reason=reason,
        message=message,
        version=str(version) if version else known.version_guess(),
        since=server.since,
        owned=keeper.owned(),
        foreign=len(plan.foreign) if plan else 0,
        pending=known.pending(),
        held=dict(held),
        last_pass=keeper.last_pass,
        last_in_sync=known.last_in_sync,
        restarts=server.restarts,
    )


def stream_views(keeper: Keeper, wanted: Mapping[str, WantedTimes]) -> list[StreamView]:
    """Return what is to be shown of each stream of one server."""
    known = keeper.known
    vitals = known.vitals
    runtime = vitals.runtime if known.server.up else {}
    views = []
    for stream in known.streams():
        vital = vitals.vital(stream.name)
        standing = known.standing(stream.name)
        pulse = vitals.pulse(stream.name)
        path = runtime.get(stream.name)
        times = wanted.get(stream.name)
        views.append(
            StreamView(
                id=stream.name,
                server=keeper.name,
                status=vital.verdict.state,
                reason=vital.verdict.reason,
                message=_with_problems(vital.verdict, stream),
                since=vital.since,
                sync=standing.sync,
                hold=standing.hold,
                sync_message=standing.message,
                camera_id=stream.camera_id,
                description=stream.description,
                source_url=_masked(str(stream.options.get("source", "publisher"))),
                labels=stream.labels,
                readers=path.readers if path else 0,
                inbound_bytes=pulse.total if pulse else 0,
                restarts=pulse.restarts if pulse else 0,
                tracks=path.tracks if path else (),
                started_at=times.started_at if times else None,
                stopped_at=times.stopped_at if times else None,
                position=str(stream.position),
            )
        )
    return views


@lru_cache(maxsize=20_000)
def _masked(source: str) -> str:
    """Mask a source URL; most of what drawing a board costs, and it changes with the file only."""
    return mask_url(source)


def _with_problems(verdict: Verdict, stream: Stream) -> str:
    """Say beside the verdict that the stream runs in its last good form, and why."""
    if not stream.problems:
        return verdict.message
    note = "runs in its last good form: " + "; ".join(problem.message for problem in stream.problems)
    return f"{verdict.message}; {note}" if verdict.message else note


def _set_aside_view(aside: SetAside, generation: Generation, config: ConfigView) -> StreamView:
    """Show a stream that has never had a usable form here."""
    problems = aside.problems
    reason = Reason.SECRET_MISSING if any(problem.secret_missing for problem in problems) else Reason.INVALID
    return StreamView(
        id=aside.name,
        server=aside.server,
        status=State.ERROR,
        reason=reason,
        message="; ".join(problem.message for problem in problems),
        since=generation.taken_at if config.loaded_at is None else config.loaded_at,
        sync=Sync.REJECTED,
        sync_message="set aside: its entry in the file cannot be used",
        position=str(problems[0].position) if problems else "",
    )
