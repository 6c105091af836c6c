"""Request bodies as MediaMTX's decoder takes them, by version (mediamtx-api 1.4).

Not guaranteed: texts that come from Go's JSON library are close to the original, not equal to it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from reconciler.core.options.rules import check_types
from reconciler.core.options.version import Version

if TYPE_CHECKING:
    from reconciler.core.model import Json

__all__ = ["BadBodyError", "decode_body"]

_LIMIT_FROM = Version(1, 18, 0)
_LIMIT = 10 * 1024 * 1024
_STRICT_FROM = Version(1, 16, 0)
_KINDS = {bool: "bool", int: "number", float: "number", str: "string", list: "array"}


class BadBodyError(Exception):
    """The body is refused; the text is what the server answers."""


def decode_body(body: bytes, version: Version) -> dict[str, Json]:
    """Return the fields of a body; `null` is a body without fields.

    Raises:
        BadBodyError: it is not what this version decodes.
    """
    if version >= _LIMIT_FROM and len(body) > _LIMIT:
        raise BadBodyError("size exceeds maximum allowed")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise BadBodyError("invalid character in body") from None
    if not text.strip():
        raise BadBodyError("unexpected end of JSON input" if version >= _STRICT_FROM else "EOF")

    def last_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if version < _STRICT_FROM:  # each value of a key that is given twice is looked at
            for key, value in pairs:
                _check_one(key, value, version)
        return dict(pairs)

    decoder = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=last_wins)
    start = len(text) - len(text.lstrip(" \t\r\n"))
    try:
        value, end = decoder.raw_decode(text, start)
    except json.JSONDecodeError as error:
        at_end = error.pos >= len(text.rstrip())
        cut = "unexpected end of JSON input" if version >= _STRICT_FROM else "unexpected EOF"
        raise BadBodyError(cut if at_end else f"invalid character in JSON at {error.pos}") from None
    rest = text[end:].strip(" \t\r\n")
    if rest and version >= _STRICT_FROM:
        raise BadBodyError(f"invalid character {rest[0]!r} after top-level value")
    return _object(value)


def _object(value: Any) -> dict[str, Json]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadBodyError(f"json: cannot unmarshal {_KINDS[type(value)]} into Go value of type <struct>")
    return value


def _check_one(key: str, value: Any, version: Version) -> None:
    for violation in check_types({key: value}, version):
        if violation.server_text is not None and "unknown field" not in violation.server_text:
            raise BadBodyError(violation.server_text)


def _refuse_constant(name: str) -> None:
    raise BadBodyError(f"invalid character {name[0]!r} looking for beginning of value")
