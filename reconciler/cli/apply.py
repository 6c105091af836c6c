"""`reconciler apply`: one pass, without a daemon; for a deployment script, or a first try."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from reconciler.cli.common import find_config, set_up_logs
from reconciler.cli.exits import Exit

if TYPE_CHECKING:
    import argparse

    from reconciler.daemon.applying import ChangeResult
    from reconciler.daemon.onepass import Outlook

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
    redactor = arguments.redactor
    failed: set[tuple[str, str]] = set()

    def report(result: ChangeResult) -> None:
        line = render_result(result)
        if line.failed:
            failed.add((result.change.server, result.change.name))
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
    return Exit.ERROR if failed & _open(outlook) else exit_code(outlook)


def _open(outlook: Outlook) -> set[tuple[str, str]]:
    """Name what is still not as it should be; what failed at first may have worked on a second try."""
    return {
        (change.server, change.name)
        for plan in outlook.plans.values()
        for change in (*plan.changes, *(held.change for held in plan.held))
    }
