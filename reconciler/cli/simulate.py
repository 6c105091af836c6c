"""`reconciler simulate`: a MediaMTX that is none, for trying things out and for CI."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli.common import set_up_logs
from reconciler.cli.exits import Exit
from reconciler.errors import ReconcilerError, SettingsError

if TYPE_CHECKING:
    from reconciler.core.options.version import Version
    from reconciler.mediamtx.simulator import Simulator

__all__ = ["add_parser", "run"]

_ADDRESS = "127.0.0.1:9997"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command to argparse."""
    parser = subparsers.add_parser(
        "simulate",
        help="run a simulated MediaMTX Control API",
        description="Runs a double of MediaMTX's Control API, without media, until Ctrl-C. Every source has a camera "
        "that works; tell one to fail with: curl -X POST 'http://ADDRESS/simulator/cameras?source=URL&do=die' "
        "(or freeze, or live).",
        conflict_handler="resolve",  # -c is another file here
    )
    parser.add_argument(
        "-c",
        "--config",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="a mediamtx.yml: its paths and users are there from the start (default: no paths, no login)",
    )
    parser.add_argument("--listen", metavar="HOST:PORT", default=_ADDRESS, help=f"default: {_ADDRESS}")
    parser.add_argument("--mediamtx-version", metavar="V", default=None, help="1.9.0 to 1.20.1 (default: 1.20.1)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted."""
    import asyncio  # noqa: PLC0415
    import contextlib  # noqa: PLC0415

    from reconciler.cli.listening import bind, parse_address  # noqa: PLC0415
    from reconciler.mediamtx.simulator.server import serve  # noqa: PLC0415

    set_up_logs(arguments, logging.ERROR)
    simulator = _simulator(arguments)
    listener = bind(*parse_address(arguments.listen))
    host, port = listener.getsockname()[:2]
    print(f"simulated MediaMTX v{simulator.version}: http://{host}:{port}/v3/paths/list (Ctrl-C ends it)", flush=True)

    async def until_interrupted() -> None:
        from reconciler.cli.listening import stop_on_signals  # noqa: PLC0415

        async with stop_on_signals() as stop:
            serving = asyncio.create_task(serve(simulator, listener))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            for task in (serving, stopping):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    asyncio.run(until_interrupted())
    return Exit.OK


def _simulator(arguments: argparse.Namespace) -> Simulator:
    from reconciler.core.options.version import NEWEST  # noqa: PLC0415
    from reconciler.daemon.clock import SystemClock  # noqa: PLC0415
    from reconciler.mediamtx.simulator import Simulator  # noqa: PLC0415
    from reconciler.mediamtx.simulator.config import RefusedError  # noqa: PLC0415
    from reconciler.mediamtx.simulator.configfile import BootFile, read_boot_file  # noqa: PLC0415

    version = NEWEST if arguments.mediamtx_version is None else _version(arguments.mediamtx_version)
    boot = read_boot_file(Path(arguments.config)) if arguments.config else BootFile({}, ())
    try:
        return Simulator(
            clock=SystemClock(), version=version, boot=boot.paths, defaults=boot.defaults, users=boot.users
        )
    except RefusedError as refusal:
        raise ReconcilerError(f"{arguments.config}: MediaMTX {version} would not start with it: {refusal}") from None


def _version(text: str) -> Version:
    from reconciler.core.options.version import NEWEST, OLDEST, Version  # noqa: PLC0415

    version = Version.parse(text)
    if version is None or not OLDEST <= version <= NEWEST:
        raise SettingsError(f"--mediamtx-version {text}: must lie between {OLDEST} and {NEWEST}")
    return version
