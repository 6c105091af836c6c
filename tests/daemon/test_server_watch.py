"""What successive observations say of a server itself."""

from __future__ import annotations

import logging

import pytest

from reconciler.core.model import Reason, State
from reconciler.daemon.server_watch import News, ServerWatch
from reconciler.errors import CredentialsError, TransientError
from tests.support.build import SERVER, FakeClock, a_runtime_path, an_observation

REFUSED = TransientError(SERVER, "connection refused")
LOGIN = CredentialsError(SERVER, "our login was refused")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def watch(clock: FakeClock) -> ServerWatch:
    return ServerWatch(SERVER, clock=clock, draw=lambda: 0.5)


class TestNews:
    def test_the_first_answer_is_that_it_came_up(self, watch: ServerWatch) -> None:
        assert watch.observed(an_observation(), set()) is News.CAME_UP
        assert watch.observed(an_observation(), set()) is News.NONE

    def test_another_start_is_a_restart_whether_it_was_seen_down_or_not(self, watch: ServerWatch) -> None:
        watch.observed(an_observation(started="s1"), set())
        assert watch.observed(an_observation(started="s2"), set()) is News.RESTARTED
        watch.unreadable(REFUSED)
        assert watch.observed(an_observation(started="s3"), set()) is News.RESTARTED
        assert watch.restarts == 2

    def test_an_old_server_that_is_updated_was_restarted(self, watch: ServerWatch) -> None:
        watch.observed(an_observation(started=None), set())
        assert watch.observed(an_observation(started="s1"), set()) is News.RESTARTED

    @pytest.mark.parametrize(
        ("there", "recent", "news"),
        [
            (["a", "b"], [], News.NONE),
            (["a"], [], News.LOST_SOME),
            ([], [], News.LOST_ALL),
            (["a"], ["b"], News.NONE),
            ([], ["b"], News.LOST_ALL),
            ([], ["a", "b"], News.NONE),
        ],
    )
    def test_paths_that_are_missing_are_lost_unless_written_a_moment_ago(
        self, watch: ServerWatch, there: list[str], recent: list[str], news: News
    ) -> None:
        watch.observed(an_observation(), set())
        observation = an_observation(*(a_runtime_path(name) for name in there))
        assert watch.observed(observation, {"a", "b"}, recent) is news

    def test_paths_nobody_expects_are_no_news(self, watch: ServerWatch) -> None:
        watch.observed(an_observation(), set())
        assert watch.observed(an_observation(a_runtime_path("theirs")), set()) is News.NONE


class TestTrouble:
    def test_before_the_first_look_nothing_is_known(self, watch: ServerWatch) -> None:
        verdict = watch.verdict()
        assert verdict is not None
        assert (verdict.state, verdict.reason) == (State.UNKNOWN, Reason.NOT_KNOWN)

    def test_of_the_runtime_makes_every_stream_unknown_until_the_next_answer(self, watch: ServerWatch) -> None:
        watch.observed(an_observation(), set())
        watch.unreadable(REFUSED)
        verdict = watch.verdict()
        assert verdict is not None
        assert (verdict.state, verdict.reason) == (State.UNKNOWN, Reason.SERVER_UNREACHABLE)
        watch.observed(an_observation(), set())
        assert watch.verdict() is None
        assert watch.trouble == (None, "")

    def test_of_the_configuration_leaves_the_streams_judged_and_is_told(self, watch: ServerWatch) -> None:
        watch.observed(an_observation(), set())
        watch.config_unreadable(REFUSED)
        assert watch.verdict() is None
        assert watch.trouble == (Reason.SERVER_UNREACHABLE, "connection refused")
        watch.config_read()
        assert watch.trouble[0] is None

    def test_that_repeats_itself_is_logged_once_and_anew_when_it_changes(
        self, watch: ServerWatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.ERROR):
            for _ in range(10):
                watch.unreadable(REFUSED)
            assert len(caplog.records) == 1
            watch.unreadable(TransientError(SERVER, "no answer"))
            assert len(caplog.records) == 2
            watch.observed(an_observation(), set())
            watch.unreadable(REFUSED)
            assert len(caplog.records) == 3

    def test_of_the_login_is_tried_rarely(self, watch: ServerWatch, clock: FakeClock) -> None:
        assert watch.unreadable(REFUSED) == 0
        assert watch.unreadable(LOGIN) == 30
        assert watch.config_unreadable(LOGIN) == clock.monotonic() + 30
        assert watch.trouble[0] is Reason.SERVER_AUTH_FAILED

    def test_of_the_configuration_is_tried_less_and_less_often(self, watch: ServerWatch, clock: FakeClock) -> None:
        waits = [watch.config_unreadable(REFUSED) - clock.monotonic() for _ in range(12)]
        assert waits == sorted(waits)
        assert (waits[0], waits[-1]) == (0.25, 30)


class TestSince:
    def test_moves_when_the_server_comes_and_goes_and_not_in_between(
        self, watch: ServerWatch, clock: FakeClock
    ) -> None:
        moments = []
        for act in (
            lambda: watch.unreadable(REFUSED),
            lambda: watch.unreadable(REFUSED),
            lambda: watch.observed(an_observation(), set()),
            lambda: watch.observed(an_observation(), set()),
            lambda: watch.unreadable(REFUSED),
            lambda: watch.unreadable(REFUSED),
        ):
            clock.advance(10)
            act()
            assert watch.since is not None
            moments.append(watch.since - 1_700_000_000)
        assert moments == [10, 10, 30, 30, 50, 50]
