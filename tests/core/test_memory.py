"""Since when a path of ours is missing from the file."""

from __future__ import annotations

from reconciler.core.memory import Memory, note_missing
from tests.support.build import a_desired, a_memory, a_stream

A, B = a_stream("a"), a_stream("b")


def test_what_leaves_the_file_is_missing_since_then_and_stays_so() -> None:
    memory = note_missing(a_memory(A, B), a_desired(B), 10)
    assert memory.missing_since == {"a": 10}
    assert note_missing(memory, a_desired(B), 20).missing_since == {"a": 10}


def test_what_comes_back_was_never_missing_and_begins_anew_when_it_leaves_again() -> None:
    memory = note_missing(a_memory(A, B), a_desired(B), 10)
    memory = note_missing(memory, a_desired(A, B), 12)
    assert memory.missing_since == {}
    assert note_missing(memory, a_desired(B), 30).missing_since == {"a": 30}


def test_what_is_switched_off_is_not_missing() -> None:
    off = a_stream("a", enabled=False)
    assert note_missing(a_memory(A), a_desired(off), 10).missing_since == {}


def test_what_is_set_aside_is_not_missing() -> None:
    assert note_missing(a_memory(A), a_desired(B, set_aside=["a"]), 10).missing_since == {}


def test_what_is_not_ours_cannot_be_missing() -> None:
    assert note_missing(Memory(), a_desired(), 10).missing_since == {}


def test_a_path_that_is_forgotten_is_missed_no_longer() -> None:
    memory = note_missing(a_memory(A), a_desired(), 10)
    assert note_missing(Memory(missing_since=memory.missing_since), a_desired(), 20).missing_since == {}


def test_nothing_new_gives_the_same_memory() -> None:
    memory = a_memory(A, B)
    assert note_missing(memory, a_desired(A, B), 10) is memory
