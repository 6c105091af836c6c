"""The JSON Schema and the loader agree: on every key, and on every value a schema can judge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.core.options.table import option_table
from reconciler.core.problem import Severity
from reconciler.spec import json_schema
from reconciler.spec.sections import DaemonSection, GuardSection, HealthSection, ServerSection, TlsSection
from reconciler.spec.streams import NOT_IN_DEFAULTS, OWN_KEYS
from reconciler.spec.top import TOP_KEYS
from reconciler.spec.yaml_reader import YamlError, read_yaml

if TYPE_CHECKING:
    from tests.support.spec import Folder

SCHEMA: Any = json_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
ROOT = Path(__file__).parents[2]
EXAMPLES = [ROOT / "streams.yaml", *sorted((ROOT / "examples").glob("*.yaml"))]
INVALID = Path(__file__).parent / "invalid"
SAMPLES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2.5, 3.0, "", "yes", "Off", "perhaps", "30s", "1.5d", "50M", "tcp", "30%"),
    *([], ["a"], [1, 2], {}, {"a": 1}, {"a": None}, "http://127.0.0.1:1", "127.0.0.1:80", "publisher"),
]
BEYOND_A_SCHEMA = {
    # Other parts of the file, other options, other files, secrets.
    *("camera-twice", "include-missing-file", "include-name-twice", "include-bad-part", "profile-unknown"),
    *("servers-stream-unknown", "servers-stream-without", "server-and-servers", "server-password-alone"),
    *("login-no-password", "login-no-username", "login-twice", "login-of-a-publisher"),
    *("option-exclusions", "option-port-range", "option-legacy-credentials"),
    *("secret-env-missing", "secret-cred-missing", "secret-cred-path", "secret-file-missing", "secret-in-source"),
    *("secret-file-relative", "secret-unknown-kind", "secret-unclosed", "server-password-missing"),
    # The grammar of names, addresses and MediaMTX's quantities, and what this version does not do yet.
    *("stream-name", "stream-name-pattern", "server-url", "server-url-port", "server-url-with-login"),
    *("login-unescaped-at", "login-unescaped-percent", "login-unescaped-slash", "login-user-without-password"),
    *("option-source-scheme", "option-source-port", "option-blank-hook", "daemon-listen-ipv6", "daemon-listen-port"),
    *("daemon-for-ever", "profile-bad-value", "stream-schedule", "stream-not-yet"),
}


def is_accepted(folder: Folder, document: Any) -> bool:
    loaded = folder.load(json.dumps(document))
    return not any(problem.severity is Severity.ERROR for problem in loaded.problems)


def test_it_is_a_schema_of_draft_2020_12() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_it_has_every_key_of_the_loader_and_no_other() -> None:
    parts = SCHEMA["$defs"]
    options = option_table().keys() - {"name"}
    assert SCHEMA["properties"].keys() == set(TOP_KEYS)
    assert parts["stream"]["properties"].keys() == options | OWN_KEYS
    assert parts["layer"]["properties"].keys() == (options | OWN_KEYS) - NOT_IN_DEFAULTS | {"profile"}
    for name, model in (
        ("server", ServerSection),
        ("daemon", DaemonSection),
        ("guard", GuardSection),
        ("health", HealthSection),
    ):
        assert parts[name]["properties"].keys() == model.model_fields.keys()
    assert parts["server"]["properties"]["tls"]["properties"].keys() == TlsSection.model_fields.keys()


def test_enums_are_those_of_the_option_table() -> None:
    for spec in option_table().values():
        if spec.enum:
            assert SCHEMA["$defs"]["stream"]["properties"][spec.name]["anyOf"][0] == {"enum": list(spec.enum)}


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_it_takes_the_examples(file: Path) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(read_yaml(file.read_bytes()))] == []


@pytest.mark.parametrize("file", sorted(INVALID.glob("*.yaml")), ids=lambda file: file.stem)
def test_it_refuses_the_invalid_files_it_can_judge(file: Path) -> None:
    try:
        document = read_yaml(file.read_bytes())
    except YamlError:
        return  # nothing that a schema could be asked about
    assert VALIDATOR.is_valid(document) is (file.stem in BEYOND_A_SCHEMA)


@pytest.mark.parametrize("key", TOP_KEYS)
def test_it_refuses_nothing_the_loader_takes_at_the_top(folder: Folder, key: str) -> None:
    for value in SAMPLES:
        document = {"streams": {}, key: value}
        assert VALIDATOR.is_valid(document) or not is_accepted(folder, document), value


@pytest.mark.parametrize("section", ["server", "daemon", "guard", "health"])
def test_it_refuses_nothing_the_loader_takes_in_a_section(folder: Folder, section: str) -> None:
    for key in SCHEMA["$defs"][section]["properties"]:
        for value in SAMPLES:
            document = {"streams": {}, section: {key: value}}
            assert VALIDATOR.is_valid(document) or not is_accepted(folder, document), (key, value)


@pytest.mark.parametrize("key", sorted(SCHEMA["$defs"]["stream"]["properties"]))
def test_it_refuses_nothing_the_loader_takes_on_a_stream(folder: Folder, key: str) -> None:
    for value in SAMPLES:
        document = {"streams": {"gate": {"source": "publisher", key: value}}}
        assert VALIDATOR.is_valid(document) or not is_accepted(folder, document), value
