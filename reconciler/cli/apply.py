"""`reconciler apply`: one pass, without a daemon; for a deployment script, or a first try."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from reconciler.cli.common import find_config, set_up_logs
from reconciler.cli.exits import Exit

if TYPE_CHECKING:
    import argparse

    from reconciler.daemon.applying import ChangeResult

__all__ = ["add_parser", "run"]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command to argparse."""
    parser = subparsers.add_parser(
        "apply",
        help="make the changes once, without a daemon",
        description="Makes one pass: everything the plan allows is written at once, removals without their grace. "
        "Refuses to work beside a running daemon. "
        "Exits with 0 when all is done, 2 when something is left, 1 on an error.",
    )
    parser.add_argument(
        "--allow-delete-all", action="store_true", help="delete even when that leaves no path of ours on a server"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Make the pass."""
    import asyncio  # noqa: PLC0415
    import os  # noqa: PLC0415

    from reconciler.cli.plan import exit_code  # noqa: PLC0415
    from reconciler.cli.render import render, render_result  # noqa: PLC0415
    from reconciler.daemon.onepass import apply_once  # noqa: PLC0415

    set_up_logs(arguments, logging.ERROR)
    redactor, failed = arguments.redactor, []

    def report(result: ChangeResult) -> None:
        line = render_result(result)
        if line.failed:
            failed.append(result)
        print(redactor.text(line.text), flush=True)

    outlook = asyncio.run(
        apply_once(
            find_config(arguments),
            environ=os.environ,
            redactor=redactor,
            report=report,
            allow_delete_all=arguments.allow_delete_all,
        )
    )
    print(render(outlook, "text", redactor.text))
    return Exit.ERROR if failed else exit_code(outlook)
