"""What all commands have in common: finding the file, errors in one sentence, exit codes."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from reconciler import __version__
from reconciler.cli import validate
from reconciler.cli.exits import Exit
from reconciler.errors import ReconcilerError, SettingsError

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from tests.support.commands import Cli

COMMANDS = ("run", "plan", "apply", "validate", "status", "schema", "simulate", "demo")
GOOD = "streams: {gate: {source: 'rtsp://127.0.0.1:5999/gate'}}\n"
BAD = "streams: {gate: {sorce: 'rtsp://127.0.0.1:5999/gate'}}\n"
SECRET = "hunter2-and-more"


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Make `validate` end with `error`, after the redactor has learnt the secret."""

    def run(arguments: argparse.Namespace) -> int:
        arguments.redactor.learn(SECRET)
        raise error

    monkeypatch.setattr(validate, "run", run)


class TestHelp:
    @pytest.mark.parametrize("command", COMMANDS)
    def test_every_command_explains_itself(self, cli: Cli, command: str) -> None:
        ended = cli(command, "--help")
        assert ended.code == Exit.OK
        assert ended.out.startswith(f"usage: reconciler {command}")
        assert "--config FILE" in ended.out

    def test_the_overview_names_every_command_and_the_exit_codes(self, cli: Cli) -> None:
        ended = cli("--help")
        assert ended.code == Exit.OK
        for command in COMMANDS:
            assert f"\n    {command} " in ended.out
        for code in Exit:
            assert str(code.value) in ended.out

    def test_the_version_is_told(self, cli: Cli) -> None:
        assert cli("--version").out == f"reconciler {__version__}\n"


class TestUsage:
    @pytest.mark.parametrize(
        "arguments",
        [
            (),
            ("plan", "--no-such-option"),
            ("plan", "--format", "xml"),
            ("plan", "--log-level"),
            ("plan", "too", "many"),
        ],
    )
    def test_wrong_usage_ends_with_64_and_a_usage_line(self, cli: Cli, arguments: tuple[str, ...]) -> None:
        ended = cli(*arguments)
        assert ended.code == Exit.USAGE
        assert ended.out == ""
        assert ended.err.startswith("usage: reconciler")

    @pytest.mark.parametrize(("typed", "meant"), [("plann", "plan"), ("stauts", "status"), ("sim", "simulate")])
    def test_a_mistyped_command_is_guessed(self, cli: Cli, typed: str, meant: str) -> None:
        ended = cli(typed)
        assert ended.code == Exit.USAGE
        assert f"there is no command {typed!r}, did you mean {meant!r}?" in ended.err

    def test_options_are_not_abbreviated_so_that_new_ones_break_no_script(self, cli: Cli) -> None:
        assert cli("validate", "--conf", "x").code == Exit.USAGE


class TestTheFile:
    @pytest.mark.parametrize("before", [True, False])
    def test_it_may_be_named_before_or_after_the_command(self, cli: Cli, tmp_path: Path, *, before: bool) -> None:
        file = tmp_path / "mine.yaml"
        file.write_text(GOOD)
        ended = cli("-c", file, "validate") if before else cli("validate", "-c", file)
        assert (ended.code, ended.out) == (Exit.OK, f"{file}: ok, 1 stream\n")

    def test_the_environment_names_it_when_the_command_line_does_not(
        self, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "streams.yaml").write_text(BAD)
        file = tmp_path / "env.yaml"
        file.write_text(GOOD)
        monkeypatch.setenv("RECONCILER_CONFIG", str(file))
        assert cli("validate").out == f"{file}: ok, 1 stream\n"

    def test_streams_yaml_of_the_directory_comes_next(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "streams.yaml").write_text(GOOD)
        assert cli("validate").out == "streams.yaml: ok, 1 stream\n"

    def test_when_there_is_none_all_places_are_named(self, cli: Cli) -> None:
        ended = cli("plan")
        assert ended.code == Exit.ERROR
        for place in ("-c", "$RECONCILER_CONFIG", "./streams.yaml", "/etc/reconciler/streams.yaml"):
            assert place in ended.err
        assert ended.err.count("\n") == 1


class TestErrors:
    @pytest.mark.parametrize(
        ("error", "code"), [(ReconcilerError("no luck"), Exit.ERROR), (SettingsError("no luck"), Exit.SETTINGS)]
    )
    def test_an_error_is_one_sentence(
        self, cli: Cli, monkeypatch: pytest.MonkeyPatch, error: Exception, code: Exit
    ) -> None:
        fail_with(monkeypatch, error)
        ended = cli("validate")
        assert (ended.code, ended.out, ended.err) == (code, "", "reconciler: no luck\n")

    def test_a_traceback_is_shown_only_with_debug(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        fail_with(monkeypatch, ReconcilerError("no luck"))
        assert "Traceback" not in cli("validate").err
        assert "Traceback" in cli("--debug", "validate").err
        assert "Traceback" in cli("validate", "--debug").err

    @pytest.mark.parametrize("debug", [(), ("--debug",)])
    @pytest.mark.parametrize("kind", [ReconcilerError, ValueError])
    def test_no_secret_is_in_it(
        self, cli: Cli, monkeypatch: pytest.MonkeyPatch, debug: tuple[str, ...], kind: type[Exception]
    ) -> None:
        fail_with(monkeypatch, kind(f"rtsp://admin:{SECRET}@cam/ and {SECRET} again, rtsp://u:unlearnt@x/"))
        ended = cli(*debug, "validate")
        assert ended.code == Exit.ERROR
        assert SECRET not in ended.out + ended.err
        assert "unlearnt" not in ended.out + ended.err

    def test_a_fault_of_ours_says_so_without_its_text(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        fail_with(monkeypatch, KeyError("whatever"))
        assert cli("validate").err == "reconciler: internal error: KeyError (--debug shows more)\n"

    def test_ctrl_c_is_quiet(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        fail_with(monkeypatch, KeyboardInterrupt())
        ended = cli("validate")
        assert (ended.code, ended.out, ended.err) == (Exit.INTERRUPTED, "", "")

    def test_a_reader_that_has_enough_is_no_error_to_talk_about(self) -> None:
        program = subprocess.Popen(
            [sys.executable, "-m", "reconciler", "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert program.stdout is not None
        program.stdout.close()
        assert program.stderr is not None
        assert program.stderr.read() == b""
        program.stderr.close()
        assert program.wait() == Exit.ERROR


class TestLogs:
    def test_short_commands_log_errors_only_unless_asked(
        self, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "streams.yaml").write_text(GOOD)
        seen = []

        def spy(*_: object, **__: object) -> object:
            seen.append(logging.getLogger().level)
            raise ReconcilerError("far enough")

        monkeypatch.setattr("reconciler.daemon.onepass.make_plans", spy)
        cli("plan")
        cli("plan", "--log-level", "info")
        cli("plan", "--debug")
        assert seen == [logging.ERROR, logging.INFO, logging.DEBUG]


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        ("--help", {"asyncio", "fastapi", "httpx", "uvicorn", "pydantic", "yaml", "sqlite3", "apscheduler"}),
        ("validate", {"asyncio", "fastapi", "httpx", "uvicorn", "sqlite3", "apscheduler", "prometheus_client"}),
        ("schema", {"asyncio", "fastapi", "httpx", "uvicorn", "sqlite3", "apscheduler", "prometheus_client"}),
    ],
)
def test_a_command_imports_only_what_it_needs(tmp_path: Path, arguments: str, heavy: set[str]) -> None:
    (tmp_path / "streams.yaml").write_text(GOOD)
    code = (
        "import sys; from reconciler.cli.main import main; main(sys.argv[1:]); "
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, arguments], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert heavy & set(ended.stderr.split()) == set()
