"""`reconciler demo`: the whole thing at work on a scratch file, within a minute of cloning.

Not guaranteed: the scratch directory is kept when its file was edited, and removed when it was not.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli.common import set_up_logs
from reconciler.cli.exits import Exit
from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    import argparse

    from reconciler.daemon.applying import ChangeResult
    from reconciler.logs import Redactor

__all__ = ["add_parser", "run"]

_SERVER = ("127.0.0.1", 9997)
_LISTEN = ("127.0.0.1", 9810)
_FILE = "streams.yaml"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command to argparse."""
    parser = subparsers.add_parser(
        "demo",
        help="see it work, on a simulated MediaMTX or a real one",
        description="Starts a simulated MediaMTX (or uses --server) and the daemon on a scratch copy of the shipped "
        "streams.yaml, says what to edit and what to look at, and prints each change. Ctrl-C ends it.",
    )
    parser.add_argument(
        "--server", metavar="URL", help="the Control API of a real MediaMTX, such as http://127.0.0.1:9997"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Show it."""
    import asyncio  # noqa: PLC0415

    arguments.log_level = "warning"
    set_up_logs(arguments)
    original = _shipped()
    scratch = Path(tempfile.mkdtemp(prefix="reconciler-demo-"))
    file = scratch / _FILE
    shutil.copyfile(original, file)
    try:
        asyncio.run(_show(file, arguments.server, arguments.redactor))
    finally:
        if file.exists() and file.read_bytes() != original.read_bytes():
            shutil.rmtree(scratch / "state", ignore_errors=True)
            print(f"Your edited file is kept: {file}")
        else:
            shutil.rmtree(scratch, ignore_errors=True)
    return Exit.OK


def _shipped() -> Path:
    """Find streams.yaml in a checkout or in an installed package."""
    package = Path(__file__).parents[1]
    for candidate in (package.parent / _FILE, package / "data" / _FILE):
        if candidate.exists():
            return candidate
    raise ReconcilerError("the shipped streams.yaml is missing from this installation: install the package again")


async def _show(file: Path, server: str | None, redactor: Redactor) -> None:
    import asyncio  # noqa: PLC0415
    import os  # noqa: PLC0415

    from reconciler.cli.listening import bind_near, stop_on_signals  # noqa: PLC0415
    from reconciler.daemon.app import Daemon, RunOverrides, SystemClock  # noqa: PLC0415
    from reconciler.mediamtx.simulator import Simulator  # noqa: PLC0415
    from reconciler.mediamtx.simulator.server import serve  # noqa: PLC0415

    serving: asyncio.Task[None] | None = None
    if server is None:
        listener = bind_near(*_SERVER)
        server = "http://{}:{}".format(*listener.getsockname()[:2])
        simulator = Simulator(clock=SystemClock(), boot={"all_others": {}})
        serving = asyncio.create_task(serve(simulator, listener), name="simulator")
    with bind_near(*_LISTEN) as probe:
        listen = probe.getsockname()[:2]
    daemon = Daemon(
        file,
        environ=os.environ,
        redactor=redactor,
        overrides=RunOverrides(server_url=server, listen=listen, state_dir=file.parent / "state"),
        on_change=_tell,
    )
    _greet(file, server, f"{listen[0]}:{listen[1]}", simulated=serving is not None)
    try:
        async with stop_on_signals() as stop:
            await daemon.run(stop)
    finally:
        if serving is not None:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
    print("\nStopped. The server was left as it was.")


def _greet(file: Path, server: str, listen: str, *, simulated: bool) -> None:
    kind = "a simulated MediaMTX" if simulated else "MediaMTX"
    print(
        f"""
reconciler keeps {kind} at {server} equal to this file:

    {file}

Edit and save it in another terminal: add a camera, change one, remove one, break it. Then look:

    curl -s {server}/v3/paths/list          what the server has
    curl -s http://{listen}/api/streams       what the daemon knows
    curl -s http://{listen}/metrics           what Prometheus sees
    {_command()} status --address {listen}

Each change is printed here. Ctrl-C ends it.
"""
        + (
            f"""To make a simulated camera fail and come back:
    curl -X POST '{server}/simulator/cameras?source=URL&do=die'      (or freeze, or live)
"""
            if simulated
            else ""
        ),
        flush=True,
    )


def _command() -> str:
    """Say how this program was called, so that the line can be pasted."""
    called = Path(sys.argv[0])
    try:
        return str(called.absolute().relative_to(Path.cwd()))
    except ValueError:
        return called.name


def _tell(result: ChangeResult) -> None:
    from reconciler.cli.render import render_result  # noqa: PLC0415

    print(f"{time.strftime('%H:%M:%S')}  {render_result(result).text}", flush=True)
