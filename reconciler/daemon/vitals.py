"""Keeps the health of one server's streams over time: adds observations up, judges, and says what changed.

Not guaranteed: between two observations nothing is known; a stream that died and came back within one is seen only by
its new ready time.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from reconciler.core.health import RUNNING, Pulse, Verdict, Vital, feel, judge, settle_verdict
from reconciler.core.model import Reason, State, Sync
from reconciler.daemon.standing import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reconciler.core.model import Observation, RuntimePath, Stream
    from reconciler.core.options.version import Version
    from reconciler.core.seams import Clock
    from reconciler.daemon.standing import Standing

__all__ = ["Vitals"]

log = logging.getLogger(__name__)

_DISABLED = Verdict(State.STOPPED, Reason.DISABLED, "`enabled: no` in the file")
_CROWD = 20
_NAMED = 5


class Vitals:
    """Pulses and verdicts of all streams of one server."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pulses: dict[str, Pulse] = {}
        self._vitals: dict[str, Vital] = {}
        self._since: dict[str, float] = {}
        self._server_since = clock.monotonic()
        self._observation: Observation | None = None
        self._lively: set[str] = set()

    def applied(self, name: str) -> None:
        """Start the grace of one stream: it was just written."""
        self._since[name] = self._clock.monotonic()

    def server_started(self) -> None:
        """Start the grace of every stream."""
        self._server_since = self._clock.monotonic()

    def observe(self, observation: Observation) -> None:
        """Add one complete read of the server."""
        self._observation = observation
        pulses, lively = self._pulses, set[str]()
        for name, path in observation.runtime.items():
            pulse = pulses[name] = feel(pulses.get(name), path, observation.at)
            if path.ready and path.online is not False and pulse.grown_at == observation.at:
                lively.add(name)
        self._lively = lively

    @property
    def runtime(self) -> Mapping[str, RuntimePath]:
        """The paths of the last complete observation."""
        return self._observation.runtime if self._observation else {}

    def pulse(self, name: str) -> Pulse | None:
        """Return what the observations of `name` add up to."""
        return self._pulses.get(name)

    def vital(self, name: str) -> Vital:
        """Return the last verdict on `name`."""
        return self._vitals.get(name) or Vital(Verdict(State.UNKNOWN, Reason.NOT_KNOWN, "not looked at yet"), 0.0)

    def judge(
        self,
        streams: Iterable[Stream],
        standings: Mapping[str, Standing],
        *,
        down: Verdict | None,
        version: Version | None,
    ) -> None:
        """Judge every stream anew; `down` is the verdict on all wanted ones while the server cannot be read."""
        now, wall = self._clock.monotonic(), self._clock.time()
        judged: dict[str, Vital] = {}
        news: list[tuple[Stream, Vital]] = []
        for stream in streams:
            standing = standings.get(stream.name, UNKNOWN)
            if stream.enabled:
                self._since.setdefault(stream.name, now)  # a stream just wanted has its grace before it is written
            else:
                self._since.pop(stream.name, None)
            previous = self._vitals.get(stream.name)
            if previous is not None and self._still_runs(stream, standing, previous, down):
                judged[stream.name] = previous
                continue
            verdict = self._verdict(stream, standing, down, version, now)
            vital = settle_verdict(previous, verdict, wall)
            if vital is not previous and (previous is None or vital.since != previous.since):
                news.append((stream, vital))
            judged[stream.name] = vital
        self._vitals = judged
        _tell_all(news)
        for name in self._pulses.keys() - judged.keys():
            del self._pulses[name]
        for name in self._since.keys() - judged.keys():
            del self._since[name]

    def _still_runs(self, stream: Stream, standing: Standing, previous: Vital, down: Verdict | None) -> bool:
        """Say at once what is so of most streams most of the time, and comes to the same as judging them."""
        return (
            previous.verdict is RUNNING
            and stream.name in self._lively
            and stream.enabled
            and down is None
            and standing.sync not in (Sync.REJECTED, Sync.CONFLICT)
        )

    def _verdict(
        self, stream: Stream, standing: Standing, down: Verdict | None, version: Version | None, now: float
    ) -> Verdict:
        if not stream.enabled:
            return _DISABLED
        if down is not None:
            return down
        if standing.sync is Sync.REJECTED:
            return Verdict(State.ERROR, Reason.REJECTED_BY_SERVER, standing.message)
        if standing.sync is Sync.CONFLICT:
            return Verdict(State.ERROR, Reason.CONFLICT, standing.message)
        if self._observation is None:
            return Verdict(State.UNKNOWN, Reason.NOT_KNOWN, "not looked at yet")
        path = self._observation.runtime.get(stream.name)
        waited = now - max(self._since[stream.name], self._server_since)
        return judge(stream, path, self._pulses.get(stream.name), version=version, waited=waited, now=now)


def _tell_all(news: list[tuple[Stream, Vital]]) -> None:
    """Log each transition; a crowd of them, such as a dead server's, as one line a state."""
    if len(news) <= _CROWD:
        for stream, vital in news:
            _tell(stream, vital)
        return
    by_verdict: dict[tuple[State, Reason | None], list[str]] = {}
    for stream, vital in news:
        by_verdict.setdefault((vital.verdict.state, vital.verdict.reason), []).append(stream.name)
    for (state, reason), names in by_verdict.items():
        fields = {"state": state.value, "reason": reason.value if reason else None, "first": ",".join(names[:_NAMED])}
        level = logging.WARNING if state is State.ERROR else logging.INFO
        log.log(level, "%d streams are %s", len(names), state.value, extra={"fields": fields})


def _tell(stream: Stream, vital: Vital) -> None:
    verdict = vital.verdict
    level = logging.WARNING if verdict.state is State.ERROR else logging.INFO
    if vital.previous is None and verdict.state is not State.ERROR:
        level = logging.DEBUG  # the first look at a healthy stream is no news
    fields = {
        "server": stream.server,
        "stream": stream.name,
        "state": verdict.state.value,
        "previous": vital.previous.value if vital.previous else None,
        "reason": verdict.reason.value if verdict.reason else None,
        "detail": verdict.message,
    }
    log.log(
        level,
        "%s is %s",
        stream.name,
        verdict.state.value,
        extra={"fields": {key: value for key, value in fields.items() if value}},
    )
