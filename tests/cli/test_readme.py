"""Every command line the README and the pages show is one the program takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from reconciler.cli.demo import shipped_file
from reconciler.cli.main import build_parser

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def command_lines() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        text = page.read_text()
        # Indented or fenced lines of a shell, and `reconciler ...` within a sentence or a table.
        lines = re.findall(r"^ {4,}(?:sudo )?(?:\S*/bin/)?reconciler (\S[^|#>\n]*)", text, re.MULTILINE)
        lines += re.findall(r"`reconciler ([a-z-][^`]*)`", text)
        found += [(page.name, line.strip()) for line in lines if not _is_synopsis(line)]
    return found


def _is_synopsis(line: str) -> bool:
    return any(sign in line for sign in ("[", "...", "COMMAND"))


@pytest.mark.parametrize(("page", "line"), command_lines())
def test_a_command_line_of_the_pages_is_understood(page: str, line: str) -> None:
    assert page
    build_parser().parse_args(shlex.split(line))


def test_there_are_command_lines_to_check() -> None:
    assert {page for page, _ in command_lines()} >= {"README.md", "commands.md"}


def test_make_has_the_two_commands() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in ("demo", "test", "setup", "check"):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    assert "$(MEDIAMTX)" in makefile


def test_the_demos_file_is_the_one_at_the_top() -> None:
    assert shipped_file() == ROOT / "streams.yaml"


def test_the_shipped_mediamtx_yml_lets_in_nobody_but_this_machine() -> None:
    settings = yaml.safe_load((ROOT / "mediamtx.yml").read_text())
    assert settings["api"] is True
    assert settings["apiAddress"] == "127.0.0.1:9997"
    assert {value.rpartition(":")[0] for key, value in settings.items() if key.endswith("Address")} == {"127.0.0.1"}
    assert [user["ips"] for user in settings["authInternalUsers"]] == [["127.0.0.1", "::1"]]
    assert settings["paths"] == {}


def test_the_files_the_readme_installs_are_there() -> None:
    named = re.findall(
        r"^ {4,}sudo install .*?(systemd/\S+|streams\.yaml) /", (ROOT / "README.md").read_text(), re.MULTILINE
    )
    assert len(named) == 3
    assert [name for name in named if not (ROOT / name).exists()] == []
