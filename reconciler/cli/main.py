"""The command line: finds the command and the file, and is the one place where an error becomes a sentence.

Each command is a module with `add_parser` and `run`. Only modules of commands that the command line names are imported,
and what is heavy only when a command runs: `status` starts at once.

Not guaranteed: with `--debug` a traceback is shown; secrets that were resolved are taken out of it.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from reconciler import __version__
from reconciler.cli.exits import Exit
from reconciler.errors import ReconcilerError, SettingsError
from reconciler.logs import Redactor

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["build_parser", "main"]

_COMMANDS = ("run", "plan", "apply", "validate", "status", "schema", "simulate", "demo")
"""Each is a module of this package."""
_LEVELS = ("debug", "info", "warning", "error")


class _Parser(argparse.ArgumentParser):
    """argparse with sysexits' code for wrong usage, and a guess at what was meant."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        print(f"{self.prog}: {message}; see `{self.prog} --help`", file=sys.stderr)
        raise SystemExit(Exit.USAGE)

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.dest == "command" and action.choices is not None and value not in action.choices:
            import difflib  # noqa: PLC0415

            typed = str(value)
            near = [name for name in _COMMANDS if typed and name.startswith(typed)]
            near += difflib.get_close_matches(typed, _COMMANDS, n=1)
            hint = f", did you mean {near[0]!r}?" if near else ""
            raise argparse.ArgumentError(action, f"there is no command {str(value)!r}{hint}")
        super()._check_value(action, value)


class _CommandParser(_Parser):
    """The parser of a command, which takes the common options too: they may stand before or after the command."""

    def __init__(self, **options: Any) -> None:
        super().__init__(parents=[_common(at_top=False)], allow_abbrev=False, **options)


def build_parser(argv: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Return the parser of the commands that `argv` names, of all when it names none."""
    parser = _Parser(
        prog="reconciler",
        description="Keeps the paths of a MediaMTX server equal to the cameras of streams.yaml.",
        epilog="`reconciler COMMAND --help` explains each. Exit codes: 0 ok, 1 error, 2 changes pending (plan, apply), "
        "64 wrong usage, 78 a setting of our own is wrong, 130 interrupted.",
        parents=[_common(at_top=True)],
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"reconciler {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_CommandParser)
    for name in [name for name in _COMMANDS if name in argv] or _COMMANDS:
        import_module(f"reconciler.cli.{name}").add_parser(commands)
    return parser


def _common(*, at_top: bool) -> argparse.ArgumentParser:
    """Return the common options, anew each time: a command may redefine one."""

    def default(*, value: object) -> Any:
        # What stood before the command must survive when it does not stand behind it.
        return value if at_top else argparse.SUPPRESS

    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "-c",
        "--config",
        metavar="FILE",
        default=default(value=None),
        help="the streams file (default: $RECONCILER_CONFIG, ./streams.yaml, /etc/reconciler/streams.yaml)",
    )
    common.add_argument("--log-format", choices=("text", "json"), default=default(value="text"), help="default: text")
    common.add_argument(
        "--log-level",
        choices=_LEVELS,
        default=default(value=None),
        help="default: info for run, warning for demo, else error",
    )
    common.add_argument(
        "--debug", action="store_true", default=default(value=False), help="log everything, show tracebacks"
    )
    return common


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    try:
        argv = sys.argv[1:] if argv is None else argv
        arguments = build_parser(argv).parse_args(argv)
    except SystemExit as end:  # argparse ends the program itself, after --help and after wrong usage
        return int(end.code or 0)
    arguments.redactor = redactor = Redactor()
    try:
        code = int(arguments.run(arguments))
        sys.stdout.flush()
    except SettingsError as error:
        return _fail(arguments, error, redactor, Exit.SETTINGS)
    except ReconcilerError as error:
        return _fail(arguments, error, redactor, Exit.ERROR)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough; Python must not complain about it while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.ERROR
    except Exception as error:  # noqa: BLE001 - the last one there is
        # Its text was not written for users, nor with secrets in mind.
        text = f"internal error: {type(error).__name__}" + ("" if arguments.debug else " (--debug shows more)")
        return _fail(arguments, error, redactor, Exit.ERROR, text)
    return code


def _fail(
    arguments: argparse.Namespace, error: BaseException, redactor: Redactor, code: Exit, text: str | None = None
) -> int:
    if arguments.debug:
        print(redactor.text("".join(traceback.format_exception(error))), file=sys.stderr, end="")
    print(redactor.text(f"reconciler: {text or error}"), file=sys.stderr)
    return code
