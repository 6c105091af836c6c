"""The command line: finds the command and the file, and is the one place where an error becomes a sentence.

Each command is a module with `add_parser` and `run`; what is heavy is imported when a command runs, so that `status`
and `--help` start at once.

Not guaranteed: with `--debug` a traceback is shown; secrets that were resolved are taken out of it.
"""

from __future__ import annotations

import argparse
import difflib
import logging
import os
import sys
import traceback
from typing import TYPE_CHECKING, NoReturn

from reconciler import __version__
from reconciler.cli import apply, demo, plan, run, schema, simulate, status, validate
from reconciler.cli.exits import Exit
from reconciler.errors import ReconcilerError, SettingsError
from reconciler.logs import Redactor

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["build_parser", "main"]

_COMMANDS = (run, plan, apply, validate, status, schema, simulate, demo)
_LEVELS = ("debug", "info", "warning", "error")


class _Parser(argparse.ArgumentParser):
    """argparse with sysexits' code for wrong usage, and a guess at what was meant."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        print(f"{self.prog}: {message}", file=sys.stderr)
        raise SystemExit(Exit.USAGE)

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if (
            action.choices is not None
            and value not in action.choices
            and isinstance(action, argparse._SubParsersAction)
        ):
            near = difflib.get_close_matches(str(value), list(action.choices), n=1)
            hint = f", did you mean {near[0]!r}?" if near else ""
            raise argparse.ArgumentError(action, f"there is no command {str(value)!r}{hint}")
        super()._check_value(action, value)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of everything."""
    common = _common(default=argparse.SUPPRESS)
    parser = _Parser(
        prog="reconciler",
        description="Keeps the paths of a MediaMTX server equal to the cameras of streams.yaml.",
        parents=[_common(default=None)],
    )
    parser.add_argument("--version", action="version", version=f"reconciler {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_WithCommon(common))
    for command in _COMMANDS:
        command.add_parser(commands)
    return parser


class _WithCommon:
    """Makes sub-parsers that take the common options too: they may stand before or after the command."""

    def __init__(self, common: argparse.ArgumentParser) -> None:
        self._common = common

    def __call__(self, **options: object) -> argparse.ArgumentParser:
        return _Parser(parents=[self._common], **options)  # type: ignore[arg-type] # argparse's own keywords


def _common(*, default: str | None) -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "-c",
        "--config",
        metavar="FILE",
        default=default,
        help="the streams file (default: $RECONCILER_CONFIG, ./streams.yaml, /etc/reconciler/streams.yaml)",
    )
    common.add_argument(
        "--log-format", choices=("text", "json"), default="text" if default is None else default, help="default: text"
    )
    common.add_argument(
        "--log-level", choices=_LEVELS, default="info" if default is None else default, help="default: info"
    )
    common.add_argument(
        "--debug",
        action="store_true",
        default=False if default is None else default,
        help="log everything, show tracebacks",
    )
    return common


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    arguments = build_parser().parse_args(argv)
    arguments.redactor = redactor = Redactor()
    try:
        return int(arguments.run(arguments))
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
    except Exception as error:
        logging.getLogger(__name__).debug("internal error", exc_info=error)
        text = f"internal error: {type(error).__name__} (run with --debug for the traceback)"
        return _fail(arguments, error, redactor, Exit.ERROR, text)


def _fail(
    arguments: argparse.Namespace, error: BaseException, redactor: Redactor, code: Exit, text: str | None = None
) -> int:
    if arguments.debug:
        print(redactor.text("".join(traceback.format_exception(error))), file=sys.stderr, end="")
    print(redactor.text(f"reconciler: {text or error}"), file=sys.stderr)
    return code
