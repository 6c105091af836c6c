# ruff: noqa: INP001 - a script, in no package
"""Write the package's option table from a listing of MediaMTX's path fields.

The listing (`{"fields": {name: {kind, since, default, ...}}}`) is made from MediaMTX's source, every release; it is not
kept here. Run this when a release of MediaMTX adds or changes fields: `python tools/make_option_table.py LISTING.json`.

Not guaranteed: it copies what the listing says; the tests of the table and of the recordings are what checks it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parent.parent / "reconciler" / "core" / "options" / "path-options.json"
KINDS = {
    "list[cidr]": "list_cidr",
    "list[float]": "list_float",
    "list[uint]": "list_uint",
    "list[AlwaysAvailableTrack]": "tracks",
    "list[ForwardDest]": "forward",
}


def version(text: str | None) -> str | None:
    """`<=v1.8.0` and `v1.8.0` both become `1.8.0`: nothing older is supported."""
    return text.removeprefix("<=").removeprefix("v") if text else None


def option(field: dict[str, Any]) -> dict[str, Any]:
    """Return one field in the shape of the package's table; what is absent there means null, empty or false."""
    known = {
        "kind": KINDS.get(field["kind"], field["kind"]),
        "since": version(field["since"]),
        "deprecated_since": version(field.get("deprecatedSince")),
        "hot_since": version(field.get("hotReloadSince")),
        "enum": field.get("enum"),
        "secret": bool(field.get("secret")),
        "replaced_by": field.get("replacedBy"),
        "default": field["default"],
        "default_history": [[version(entry["from"]), entry["value"]] for entry in field.get("defaultHistory", [])],
    }
    return {key: value for key, value in known.items() if value not in (None, False, []) or key == "default"}


def main() -> None:
    """Read the listing named on the command line and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("listing", type=Path, help="mediamtx-path-fields.json")
    parser.add_argument("--to", type=Path, default=TARGET, help="where to write (default: the package's table)")
    arguments = parser.parse_args()
    fields = json.loads(arguments.listing.read_text(encoding="utf-8"))["fields"]
    lines = [
        f"{json.dumps(name)}:{json.dumps(option(fields[name]), separators=(',', ':'), ensure_ascii=False)}"
        for name in sorted(fields)
    ]
    arguments.to.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
