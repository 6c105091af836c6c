"""Durations and sizes: every recorded pair of what went into a real server and what it printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.options.canonical import format_duration, format_size, parse_duration, parse_size
from reconciler.core.options.version import NEWEST, OLDEST, Version

if TYPE_CHECKING:
    from collections.abc import Callable

VECTORS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[2] / "data" / "canonical-vectors.json").read_text(encoding="utf-8")
)
ERAS = [(Version(1, 10, 0), "le_1_10"), (Version(1, 11, 0), "ge_1_11"), (NEWEST, "ge_1_11"), (OLDEST, "le_1_10")]


@pytest.mark.parametrize(("version", "era"), ERAS, ids=str)
@pytest.mark.parametrize("vector", VECTORS["durations"], ids=lambda vector: repr(vector["in"]))
def test_a_duration_is_read_and_printed_as_the_server_does(vector: dict[str, Any], version: Version, era: str) -> None:
    if f"err_{era}" in vector:
        with pytest.raises(ValueError, match=r"^time: ") as refused:
            parse_duration(vector["in"], version)
        assert str(refused.value) == vector[f"err_{era}"]
        return
    ns = parse_duration(vector["in"], version)
    assert ns == vector["ns"]
    assert format_duration(ns, version) == vector[f"out_{era}"]


@pytest.mark.parametrize("vector", VECTORS["sizes"], ids=lambda vector: repr(vector["in"]))
def test_a_size_is_read_and_printed_as_the_server_does(vector: dict[str, Any]) -> None:
    if "err" in vector:
        with pytest.raises(ValueError, match=r"^byte quantity") as refused:
            parse_size(vector["in"])
        assert str(refused.value) == vector["err"]
        return
    size = parse_size(vector["in"])
    assert size == vector["bytes"]
    assert format_size(size) == vector["out"]
    assert parse_size(format_size(size)) == vector["bytesAfterRoundTrip"]


@pytest.mark.parametrize(
    "text",
    ["3000000h", "9223372036854775808ns", "99999999999999999999999s", "1" * 5000 + "s", ".s", "-", "+", "1.h.", "s"],
    ids=lambda text: text[:20],
)
def test_a_duration_go_cannot_hold_or_read_is_refused_in_gos_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"^time: (invalid|missing|unknown)"):
        parse_duration(text, NEWEST)


def test_the_most_negative_duration_is_read() -> None:
    assert parse_duration("-9223372036854775808ns", NEWEST) == -(2**63)


def test_gos_quotes_escape_what_is_not_ascii() -> None:
    with pytest.raises(ValueError, match="unit") as refused:
        parse_duration('1"é', NEWEST)
    assert str(refused.value) == 'time: unknown unit "\\"\\xc3\\xa9" in duration "1\\"\\xc3\\xa9"'


NANOSECONDS = st.integers(-(2**62), 2**62)


@given(ns=NANOSECONDS, version=st.sampled_from([OLDEST, NEWEST]))
def test_every_printed_duration_is_read_back_as_the_same(ns: int, version: Version) -> None:
    assert parse_duration(format_duration(ns, version), version) == ns


@given(size=st.integers(0, 2**60))
def test_printing_a_size_twice_loses_no_more_than_printing_it_once(size: int) -> None:
    once = parse_size(format_size(size))
    assert abs(once - size) <= max(1, size) * 0.05
    assert abs(parse_size(format_size(once)) - once) <= 1


@given(text=st.text(max_size=12), version=st.sampled_from([OLDEST, NEWEST]))
def test_any_other_text_is_refused_in_the_servers_words_and_nothing_worse(text: str, version: Version) -> None:
    refusals = [_refusal(lambda: parse_duration(text, version)), _refusal(lambda: parse_size(text))]
    assert refusals[0] is None or refusals[0].startswith("time: ")
    assert refusals[1] is None or refusals[1].startswith("byte quantity")


def _refusal(parse: Callable[[], int]) -> str | None:
    try:
        parse()
    except ValueError as error:
        return str(error)
    return None
