"""`reconciler run`: the daemon, in the foreground, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from reconciler.cli.common import find_config, set_up_logs

if TYPE_CHECKING:
    import argparse

__all__ = ["add_parser", "run"]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command to argparse."""
    parser = subparsers.add_parser(
        "run",
        help="keep MediaMTX equal to the file, until stopped",
        description="Runs the daemon in the foreground. SIGHUP reads the file again, SIGTERM stops; "
        "stopping changes nothing on the server.",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the daemon."""
    import asyncio  # noqa: PLC0415
    import faulthandler  # noqa: PLC0415
    import os  # noqa: PLC0415

    from reconciler.daemon.app import run as run_daemon  # noqa: PLC0415

    config = find_config(arguments, must_exist=False)
    set_up_logs(arguments, logging.INFO)
    faulthandler.enable()  # the watchdog's SIGABRT then shows where we hang
    return asyncio.run(run_daemon(config, environ=os.environ, redactor=arguments.redactor))
