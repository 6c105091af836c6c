"""`reconciler schema`: the JSON Schema of streams.yaml, for editors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from reconciler.cli.exits import Exit

if TYPE_CHECKING:
    import argparse

__all__ = ["add_parser", "run"]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command to argparse."""
    parser = subparsers.add_parser(
        "schema",
        help="print the JSON Schema of streams.yaml",
        description="Prints the JSON Schema of streams.yaml. Editors with a YAML language server complete from it: "
        "put `# yaml-language-server: $schema=streams.schema.json` on the first line of the file.",
    )
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    """Print it."""
    from reconciler.spec import json_schema  # noqa: PLC0415

    print(json.dumps(json_schema(), indent=2))
    return Exit.OK
