"""A value as YAML gives it becomes the JSON value that MediaMTX's decoder takes, or a sentence that says what is wrong.

MediaMTX wants JSON booleans, integer literals, and text for durations and sizes (mediamtx-api 1.4); people write `yes`,
`3.0` and `0`. What is unambiguous is converted, what is not is refused with the way out.

Not guaranteed: whether a version knows the option or accepts the value is `rules`' business, not this module's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from reconciler.core.options.canonical import parse_network, parse_size
from reconciler.core.options.quantities import parse_duration
from reconciler.core.options.table import Kind
from reconciler.core.options.version import NEWEST

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.core.model import Json
    from reconciler.core.options.table import OptionSpec

__all__ = ["coerce"]

_TRUE = frozenset({"yes", "on", "true"})
_FALSE = frozenset({"no", "off", "false"})


def coerce(spec: OptionSpec, value: Json) -> Json:
    """Return `value` in the JSON type of `spec`. None stays None: the option is as good as absent.

    ValueError with one sentence that fits after `option: `; values of secret options are not repeated in it.
    """
    if value is None:
        return None
    return _BY_KIND[spec.kind](spec, value)


def _refuse(message: str) -> NoReturn:
    raise ValueError(message)


def _shown(spec: OptionSpec, value: Json) -> str:
    return "this value" if spec.secret or isinstance(value, (list, dict)) else repr(value)


def _text(_: OptionSpec, value: Json) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (list, dict)):
        _refuse(f"must be text, not a {'list' if isinstance(value, list) else 'mapping'}")
    # 0123, 1e3 or 4.10 would not come back as written: the quotes are the author's to set.
    kind = "true or false" if isinstance(value, bool) else "a number"
    _refuse(f"must be text, and YAML reads this as {kind}: put it in quotes")


def _enum(spec: OptionSpec, value: Json) -> str:
    text = _text(spec, value)
    if text not in spec.enum:
        words = ", ".join(repr(word) for word in spec.enum)
        _refuse(f"must be one of {words}, not {_shown(spec, value)}")
    return text


def _bool(spec: OptionSpec, value: Json) -> bool:
    if isinstance(value, bool):
        return value
    word = value.lower() if isinstance(value, str) else ""
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    _refuse(f"must be yes or no, not {_shown(spec, value)}")


def _int(spec: OptionSpec, value: Json) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    _refuse(f"must be a whole number, not {_shown(spec, value)}")


def _uint(spec: OptionSpec, value: Json) -> int:
    number = _int(spec, value)
    if number < 0:
        _refuse(f"must be zero or more, not {number}")
    return number


def _float(spec: OptionSpec, value: Json) -> Json:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        _refuse(f"must be a number, not {_shown(spec, value)}")
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN is what is not itself
        _refuse("must be a finite number")
    return value


def _duration(_: OptionSpec, value: Json) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value == 0:
            return "0s"
        _refuse(f"needs a unit: {value}s, {value}m, {value}h or {value}d")
    if not isinstance(value, str):
        _refuse("must be a duration like 10s, 1h30m or 7d")
    if value:
        _must_parse(lambda: parse_duration(value, NEWEST), f"must be a duration like 10s, 1h30m or 7d, not {value!r}")
        return value
    return "0s"


def _size(spec: OptionSpec, value: Json) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        _refuse(f"needs a unit: {value}B, {value}K, {value}M or {value}G")
    text = _text(spec, value)
    _must_parse(lambda: parse_size(text), f"must be a size like 50M or 1.5G, not {text!r}")
    return text


def _must_parse(parse: Callable[[], object], message: str) -> None:
    try:
        parse()
    except ValueError:
        raise ValueError(message) from None


def _items(value: Json, what: str) -> list[Json]:
    if not isinstance(value, list):
        _refuse(f"must be a list of {what}")
    return value


def _networks(spec: OptionSpec, value: Json) -> Json:
    items = _items(value, "addresses or networks")
    for item in items:
        text = _text(spec, item)
        _must_parse(lambda text=text: parse_network(text), f"{text!r} is not an address or a network like 10.0.0.0/8")  # type: ignore[misc]
    return items


def _floats(spec: OptionSpec, value: Json) -> Json:
    return [_float(spec, item) for item in _items(value, "numbers")]


def _uints(spec: OptionSpec, value: Json) -> Json:
    return [_uint(spec, item) for item in _items(value, "whole numbers")]


def _tracks(spec: OptionSpec, value: Json) -> Json:
    convert: dict[str, Callable[[OptionSpec, Json], Json]] = {
        "codec": _text,
        "sampleRate": _int,
        "channelCount": _int,
        "muLaw": _bool,
    }
    return [_struct(spec, item, convert) for item in _items(value, "tracks, each `codec: ...`")]


def _forward(spec: OptionSpec, value: Json) -> Json:
    convert: dict[str, Callable[[OptionSpec, Json], Json]] = {
        "dest": _text,
        "destFingerprint": _text,
        "whipBearerToken": _text,
    }
    return [_struct(spec, item, convert) for item in _items(value, "destinations, each `dest: ...`")]


def _struct(spec: OptionSpec, item: Json, convert: dict[str, Callable[[OptionSpec, Json], Json]]) -> Json:
    if not isinstance(item, dict):
        _refuse(f"each item must be a mapping of {', '.join(convert)}")
    result: dict[str, Json] = {}
    for key, value in item.items():
        if key not in convert:
            _refuse(f"unknown key {key!r} in an item: known are {', '.join(convert)}")
        if value is None:
            continue
        try:
            result[key] = convert[key](spec, value)
        except ValueError as error:
            raise ValueError(f"{key} {error}") from None
    return result


_BY_KIND: dict[Kind, Callable[[OptionSpec, Json], Json]] = {
    Kind.STRING: _text,
    Kind.BOOL: _bool,
    Kind.INT: _int,
    Kind.UINT: _uint,
    Kind.FLOAT: _float,
    Kind.ENUM: _enum,
    Kind.DURATION: _duration,
    Kind.SIZE: _size,
    Kind.LIST_CIDR: _networks,
    Kind.LIST_FLOAT: _floats,
    Kind.LIST_UINT: _uints,
    Kind.TRACKS: _tracks,
    Kind.FORWARD: _forward,
}
