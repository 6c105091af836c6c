"""Is a stream working? Pure judgement of one stream over (wanted, observed, clock); section 3.2 of the server's ways.

`ready` alone is no proof: it stays true for 10 s on a frozen camera, and `online` is true for a dead one. A stream runs
when it is ready, online where that is known, and its bytes grow.

Not guaranteed: why a camera is down is not known here (`NotReady`): MediaMTX does not say.
Clocks: `now` decides (monotonic seconds), `wall` is shown (seconds since the epoch).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.core.model import Reason, State
from reconciler.core.options.names import is_pattern
from reconciler.core.options.version import Version

if TYPE_CHECKING:
    from reconciler.core.model import RuntimePath, Stream

__all__ = ["RUNNING", "Pulse", "Verdict", "Vital", "feel", "judge", "settle_verdict"]

_WITHOUT_SOURCE = frozenset({"publisher", ""})
_ONLINE_LIES_FROM = Version(1, 16, 0)
_ONLINE_LIES_UNTIL = Version(1, 19, 3)


@dataclass(frozen=True, slots=True)
class Pulse:
    """What successive observations of one path add up to. `total` bytes only grow; `grown_at` is monotonic seconds."""

    last_bytes: int
    total: int
    grown_at: float
    ready_time: str | None
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """A state, why, and one sentence."""

    state: State
    reason: Reason | None = None
    message: str = ""


RUNNING = Verdict(State.RUNNING)
_NOT_THERE_YET = Verdict(State.STARTING, None, "not on the server yet")
_CONNECTING = Verdict(State.STARTING, None, "connecting to the source")
_NOT_SHOWN = Verdict(State.ERROR, Reason.NOT_READY, "the server does not show this path")
_NOTHING = Verdict(State.ERROR, Reason.NOT_READY, "the source delivers nothing; MediaMTX tries again every 5 s")
_PATTERN = Verdict(State.IDLE, None, "a pattern: its paths appear when somebody asks for them")
_UNPUBLISHED = Verdict(State.IDLE, None, "waiting for a publisher")
_REDIRECT = Verdict(State.IDLE, None, "redirects its readers")
_ON_DEMAND = Verdict(State.IDLE, None, "on demand: pulled when somebody watches")


@dataclass(frozen=True, slots=True)
class Vital:
    """A verdict and since when it stands (seconds since the epoch): moved only when state or reason changes."""

    verdict: Verdict
    since: float
    previous: State | None = None


def feel(previous: Pulse | None, path: RuntimePath, now: float) -> Pulse:
    """Add one observation. Counters fall to 0 on each reconnect (mediamtx-api 3.1): what is new then is all of them."""
    if previous is None:
        return Pulse(path.inbound_bytes, path.inbound_bytes, now, path.ready_time if path.ready else None)
    if path.inbound_bytes == previous.last_bytes and path.ready and path.ready_time == previous.ready_time:
        return previous
    fell = path.inbound_bytes < previous.last_bytes
    gained = path.inbound_bytes if fell else path.inbound_bytes - previous.last_bytes
    came_back = path.ready and path.ready_time != previous.ready_time
    return Pulse(
        last_bytes=path.inbound_bytes,
        total=previous.total + gained,
        # Becoming ready counts as a sign of life: the first bytes may take an observation to show.
        grown_at=now if gained or came_back or not path.ready else previous.grown_at,
        ready_time=path.ready_time if path.ready else previous.ready_time,
        restarts=previous.restarts + (came_back and previous.ready_time is not None),
    )


def judge(
    stream: Stream, path: RuntimePath | None, pulse: Pulse | None, *, version: Version | None, waited: float, now: float
) -> Verdict:
    """Judge a stream that is wanted and whose server could be read.

    `waited` is seconds since it was applied or its server started, whichever is later.
    """
    if is_pattern(stream.name):
        return _PATTERN
    starting = waited < stream.health.start_grace
    if path is None:
        return _NOT_THERE_YET if starting else _NOT_SHOWN
    if _is_up(stream, path, version):
        quiet = now - pulse.grown_at if pulse else 0.0
        if quiet >= stream.health.stall_after:
            return Verdict(State.ERROR, Reason.STALLED, f"no byte came in for {quiet:.0f} s although it is ready")
        return RUNNING
    return _idle(stream) or (_CONNECTING if starting else _NOTHING)


def _idle(stream: Stream) -> Verdict | None:
    """Say why a path that shows nothing is healthy all the same; only its configuration tells (mediamtx-api 3.2)."""
    source = stream.options.get("source", "publisher")
    if source in _WITHOUT_SOURCE:
        return _UNPUBLISHED
    if source == "redirect":
        return _REDIRECT
    if stream.options.get("sourceOnDemand") is True:
        return _ON_DEMAND
    return None


def _is_up(stream: Stream, path: RuntimePath, version: Version | None) -> bool:
    """The rule of health per version (mediamtx-api 3.2): ready, and online where the server says so."""
    if not path.ready:
        return False
    if path.online is None:
        return True
    always = stream.options.get("alwaysAvailable") is True
    static = stream.options.get("source", "publisher") not in _WITHOUT_SOURCE
    if always and static and version is not None and _ONLINE_LIES_FROM <= version < _ONLINE_LIES_UNTIL:
        return True  # `online` is always true there; the stall rule tells the slate from a picture
    return path.online


def settle_verdict(previous: Vital | None, verdict: Verdict, wall: float) -> Vital:
    """Give a verdict its `since`."""
    if previous is None:
        return Vital(verdict, wall)
    if previous.verdict is verdict:
        return previous
    same = previous.verdict.state is verdict.state and previous.verdict.reason is verdict.reason
    if same:
        return previous if previous.verdict == verdict else Vital(verdict, previous.since, previous.previous)
    return Vital(verdict, wall, previous.verdict.state)
