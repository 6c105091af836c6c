"""How long a failing thing is left alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.backoff import BASE, CAP, Failure, failed


def after(failures: int, draw: float) -> Failure:
    failure = None
    for _ in range(failures):
        failure = failed(failure, "no", now=0.0, draw=lambda: draw)
    assert failure is not None
    return failure


def test_the_longest_wait_doubles_up_to_the_cap() -> None:
    waits = [after(n, draw=1.0).not_before for n in range(1, 10)]
    assert waits[:4] == [BASE, 2 * BASE, 4 * BASE, 8 * BASE]
    assert waits[-1] == CAP


@given(st.integers(1, 200), st.floats(0, 1, exclude_max=True))
def test_every_wait_is_within_its_bounds_however_often_it_failed(failures: int, draw: float) -> None:
    wait = after(failures, draw).not_before
    assert 0 < wait <= CAP


def test_failures_of_one_moment_do_not_come_back_in_one_moment() -> None:
    assert after(5, 0.2).not_before != after(5, 0.9).not_before
