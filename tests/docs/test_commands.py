"""docs/commands.md and the README describe the commands there are: all of them, with their options and exit codes."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from reconciler.cli.exits import Exit
from reconciler.cli.main import build_parser

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
PARSER = build_parser()
COMMANDS: dict[str, argparse.ArgumentParser] = next(
    action.choices for action in PARSER._actions if isinstance(action, argparse._SubParsersAction)
)
NOT_COMMANDS = {"Exit codes"}


def section(name: str) -> str:
    return PAGE.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


def options(parser: argparse.ArgumentParser) -> set[str]:
    return {option for action in parser._actions for option in action.option_strings} - {"-h", "--help"}


def test_the_page_has_a_section_for_each_command_and_no_other() -> None:
    assert set(re.findall(r"^## (.+)$", PAGE, re.MULTILINE)) - NOT_COMMANDS == COMMANDS.keys()


def test_the_readme_lists_each_command_and_no_other() -> None:
    assert set(re.findall(r"^\| `reconciler (\w+)` \|", README, re.MULTILINE)) == COMMANDS.keys()


@pytest.mark.parametrize("command", COMMANDS)
def test_each_option_of_a_command_is_described(command: str) -> None:
    missing = {option for option in options(COMMANDS[command]) - options(PARSER) if option not in section(command)}
    assert missing == set()


def test_each_option_for_all_commands_is_described() -> None:
    head = PAGE.partition("\n## ")[0]
    assert {option for option in options(PARSER) if f"`{option}" not in head} == set()


def test_no_option_is_described_that_is_not_there() -> None:
    known = set().union(*map(options, [PARSER, *COMMANDS.values()])) | {"--help"}
    assert set(re.findall(r"`(--[a-z-]+)", PAGE)) <= known


def test_the_exit_codes_are_those_of_the_program() -> None:
    listed = re.findall(r"^\| (\d+) \|", section("Exit codes"), re.MULTILINE)
    assert [int(code) for code in listed] == [code.value for code in Exit]
