"""`reconciler plan`: what would be done now, and what it would cost. Writes nothing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from reconciler.cli.common import find_config, set_up_logs
from reconciler.cli.exits import Exit

if TYPE_CHECKING:
    import argparse

    from reconciler.daemon.onepass import Outlook

__all__ = ["add_parser", "exit_code", "run"]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command to argparse."""
    parser = subparsers.add_parser(
        "plan",
        help="show what would be changed, and whom it would cut off",
        description="Reads the file and the server and prints what would be done. Writes nothing. "
        "Exits with 0 when there is nothing to do, 2 when there is, 1 on an error.",
    )
    parser.add_argument("--format", choices=("text", "json", "markdown"), default="text", help="default: text")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the plan."""
    import asyncio  # noqa: PLC0415
    import os  # noqa: PLC0415

    from reconciler.cli.render import render  # noqa: PLC0415
    from reconciler.daemon.onepass import make_plans  # noqa: PLC0415

    set_up_logs(arguments, logging.ERROR)
    outlook = asyncio.run(make_plans(find_config(arguments), environ=os.environ, redactor=arguments.redactor))
    print(render(outlook, arguments.format, arguments.redactor.text))
    return exit_code(outlook)


def exit_code(outlook: Outlook) -> Exit:
    """Say in one number whether anything is wrong, or to be done."""
    from reconciler.core.problem import Severity  # noqa: PLC0415

    if outlook.errors or any(problem.severity is Severity.ERROR for problem in outlook.problems):
        return Exit.ERROR
    if any(plan.changes or plan.held for plan in outlook.plans.values()):
        return Exit.CHANGES
    return Exit.OK
