"""The option table, and what it tells of versions."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.options.effective import built_in_defaults
from reconciler.core.options.table import (
    DAYS_FROM,
    Kind,
    accepted_name,
    infer_version,
    is_hot,
    knows,
    listed_names,
    option_table,
)
from reconciler.core.options.version import NEWEST, OLDEST, Version
from tests.support.recordings import VERSIONS, recording

ROOT = Path(__file__).parents[3]
LEGACY = {"publishUser", "publishPass", "publishIPs", "readUser", "readPass", "readIPs"}


def test_the_table_has_every_option_of_every_version() -> None:
    table = option_table()
    assert len(table) == 115
    assert list(table) == sorted(table)
    assert all(spec.name == name for name, spec in table.items())


def test_every_option_is_there_before_it_is_deprecated_and_before_it_is_hot() -> None:
    for spec in option_table().values():
        assert spec.since <= NEWEST
        assert spec.deprecated_since is None or spec.since <= spec.deprecated_since <= NEWEST
        assert spec.hot_since is None or spec.since <= spec.hot_since <= NEWEST
        assert [since for since, _ in spec.default_history] == sorted(since for since, _ in spec.default_history)


def test_words_are_listed_for_enums_and_for_nothing_else() -> None:
    for spec in option_table().values():
        assert bool(spec.enum) is (spec.kind is Kind.ENUM)
        assert not spec.enum or spec.default is None or spec.default in spec.enum


def test_options_that_may_hold_a_password_are_secret() -> None:
    secret = {spec.name for spec in option_table().values() if spec.secret}
    assert secret == {
        "source",
        "sourceRedirect",
        "fallback",
        "forward",
        "publishPass",
        "readPass",
        "srtPublishPassphrase",
        "srtReadPassphrase",
        "whepBearerToken",
    }


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_a_version_lists_the_fields_that_the_real_one_lists(version: Version) -> None:
    assert listed_names(version) == defaults_of(version).keys()


def defaults_of(version: Version) -> dict[str, Any]:
    body: dict[str, Any] = recording(version).group("pathdefaults").steps[0].answer["body"]
    return body


def test_a_deprecated_option_is_known_and_not_listed() -> None:
    assert knows(NEWEST, "runOnReady")
    assert "runOnReady" not in listed_names(NEWEST)
    assert "runOnReady" in listed_names(Version(1, 19, 2))
    assert all(knows(version, name) for version in VERSIONS for name in LEGACY)


def test_an_option_is_unknown_before_its_version() -> None:
    assert not knows(Version(1, 19, 3), "forward")
    assert knows(Version(1, 20, 0), "forward")
    assert not knows(NEWEST, "sorce")


def test_keys_in_wrong_case_were_taken_before_1_16_3() -> None:
    assert accepted_name(Version(1, 16, 2), "MAXreaders") == "maxReaders"
    assert accepted_name(Version(1, 16, 3), "MAXreaders") is None
    assert accepted_name(Version(1, 16, 3), "maxReaders") == "maxReaders"
    assert accepted_name(OLDEST, "FORWARD") is None


def test_recording_is_hot_and_its_path_from_1_15_1() -> None:
    assert is_hot(OLDEST, "record")
    assert not is_hot(Version(1, 15, 0), "recordPath")
    assert is_hot(Version(1, 15, 1), "recordPath")
    assert is_hot(NEWEST, "forward")
    assert not is_hot(NEWEST, "maxReaders")
    assert not is_hot(NEWEST, "sorce")


@pytest.mark.parametrize(
    ("real", "inferred"),
    [
        ("1.9.3", "1.9.0"),
        ("1.10.0", "1.9.0"),
        ("1.11.0", "1.11.0"),
        ("1.12.0", "1.12.0"),
        ("1.13.0", "1.12.0"),
        ("1.15.1", "1.14.0"),
        ("1.15.6", "1.15.4"),
        ("1.17.1", "1.17.0"),
        ("1.19.3", "1.19.3"),
        ("1.20.1", "1.20.1"),
    ],
)
def test_a_version_is_inferred_from_the_fields_it_lists(real: str, inferred: str) -> None:
    version = Version.parse(real)
    assert version is not None
    defaults = built_in_defaults(version)
    assert str(infer_version(defaults.keys(), defaults)) == inferred


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_what_is_inferred_of_a_real_server_prints_as_it_does(version: Version) -> None:
    defaults = defaults_of(version)
    inferred = infer_version(defaults.keys(), defaults)
    assert inferred <= version
    assert listed_names(inferred) == listed_names(version)
    assert (inferred >= DAYS_FROM) is (version >= DAYS_FROM)


def test_a_deprecated_option_set_in_the_defaults_does_not_mislead() -> None:
    defaults = {**built_in_defaults(NEWEST), "runOnReady": "true"}
    assert infer_version(defaults.keys(), defaults) == NEWEST


def test_a_newer_server_with_more_fields_counts_as_the_newest_known() -> None:
    defaults = {**built_in_defaults(NEWEST), "holographic": True}
    assert infer_version(defaults.keys(), defaults) == NEWEST


def test_the_generator_writes_the_table_that_is_shipped(tmp_path: Path) -> None:
    table = json.loads((ROOT / "reconciler/core/options/path-options.json").read_text())
    listing = {"fields": {name: as_listed(entry) for name, entry in table.items()}}
    source, target = tmp_path / "listing.json", tmp_path / "table.json"
    source.write_text(json.dumps(listing))
    command = [sys.executable, str(ROOT / "tools/make_option_table.py"), str(source), "--to", str(target)]
    subprocess.run(command, check=True, timeout=60)
    assert target.read_text() == (ROOT / "reconciler/core/options/path-options.json").read_text()


def as_listed(entry: dict[str, Any]) -> dict[str, Any]:
    kinds = {"tracks": "list[AlwaysAvailableTrack]", "forward": "list[ForwardDest]"}
    kind = entry["kind"]
    return {
        "kind": kinds.get(kind, f"list[{kind[5:]}]" if kind.startswith("list_") else kind),
        "since": f"<=v{entry['since']}",
        "deprecatedSince": entry.get("deprecated_since"),
        "hotReloadSince": entry.get("hot_since"),
        "enum": entry.get("enum"),
        "secret": "readable in clear" if entry.get("secret") else None,
        "replacedBy": entry.get("replaced_by"),
        "default": entry["default"],
        "defaultHistory": [{"from": f"v{since}", "value": value} for since, value in entry.get("default_history", [])],
    }
