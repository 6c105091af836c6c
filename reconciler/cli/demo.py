"""`reconciler demo`: the whole thing at work on a scratch file, within a minute of cloning.

The scratch directory is removed at the end, unless its file was edited: then the file stays, and is named.

Not guaranteed: on a real server (--server) the demo's paths stay, as a daemon's do; they are named at the end.
"""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from reconciler.cli.common import set_up_logs
from reconciler.cli.exits import Exit
from reconciler.errors import ReconcilerError, SettingsError

if TYPE_CHECKING:
    import argparse
    import asyncio
    from collections.abc import AsyncIterator

    from reconciler.daemon.applying import ChangeResult
    from reconciler.logs import Redactor

__all__ = ["add_parser", "run", "shipped_file"]

_SERVER = ("127.0.0.1", 9997)
_LISTEN = ("127.0.0.1", 9810)
_FILE = "streams.yaml"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command to argparse."""
    parser = subparsers.add_parser(
        "demo",
        help="see it work, on a simulated MediaMTX or a real one",
        description="Starts a simulated MediaMTX (or uses --server) and the daemon on a scratch copy of the shipped "
        "streams.yaml (or of the file named by -c), says what to edit and what to look at, and prints each change. "
        "Ctrl-C ends it.",
    )
    parser.add_argument(
        "--server", metavar="URL", help="the Control API of a real MediaMTX, such as http://127.0.0.1:9997"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Show it."""
    import asyncio  # noqa: PLC0415

    set_up_logs(arguments, logging.WARNING)
    if not arguments.debug:
        # Writes that fail are told on standard output, with the others.
        logging.getLogger("reconciler.daemon.applying").setLevel(logging.CRITICAL)
    _check_server(arguments.server)
    original = Path(arguments.config) if arguments.config else shipped_file()
    scratch = Path(tempfile.mkdtemp(prefix="reconciler-demo-"))
    file = scratch / _FILE
    try:
        try:
            shutil.copyfile(original, file)
        except OSError as error:
            raise ReconcilerError(f"{original}: {error.strerror}") from None
        asyncio.run(_Show(file, arguments.server, arguments.redactor).run())
    finally:
        _tidy(scratch, file, original)
    return Exit.OK


def shipped_file() -> Path:
    """Return the shipped streams.yaml: beside the package in a checkout, inside it once installed.

    There is one such file; the wheel takes it from the checkout.
    """
    package = Path(__file__).parents[1]
    for candidate in (package / "data" / _FILE, package.parent / _FILE):
        if candidate.exists():
            return candidate
    raise ReconcilerError("the shipped streams.yaml is missing from this installation: install the package again")


def _check_server(url: str | None) -> None:
    if url is not None and (urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname):
        raise SettingsError("--server: expected the address of MediaMTX's API, such as http://127.0.0.1:9997")


def _tidy(scratch: Path, file: Path, original: Path) -> None:
    """Remove what the demo made, but nothing that was edited, nor anything put beside it."""
    shutil.rmtree(scratch / "state", ignore_errors=True)
    others = [entry for entry in scratch.iterdir() if entry != file]
    if others or (file.exists() and file.read_bytes() != original.read_bytes()):
        print(f"What you edited is kept in {scratch}")
    else:
        shutil.rmtree(scratch, ignore_errors=True)


class _Show:
    """One demo, from the greeting to the good-bye."""

    def __init__(self, file: Path, server: str | None, redactor: Redactor) -> None:
        self._file, self._server, self._redactor = file, server, redactor
        self._ours: set[str] = set()

    async def run(self) -> None:
        """Run until Ctrl-C or SIGTERM."""
        import os  # noqa: PLC0415
        from contextlib import asynccontextmanager  # noqa: PLC0415

        from reconciler.cli.listening import bind_near, stop_on_signals  # noqa: PLC0415
        from reconciler.daemon.app import Daemon, RunOverrides  # noqa: PLC0415

        with bind_near(*_LISTEN) as probe:
            listen: tuple[str, int] = probe.getsockname()[:2]
        async with asynccontextmanager(self._a_server)() as server, stop_on_signals() as stop:
            daemon = Daemon(
                self._file,
                environ=os.environ,
                redactor=self._redactor,
                overrides=RunOverrides(server_url=server, listen=listen, state_dir=self._file.parent / "state"),
                on_change=self._tell,
            )
            self._greet(server, listen)
            await daemon.run(stop)
        self._say_good_bye(server)

    async def _a_server(self) -> AsyncIterator[str]:
        """Give the address of a server: the one asked for, or a simulated one that lives as long as this."""
        if self._server is not None:
            yield self._server
            return
        import asyncio  # noqa: PLC0415

        from reconciler.cli.listening import bind_near  # noqa: PLC0415
        from reconciler.daemon.clock import SystemClock  # noqa: PLC0415
        from reconciler.mediamtx.simulator import Simulator  # noqa: PLC0415
        from reconciler.mediamtx.simulator.server import serve  # noqa: PLC0415

        listener = bind_near(*_SERVER)
        host, port = listener.getsockname()[:2]
        simulator = Simulator(clock=SystemClock(), boot={"all_others": {}})
        serving: asyncio.Task[None] = asyncio.create_task(serve(simulator, listener), name="simulator")
        try:
            yield f"http://{host}:{port}"
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    # --- what is said ---------------------------------------------------------------------------------------------

    def _greet(self, server: str, listen: tuple[str, int]) -> None:
        from reconciler.logs import mask_url  # noqa: PLC0415

        api, address = mask_url(server).rstrip("/"), f"{listen[0]}:{listen[1]}"
        kind = "MediaMTX" if self._server else "a simulated MediaMTX"
        lines = ["", f"reconciler keeps {kind} at {api} equal to this file:", "", f"    {self._file}", ""]
        if not self._server and not server.endswith(f":{_SERVER[1]}"):
            lines += [f"Port {_SERVER[1]} is taken: the simulated MediaMTX has taken a free one.", ""]
        if listen != _LISTEN:
            lines += [f"Port {_LISTEN[1]} is taken: the daemon has taken a free one.", ""]
        looks = {
            f"curl -s {api}/v3/paths/list": "what the server has",
            f"curl -s http://{address}/api/streams": "what the daemon knows",
            f"curl -s http://{address}/metrics": "what Prometheus sees",
            f"{_command()} status --address {address}": "the same, for people",
        }
        width = max(map(len, looks))
        lines.append("Edit and save it: add a camera, change one, remove one, break it. And look, in another terminal:")
        lines += ["", *(f"    {look:{width}}  # {what}" for look, what in looks.items()), ""]
        if not self._server:
            lines += ["The cameras are simulated too, and work. Let one die, and bring it back with do=live:", ""]
            lines += [f"    curl -X POST '{api}/simulator/cameras?do=die&source={self._a_camera()}'", ""]
        lines += ["Each change is printed here. Ctrl-C ends it.", ""]
        print("\n".join(lines), flush=True)

    def _a_camera(self) -> str:
        """Return a source of the file, to have something to kill."""
        from reconciler.spec import SystemSecrets, load  # noqa: PLC0415

        desired = load(self._file, secrets=SystemSecrets({}), digest_key=b"").desired
        sources = (
            [str(stream.options.get("source", "")) for stream in desired.streams.values() if stream.enabled]
            if desired
            else []
        )
        cameras = [source for source in sources if source.startswith("rtsp") and "@" not in source]
        return cameras[0] if cameras else "URL"

    def _tell(self, result: ChangeResult) -> None:
        from reconciler.cli.render import render_result  # noqa: PLC0415
        from reconciler.core.model import Action  # noqa: PLC0415

        line = render_result(result)
        if not line.failed and result.change.action is Action.DELETE:
            self._ours.discard(result.change.name)
        elif not line.failed:
            self._ours.add(result.change.name)
        print(self._redactor.text(f"{time.strftime('%H:%M:%S')}  {line.text}"), flush=True)

    def _say_good_bye(self, server: str) -> None:
        from reconciler.logs import mask_url  # noqa: PLC0415

        print("\nStopped.", flush=True)
        if self._server and self._ours:
            print(
                f"These paths stay on {mask_url(server)}, as they do when a daemon stops, until MediaMTX is restarted: "
                + ", ".join(sorted(self._ours))
            )


def _command() -> str:
    """Say how this program was called, so that the line can be pasted."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{Path(sys.executable).name} -m reconciler"
    try:
        return str(called.absolute().relative_to(Path.cwd()))
    except ValueError:
        return called.name if shutil.which(called.name) else str(called)
