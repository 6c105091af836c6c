"""MediaMTX's JSON, decoded into the words of `core.model`; strict about shape, lenient about fields it does not need.

Sources: mediamtx-api 1.2 (bodies), 1.6 (lists), 3.1 (runtime fields by version), 7 (version). The newer name of a
value wins where a version prints both.

Not guaranteed: values of path options are passed on as they are; only lists, objects and names are checked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from reconciler.core.model import Json, RuntimePath, ServerFacts
from reconciler.core.options.version import Version

if TYPE_CHECKING:
    from reconciler.core.model import Options

__all__ = [
    "UnexpectedAnswerError",
    "decode_defaults",
    "decode_facts",
    "decode_paths",
    "decode_runtime",
    "encode_options",
    "error_text",
    "is_success",
]

T = TypeVar("T")

_PLAIN: Final = json.JSONDecoder()


class UnexpectedAnswerError(Exception):
    """A body is not one MediaMTX gives. Its text says what is wrong and repeats nothing of the body."""


def encode_options(options: Options) -> bytes:
    """Return the body that declares a path; equal options give equal bytes.

    Raises:
        ValueError, TypeError: something in it has no JSON form (`.inf`, `.nan`, an object).
    """
    return json.dumps(dict(options), separators=(",", ":"), sort_keys=True, allow_nan=False).encode()


def decode_facts(body: bytes) -> ServerFacts:
    """Read `/v3/info`. A build without a version number has `version` None, and `started` all the same."""
    answer = _object(_parse(body))
    version, started = answer.get("version"), answer.get("started")
    if not isinstance(version, str) or not isinstance(started, str):
        raise UnexpectedAnswerError("no version or start time in it")
    return ServerFacts(Version.parse(version), started)


def decode_defaults(body: bytes) -> Options:
    """Read `/v3/config/pathdefaults/get`, without the `name` that stands among the options there."""
    defaults = _object(_parse(body))
    if "source" not in defaults:
        raise UnexpectedAnswerError("these are no path defaults")
    defaults.pop("name", None)
    return defaults


def decode_paths(body: bytes, defaults: Options) -> dict[str, Options]:
    """Read all of `/v3/config/paths/list`, by name, each without its `name`, as `effective` expects them.

    Texts equal to one of the defaults, which most are, share its memory: ten thousand paths take half as much.
    """
    known = {value: value for value in defaults.values() if isinstance(value, str)}

    def shared(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return {key: known.get(value, value) if type(value) is str else value for key, value in pairs}

    paths: dict[str, Options] = {}
    for item in _items(body, json.JSONDecoder(object_pairs_hook=shared), dict):
        name = item.pop("name", None)
        if not isinstance(name, str) or not name:
            raise UnexpectedAnswerError("a path without a name")
        paths[name] = item
    return paths


def decode_runtime(body: bytes) -> dict[str, RuntimePath]:
    """Read all of `/v3/paths/list`, by name, leaving out every entry that runs under another path's configuration.

    A deleted path may live on as such a ghost while `all_others` or a regular expression matches it.
    """
    try:
        entries = _items(body, _RUNTIME, _Entry)
    except (KeyError, TypeError, AttributeError):
        raise UnexpectedAnswerError("an entry lacks a field that every version has") from None
    return {entry.path.name: entry.path for entry in entries if entry.path.name == entry.config}


def error_text(body: bytes) -> str | None:
    """Return the `error` of an error body of any version; None when this is no such body."""
    try:
        answer = _parse(body)
    except UnexpectedAnswerError:
        return None
    error = answer.get("error") if isinstance(answer, dict) else None
    return error if isinstance(error, str) else None


def is_success(body: bytes) -> bool:
    """Tell whether this is what follows a write that worked: nothing before 1.15.5, `{"status":"ok"}` since."""
    if not body.strip():
        return True
    try:
        answer = _parse(body)
    except UnexpectedAnswerError:
        return False
    return isinstance(answer, dict) and answer.get("status") == "ok"


@dataclass(slots=True)
class _Entry:
    """One entry of the runtime list, and the name of the configuration it runs under."""

    path: RuntimePath
    config: Any


def _entry(value: dict[str, Any]) -> _Entry | dict[str, Any]:
    """Decode each entry as soon as its end is read: the many small objects inside it are never all there at once."""
    return _Entry(_runtime_path(value), value["confName"]) if "confName" in value else value


_RUNTIME: Final = json.JSONDecoder(object_hook=_entry)


def _runtime_path(entry: dict[str, Any]) -> RuntimePath:
    """Decode one entry. It runs for each path every few seconds, hence one flat check instead of a tidy one a field."""
    if "available" in entry:
        ready, since = entry["available"], entry["availableTime"]
    else:
        ready, since = entry["ready"], entry["readyTime"]
    if "inboundBytes" in entry:
        received, tracks = entry["inboundBytes"], tuple([track["codec"] for track in entry["tracks2"] or ()])
    else:
        received, tracks = entry["bytesReceived"], tuple(entry["tracks"] or ())
    name, online, source = entry["name"], entry.get("online"), entry["source"]
    kind = None if source is None else source["type"]
    if (
        type(name) is not str
        or type(ready) is not bool
        or type(received) is not int
        or not (online is None or type(online) is bool)
        or not (since is None or type(since) is str)
        or not (source is None or type(kind) is str)
        or any(type(track) is not str for track in tracks)
    ):
        raise TypeError
    return RuntimePath(name, ready, online, since, kind, received, len(entry["readers"] or ()), tracks)


def _items(body: bytes, decoder: json.JSONDecoder, kind: type[T]) -> list[T]:
    """Return the items of a list that is complete.

    One page was asked for that holds everything; more pages, or fewer items than counted, mean that it does not.
    """
    answer = _object(_parse(body, decoder))
    items: Any = answer.get("items")
    if not isinstance(items, list) or not all(isinstance(item, kind) for item in items):
        raise UnexpectedAnswerError("there is no list in it")
    if answer.get("itemCount") != len(items) or answer.get("pageCount") != (1 if items else 0):
        raise UnexpectedAnswerError("the list is cut short")
    return items


def _object(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise UnexpectedAnswerError("it is not a JSON object")
    return value


def _parse(body: bytes, decoder: json.JSONDecoder = _PLAIN) -> Json:
    try:
        value: Json = decoder.decode(body.decode())
    except (ValueError, RecursionError):
        pass
    else:
        return value
    # Not raised above: the decoder's own exception keeps the whole body, and would be kept as the context of ours.
    raise UnexpectedAnswerError("it is not JSON, or only a part of it")
