"""docs/reasons.md explains every word that a stream can carry, and no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reconciler.core.model import Hold, Reason, State, Sync

if TYPE_CHECKING:
    from enum import StrEnum

PAGE = (Path(__file__).parents[2] / "docs" / "reasons.md").read_text(encoding="utf-8")
TABLES: dict[str, type[StrEnum]] = {"status": State, "reason": Reason, "sync": Sync, "hold": Hold}


def rows(head: str) -> dict[str, list[str]]:
    """The rows of the table whose first column is headed `head`: first cell to the others."""
    table = re.search(rf"^\| {head} \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert table is not None, head
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1].splitlines()]
    return {first.strip("`"): rest for first, *rest in cells}


@pytest.mark.parametrize("head", TABLES)
def test_each_word_is_in_its_table_and_no_other(head: str) -> None:
    assert list(rows(head)) == [word.value for word in TABLES[head]]


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_has_a_sentence_and_a_next_step(reason: Reason) -> None:
    meaning, step = rows("reason")[reason.value]
    assert meaning.endswith((".", ".)"))
    assert step.endswith(".")
