"""`reconciler validate`: every problem of a file, offline; for editors, hooks and CI."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.cli.common import find_config
from reconciler.cli.exits import Exit

if TYPE_CHECKING:
    import argparse

    from reconciler.spec import Loaded

__all__ = ["add_parser", "run"]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command to argparse."""
    parser = subparsers.add_parser(
        "validate",
        help="check a file without any server",
        description="Prints every problem as file:line:col: path: message, and exits with 1 when there is an error. "
        "No server is asked: options too new for yours show with `reconciler plan`.",
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="files to check (default: the one `run` would use)")
    parser.add_argument("--json", action="store_true", help="print the problems as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check all files."""
    import os  # noqa: PLC0415

    from reconciler.core.problem import Severity  # noqa: PLC0415
    from reconciler.spec import SystemSecrets, load  # noqa: PLC0415

    files = [Path(file) for file in arguments.files] or [find_config(arguments)]
    secrets = SystemSecrets(os.environ)
    results = [(file, load(file, secrets=secrets, digest_key=b"")) for file in files]
    bad = any(problem.severity is Severity.ERROR for _, loaded in results for problem in loaded.problems)
    if arguments.json:
        print(json.dumps({"ok": not bad, "files": [_json(file, loaded) for file, loaded in results]}, indent=2))
    else:
        for file, loaded in results:
            for problem in loaded.problems:
                print(problem)
            print(_summary(file, loaded))
    return Exit.ERROR if bad else Exit.OK


def _summary(file: Path, loaded: Loaded) -> str:
    from reconciler.core.problem import Severity  # noqa: PLC0415

    errors = sum(problem.severity is Severity.ERROR for problem in loaded.problems)
    if loaded.desired is None:
        return f"{file}: {_count(errors, 'error')}: the file as a whole cannot be used"
    good, aside = len(loaded.desired.streams), len(loaded.desired.set_aside)
    if errors:
        return f"{file}: {_count(errors, 'error')}: {_count(good, 'stream')} good, {aside} set aside"
    return f"{file}: ok, {_count(good, 'stream')}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _json(file: Path, loaded: Loaded) -> dict[str, Any]:
    return {
        "file": str(file),
        "usable": loaded.desired is not None,
        "streams": len(loaded.desired.streams) if loaded.desired else 0,
        "set_aside": sorted(loaded.desired.set_aside) if loaded.desired else [],
        "problems": [problem.data() for problem in loaded.problems],
    }
