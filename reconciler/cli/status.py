"""`reconciler status`: what the running daemon knows, as a table, as one stream in full, or as JSON.

Starts in well under a tenth of a second: nothing but the standard library is imported.

Exit code: 0 when the daemon answered, however the streams are (alert on `/metrics` for that); an unknown stream and a
daemon that does not answer are errors.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from reconciler.cli.ask import ask, find_address, parse_address
from reconciler.cli.status_text import Screen, overview, single
from reconciler.cli.table import Paint, colours_wanted
from reconciler.errors import DaemonUnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from reconciler.cli.ask import Address

__all__ = ["add_parser", "run", "watch"]

_WATCH_SECONDS = 2.0
_LINES = 24
_CLEAR = "\x1b[H\x1b[2J"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command to argparse."""
    parser = subparsers.add_parser(
        "status",
        help="show what the running daemon knows of the streams",
        description="Shows what the running daemon knows of the streams, the ill ones first.",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="show everything about this stream")
    parser.add_argument("--json", action="store_true", help="print what the daemon answers, as JSON")
    parser.add_argument("--watch", action="store_true", help="show it anew every two seconds, until Ctrl-C")
    parser.add_argument(
        "--address",
        type=_address,
        metavar="HOST:PORT",
        help="where the daemon listens (default: $RECONCILER_ADDRESS, else daemon.listen, else 127.0.0.1:9810)",
    )
    parser.set_defaults(run=run)


def _address(text: str) -> Address:
    try:
        return parse_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def run(args: argparse.Namespace) -> int:
    """Carry out the command; `args.config` (the file given on the command line) need not be there.

    Raises:
        DaemonUnreachableError: no daemon answers.
        ReconcilerError: there is no such stream.
        SettingsError: $RECONCILER_ADDRESS is not an address.
    """
    address = args.address or find_address(getattr(args, "config", None), os.environ)
    path = "/api/status" if args.name is None else f"/api/streams/{quote(args.name, safe='/')}"

    def show() -> str:
        answer = ask(address, path)
        if args.json:
            # In a loop, one line a picture; else for people too.
            return json.dumps(answer, ensure_ascii=False, indent=None if args.watch else 2) + "\n"
        screen = _screen(sys.stdout)
        lines = overview(answer, screen) if args.name is None else single(answer, screen)
        return "\n".join(lines) + "\n"

    if args.watch:
        watch(show, out=sys.stdout, sleep=time.sleep, clear=sys.stdout.isatty() and not args.json)
    else:
        _write(show(), sys.stdout)
    return 0


def watch(show: Callable[[], str], *, out: TextIO, sleep: Callable[[float], None], clear: bool) -> None:
    """Write what `show` gives every two seconds until Ctrl-C; a daemon that does not answer is waited for.

    `clear`: `out` is a terminal; each picture replaces the one before and is cut to its height.
    """
    try:
        while True:
            try:
                text = show()
            except DaemonUnreachableError as error:
                text = f"{error}\n"
            _write(_CLEAR + _fitting(text, out) if clear else text, out)
            sleep(_WATCH_SECONDS)
    except KeyboardInterrupt:
        return


def _fitting(text: str, out: TextIO) -> str:
    """Cut to the height of the terminal; the last line, which is the sum, stays."""
    lines = text.splitlines()
    height = (os.get_terminal_size(out.fileno()).lines or _LINES) - 1
    if len(lines) <= height:
        return text
    head = lines[: max(height - 2, 0)]
    return "\n".join([*head, f"... {len(lines) - len(head) - 1} more lines", lines[-1]]) + "\n"


def _screen(out: TextIO) -> Screen:
    width = (os.get_terminal_size(out.fileno()).columns or None) if out.isatty() else None
    return Screen(paint=Paint(enabled=colours_wanted(out, os.environ)), width=width, now=time.time())


def _write(text: str, out: TextIO) -> None:
    """Write at once; what the terminal's encoding lacks is replaced."""
    encoding = out.encoding or "utf-8"
    out.write(text.encode(encoding, "replace").decode(encoding))
    out.flush()
