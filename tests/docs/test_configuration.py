"""docs/configuration.md has every key the loader knows; what it and the README show as streams.yaml loads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reconciler.spec import SystemSecrets, json_schema, load
from reconciler.spec.sections import DaemonSection, GuardSection, HealthSection, ServerSection
from reconciler.spec.top import TOP_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
SECTIONS: dict[str, type[BaseModel]] = {
    "server": ServerSection,
    "daemon": DaemonSection,
    "guard": GuardSection,
    "health": HealthSection,
}
OWN_KEY = re.compile(r"[a-z_]+")
SECRETS = SystemSecrets({"FRONT_DOOR_PASSWORD": "hunter2-Xq9"})


def section(name: str) -> str:
    return PAGE.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


def rows(name: str) -> set[str]:
    """The keys in the first column of a section's tables."""
    first = re.findall(r"^\| (`.*?) \|", section(name), re.MULTILINE)
    return {key for cell in first for key in re.findall(r"`(.+?)`", cell)}


def keys_of(model: type[BaseModel]) -> Iterator[str]:
    for name, key in model.model_fields.items():
        inner = getattr(key.annotation, "model_fields", None)
        yield from ((f"{name}.{part}" for part in inner) if inner else (name,))


def stream_keys() -> set[str]:
    """Our own keys of a stream: those that are written in lower case with underscores, and are no option."""
    definitions = json_schema()["$defs"]
    assert isinstance(definitions, dict)
    stream = definitions["stream"]
    assert isinstance(stream, dict)
    properties = stream["properties"]
    assert isinstance(properties, dict)
    return {key for key, value in properties.items() if "MediaMTX path option" not in str(value)}


def blocks(page: Path) -> list[str]:
    """The YAML of a page that is a whole streams.yaml."""
    found = re.findall(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [text for text in found if re.search(r"^streams:", text, re.MULTILINE)]


EXAMPLES = [text for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) for text in blocks(page)]


def test_the_top_level_is_described() -> None:
    assert rows("Top level") == set(TOP_KEYS)


@pytest.mark.parametrize("name", SECTIONS)
def test_each_key_of_a_section_is_described_and_no_other(name: str) -> None:
    assert rows(name) == {f"{name}.{key}" for key in keys_of(SECTIONS[name])}


def test_each_key_of_a_stream_is_described_and_no_other() -> None:
    assert rows("streams") == stream_keys()
    assert all(OWN_KEY.fullmatch(key) for key in stream_keys())


def test_several_examples_are_whole_files() -> None:
    assert len(EXAMPLES) >= 3


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_loads_without_a_problem(tmp_path: Path, text: str) -> None:
    file = tmp_path / "streams.yaml"
    file.write_text(text, encoding="utf-8")
    assert [str(problem) for problem in load(file, secrets=SECRETS, digest_key=b"").problems] == []


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name
)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?://)([^)\s]+)\)", text):
        file, _, anchor = target.partition("#")
        there = (page.parent / file) if file else page
        assert there.exists(), target
        if anchor:
            heads = re.findall(r"^#+ (.+)$", there.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
            assert anchor in slugs, target
