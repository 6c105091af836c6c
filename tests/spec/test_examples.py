"""What is shipped to be copied has no problem, not even a warning."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.core.model import Settings
from reconciler.spec import Loaded, SystemSecrets, load
from reconciler.spec.streams import OWN_KEYS
from reconciler.spec.top import TOP_KEYS
from tests.support.spec import desired, messages

ROOT = Path(__file__).parents[2]
EXAMPLES = [ROOT / "streams.yaml", *sorted((ROOT / "examples").glob("*.yaml"))]


def read(file: Path) -> Loaded:
    return load(file, secrets=SystemSecrets({}), digest_key=b"")


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_an_example_loads_without_a_word(file: Path) -> None:
    loaded = read(file)
    assert messages(loaded) == []
    assert desired(loaded).streams


def test_the_shipped_file_shows_the_common_kinds_of_streams() -> None:
    streams = desired(read(ROOT / "streams.yaml")).streams.values()
    assert sum(str(stream.options["source"]).startswith("rtsp://") for stream in streams) >= 2
    assert any(stream.options["source"] == "publisher" for stream in streams)
    assert any(not stream.enabled for stream in streams)


def test_the_full_example_holds_every_section_and_every_own_key_that_is_acted_on() -> None:
    text = (ROOT / "examples/full.yaml").read_text()
    later = {"schedule", "expect", "preflight", "guard", "servers", "include", "server"}
    assert [key for key in {*TOP_KEYS, *OWN_KEYS} - later if f"{key}:" not in text] == []


def test_the_full_example_states_the_defaults() -> None:
    assert desired(read(ROOT / "examples/full.yaml")).settings == Settings()


def test_the_streams_of_all_sites_are_included() -> None:
    assert desired(read(ROOT / "examples/include.yaml")).streams.keys() == {"lisbon/gate", "lisbon/yard", "porto/gate"}
