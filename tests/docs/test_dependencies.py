"""docs/dependencies.md names what pyproject.toml asks for, and nothing else."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
RUN_TIME, DEVELOPMENT = PAGE.split("## For development")


def names(requirements: list[str]) -> list[str]:
    return [re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0] for requirement in requirements]


def rows(section: str) -> set[str]:
    """The packages in the first column of a section's table."""
    return {name for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for name in re.findall(r"`(.+?)`", row)}


@pytest.mark.parametrize("name", names(PROJECT["project"]["dependencies"]))
def test_every_dependency_of_the_package_is_explained(name: str) -> None:
    assert name in rows(RUN_TIME)


@pytest.mark.parametrize("name", names([*PROJECT["dependency-groups"]["dev"], *PROJECT["build-system"]["requires"]]))
def test_every_dependency_of_development_is_explained(name: str) -> None:
    assert name in rows(DEVELOPMENT)


def test_nothing_is_explained_that_is_not_asked_for() -> None:
    assert rows(RUN_TIME) == set(names(PROJECT["project"]["dependencies"]))
    assert rows(DEVELOPMENT) == set(names(PROJECT["dependency-groups"]["dev"]))


def test_every_package_asked_for_is_pinned_in_the_lock() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8").lower()
    asked = names([*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]])
    assert [name for name in asked if f"\n{name.lower()}==" not in f"\n{lock}"] == []


def test_pages_that_link_to_one_another_exist() -> None:
    for page in ("dependencies.md", "development.md"):
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:]+)", text):
            assert (ROOT / "docs" / target).exists(), f"{page} links to {target}"


def test_files_named_in_the_development_page_exist() -> None:
    text = (ROOT / "docs" / "development.md").read_text(encoding="utf-8")
    for name in re.findall(r"(?:tools|benchmarks|tests/daemon)/\w+\.py", text):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"^\| `?([\w.`, ]+?\.py)`? \|", text, re.MULTILINE):
        for module in re.findall(r"\w+\.py", name):
            assert (ROOT / "reconciler" / "daemon" / module).exists(), module
