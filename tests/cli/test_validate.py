"""`reconciler validate` and `reconciler schema`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jsonschema
import yaml

from reconciler.cli.demo import shipped_file
from reconciler.cli.exits import Exit

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.commands import Cli

GOOD = "streams:\n  gate:\n    source: rtsp://127.0.0.1:5999/gate\n"
WARNED = GOOD + "guard: {window: 5m}\n"
TWO_MISTAKES = "streams:\n  gate:\n    sorce: publisher\n  yard:\n    maxReaders: many\n  shed: {}\n"
BROKEN = "streams: [\n"


def test_a_good_file_is_ok(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD)
    ended = cli("validate", "good.yaml")
    assert (ended.code, ended.out) == (Exit.OK, "good.yaml: ok, 1 stream\n")


def test_every_problem_is_a_line_with_its_place(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(TWO_MISTAKES)
    ended = cli("validate", "bad.yaml")
    lines = ended.out.splitlines()
    assert ended.code == Exit.ERROR
    assert lines[0] == "bad.yaml:3:5: streams.gate.sorce: unknown key, did you mean 'source'?"
    assert lines[1].startswith("bad.yaml:5:17: streams.yard.maxReaders: ")
    assert lines[2:] == ["bad.yaml: 2 errors: 1 stream good, 2 set aside"]


def test_a_file_that_cannot_be_used_at_all_is_said_to_be_so(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text(BROKEN)
    ended = cli("validate", "broken.yaml")
    assert ended.code == Exit.ERROR
    assert ended.out.splitlines()[-1] == "broken.yaml: 1 error: the file as a whole cannot be used"


def test_warnings_alone_are_no_error(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "warned.yaml").write_text(WARNED)
    ended = cli("validate", "warned.yaml")
    assert ended.code == Exit.OK
    assert "warning: " in ended.out


def test_of_several_files_each_is_told_and_one_bad_one_is_enough(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "broken.yaml").write_text(BROKEN)
    ended = cli("validate", "good.yaml", "broken.yaml", "missing.yaml")
    assert ended.code == Exit.ERROR
    assert "good.yaml: ok, 1 stream" in ended.out
    assert "broken.yaml: 1 error" in ended.out
    assert "missing.yaml: 1 error" in ended.out


def test_json_has_the_same(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(TWO_MISTAKES)
    ended = cli("validate", "--json", "good.yaml", "bad.yaml")
    good, bad = ended.json["files"]
    assert ended.code == Exit.ERROR
    assert ended.json["ok"] is False
    assert good == {"file": "good.yaml", "usable": True, "streams": 1, "set_aside": [], "problems": []}
    assert bad["set_aside"] == ["gate", "yard"]
    assert bad["problems"][0] == {
        "file": "bad.yaml",
        "line": 3,
        "column": 5,
        "path": "streams.gate.sorce",
        "message": "unknown key, did you mean 'source'?",
        "stream": "gate",
        "severity": "error",
    }


def test_the_shipped_file_is_valid_for_the_printed_schema_and_for_the_loader(cli: Cli) -> None:

    schema = cli("schema")
    assert schema.code == Exit.OK
    jsonschema.Draft202012Validator.check_schema(schema.json)
    jsonschema.validate(yaml.safe_load(shipped_file().read_text()), schema.json)
    assert cli("validate", shipped_file()).out == f"{shipped_file()}: ok, 4 streams\n"
