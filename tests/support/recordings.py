"""Recorded requests and answers of real servers, of six versions: `tests/data/recordings/<version>.jsonl.gz`.

A recording is groups of steps; each group begins on a fresh server with `paths` (and perhaps `users`) in its file. Step
numbers and requests are the same in all versions. To replay: send the steps of a group in order, byte for byte; compare
status, content type up to `;`, the headers named, and the body after `trimmed`. Texts that come from Go's libraries
(`is_gos_text`) may differ. At `fatal` steps the server ended.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.core.options.version import Version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.core.model import Json

__all__ = ["VERSIONS", "Group", "Recording", "Step", "is_gos_text", "recording", "trimmed"]

FOLDER = Path(__file__).parents[1] / "data" / "recordings"
VERSIONS = (
    Version(1, 9, 3),
    Version(1, 12, 0),
    Version(1, 15, 6),
    Version(1, 17, 1),
    Version(1, 19, 3),
    Version(1, 20, 1),
)
_GO = ("json:", "time:", "strconv.", "invalid character", "unexpected end of JSON")


@dataclass(frozen=True, slots=True)
class Step:
    """One request and its answer. `raw` is the exact text to send; None: no body. `note`: what the step is about.

    `trim` says what was kept of the answer's body (`trimmed` applies it). `repeat`: send it that often, `{i}` in the
    path being 000, 001, ... `fresh_server`: restart before it. `answer` holds `status`, `content_type`, `body`, and
    perhaps `headers`.
    """

    number: int
    method: str
    path: str
    raw: str | None
    headers: Mapping[str, str] | None
    answer: Mapping[str, Any] = field(repr=False)
    trim: Mapping[str, Any] | None
    repeat: int = 1
    fresh_server: bool = False
    note: str = ""

    @property
    def status(self) -> int | None:
        """The answer's status, None where the connection was dropped."""
        status: int | None = self.answer.get("status")
        return status

    @property
    def error(self) -> str | None:
        """The text of an error in JSON, None for any other answer."""
        body = self.answer.get("body")
        return str(body["error"]) if isinstance(body, dict) and "error" in body else None

    @property
    def fatal(self) -> bool:
        """Say whether the server ended at this step."""
        return bool(self.answer.get("server_exited"))

    def body(self) -> Json:
        """Return the request's body as JSON; ValueError where it is none."""
        value: Json = json.loads(self.raw or "")
        return value


@dataclass(frozen=True, slots=True)
class Group:
    """Steps that belong together. `paths` are those in the file of the server, null meaning no options."""

    name: str
    why: str
    paths: Mapping[str, Mapping[str, Any] | None]
    users: tuple[Mapping[str, Any], ...] | None
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """All of one version; `header` is what the recording says of itself."""

    version: Version
    header: Mapping[str, Any]
    groups: tuple[Group, ...]

    def group(self, name: str) -> Group:
        """Return one group by name."""
        return next(group for group in self.groups if group.name == name)


@cache
def recording(version: Version) -> Recording:
    """Return the recording of `version`, one of `VERSIONS`."""
    text = gzip.decompress((FOLDER / f"{version}.jsonl.gz").read_bytes()).decode()
    header, *lines = [json.loads(line) for line in text.splitlines()]
    groups: list[tuple[Mapping[str, Any], list[Step]]] = []
    for line in lines:
        if "group" in line:
            groups.append((line, []))
        else:
            groups[-1][1].append(_step(line))
    return Recording(version, header, tuple(_group(line, steps) for line, steps in groups))


def _group(line: Mapping[str, Any], steps: list[Step]) -> Group:
    config = line["config"]
    users = config.get("authInternalUsers")
    return Group(line["group"], line["why"], config["paths"], tuple(users) if users else None, tuple(steps))


def _step(line: Mapping[str, Any]) -> Step:
    request = line["request"]
    body = json.dumps(request["body"], ensure_ascii=False) if "body" in request else None
    return Step(
        number=line["step"],
        method=request["method"],
        path=request["path"],
        raw=request.get("raw", body),
        headers=request.get("headers"),
        answer=line["response"],
        trim=line.get("trim"),
        repeat=line.get("repeat", 1),
        fresh_server=line.get("fresh_server", False),
        note=line.get("note", ""),
    )


def trimmed(body: Any, step: Step) -> Any:
    """Return what the recording kept of `body`, the JSON that a replay of `step` was answered with."""
    if not step.answer.get("trimmed") or not isinstance(body, dict) or step.trim is None:
        return body
    kind = step.trim["kind"]
    if kind == "keys":
        return {"keys": sorted(body)}
    if kind == "fields":
        return _only(body, step.trim["fields"])
    if kind == "items":
        return {**body, "items": [_only(item, step.trim["fields"]) for item in body["items"]]}
    names = [item["name"] for item in body["items"]]
    first, last = (names[0], names[-1]) if names else (None, None)
    return {
        "itemCount": body["itemCount"],
        "pageCount": body["pageCount"],
        "len": len(names),
        "first": first,
        "last": last,
    }


def _only(item: Mapping[str, Any], keys: list[str]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key == "name" or key in keys}


def is_gos_text(text: str | None) -> bool:
    """Say whether an error text is of Go's own libraries, which differ from release to release."""
    return text is not None and text.startswith(_GO)
