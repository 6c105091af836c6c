"""When a stream counts as working, as real servers of each version showed it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.core.health import Pulse, Verdict, Vital, feel, judge, settle_verdict
from reconciler.core.model import Reason, State
from reconciler.core.options.version import NEWEST, Version
from tests.support.build import a_runtime_path, a_stream

if TYPE_CHECKING:
    from reconciler.core.model import Json

STATIC: dict[str, Json] = {"source": "rtsp://h/1"}
ON_DEMAND: dict[str, Json] = {"source": "rtsp://h/1", "sourceOnDemand": True}
ALWAYS: dict[str, Json] = {"source": "rtsp://h/1", "alwaysAvailable": True}
GROWING = Pulse(last_bytes=10, total=10, grown_at=100.0, ready_time="t1")
LATE, EARLY = 60.0, 3.0


@pytest.mark.parametrize(
    ("situation", "options", "ready", "online", "version", "waited", "state", "reason"),
    [
        ("static source up", STATIC, True, True, NEWEST, LATE, State.RUNNING, None),
        ("static source up, before 1.16", STATIC, True, None, Version(1, 12, 0), LATE, State.RUNNING, None),
        ("dead source, online all the same", STATIC, False, True, NEWEST, LATE, State.ERROR, Reason.NOT_READY),
        ("dead source, before 1.16", STATIC, False, None, Version(1, 9, 3), LATE, State.ERROR, Reason.NOT_READY),
        ("dead source, just applied", STATIC, False, True, NEWEST, EARLY, State.STARTING, None),
        ("on demand without a reader", ON_DEMAND, False, True, NEWEST, LATE, State.IDLE, None),
        ("on demand with a reader", ON_DEMAND, True, True, NEWEST, LATE, State.RUNNING, None),
        ("nobody publishes", {}, False, False, NEWEST, LATE, State.IDLE, None),
        ("somebody publishes", {}, True, True, NEWEST, LATE, State.RUNNING, None),
        ("redirect", {"source": "redirect"}, False, True, NEWEST, LATE, State.IDLE, None),
        ("always available, source down", ALWAYS, True, False, NEWEST, LATE, State.ERROR, Reason.NOT_READY),
        ("always available, 1.17 cannot tell", ALWAYS, True, True, Version(1, 17, 1), LATE, State.RUNNING, None),
    ],
)
def test_the_state_of_a_situation(
    situation: str,
    options: dict[str, Json],
    ready: bool,  # noqa: FBT001 - a column
    online: bool | None,  # noqa: FBT001 - a column
    version: Version,
    waited: float,
    state: State,
    reason: Reason | None,
) -> None:
    path = a_runtime_path(ready=ready, online=online)
    stream = a_stream(options=options)
    verdict = judge(stream, path, GROWING, version=version, waited=waited, now=101.0)
    assert (verdict.state, verdict.reason) == (state, reason), situation


def test_a_path_the_server_does_not_show_is_starting_then_an_error() -> None:
    assert judge(a_stream(), None, None, version=NEWEST, waited=1, now=0).state is State.STARTING
    assert judge(a_stream(), None, None, version=NEWEST, waited=15, now=0).state is State.ERROR


def test_a_pattern_has_no_entry_of_its_own_and_is_not_dead() -> None:
    verdict = judge(a_stream("~^cam", ON_DEMAND), None, None, version=NEWEST, waited=LATE, now=0)
    assert verdict.state is State.IDLE


def test_a_ready_stream_whose_bytes_stand_still_is_stalled() -> None:
    path = a_runtime_path(inbound_bytes=10)
    at_9_s = judge(a_stream(), path, GROWING, version=NEWEST, waited=LATE, now=109.0)
    at_10_s = judge(a_stream(), path, GROWING, version=NEWEST, waited=LATE, now=110.0)
    assert at_9_s.state is State.RUNNING
    assert (at_10_s.state, at_10_s.reason) == (State.ERROR, Reason.STALLED)


class TestPulse:
    def test_bytes_only_grow_although_the_servers_counter_falls_at_each_reconnect(self) -> None:
        pulse = None
        for counter in (100, 250, 30, 90):
            pulse = feel(pulse, a_runtime_path(inbound_bytes=counter), now=float(counter))
        assert pulse is not None
        assert pulse.total == 100 + 150 + 30 + 60

    def test_grows_when_bytes_come_and_stands_when_none_do(self) -> None:
        first = feel(None, a_runtime_path(inbound_bytes=5), now=1.0)
        same = feel(first, a_runtime_path(inbound_bytes=5), now=2.0)
        more = feel(same, a_runtime_path(inbound_bytes=6), now=3.0)
        assert (first.grown_at, same.grown_at, more.grown_at) == (1.0, 1.0, 3.0)

    def test_a_stream_that_is_not_ready_does_not_add_to_its_silence(self) -> None:
        quiet = feel(None, a_runtime_path(inbound_bytes=5), now=1.0)
        down = feel(quiet, a_runtime_path(ready=False), now=60.0)
        back = feel(down, a_runtime_path(ready_time="t2"), now=61.0)
        assert back.grown_at == 61.0

    def test_a_new_ready_time_is_a_restart_the_first_is_not(self) -> None:
        first = feel(None, a_runtime_path(ready=False), now=1.0)
        up = feel(first, a_runtime_path(ready_time="t1"), now=2.0)
        down = feel(up, a_runtime_path(ready=False), now=3.0)
        again = feel(down, a_runtime_path(ready_time="t2"), now=4.0)
        assert [pulse.restarts for pulse in (first, up, down, again)] == [0, 0, 0, 1]


class TestSince:
    def test_moves_only_when_state_or_reason_changes(self) -> None:
        error = Verdict(State.ERROR, Reason.STALLED, "no byte for 10 s")
        first = settle_verdict(None, error, 1.0)
        same = settle_verdict(first, Verdict(State.ERROR, Reason.STALLED, "no byte for 12 s"), 3.0)
        other = settle_verdict(same, Verdict(State.ERROR, Reason.NOT_READY), 5.0)
        assert [vital.since for vital in (first, same, other)] == [1.0, 1.0, 5.0]
        assert same.verdict.message == "no byte for 12 s"

    def test_the_previous_state_is_kept(self) -> None:
        running = Vital(Verdict(State.RUNNING), 1.0)
        assert settle_verdict(running, Verdict(State.ERROR, Reason.STALLED), 2.0).previous is State.RUNNING
