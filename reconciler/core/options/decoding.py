"""Is each value of the JSON type that a version's decoder takes? The first of the server's two checks.

Source: mediamtx-api 1.4 and the recordings. Texts after `json:` come from Go's library; a number is shown there as it
was written, which is not known here, so they may differ in that.

Not guaranteed: what the decoder does with a body as a whole (doubled keys, trailing data) is not this module's.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from reconciler.core.options.canonical import parse_duration, parse_network, parse_size, struct_fields
from reconciler.core.options.table import (
    CASE_SENSITIVE_FROM,
    Kind,
    accepted_name,
    accepted_names,
    listed_names,
    option_table,
)
from reconciler.core.options.version import Version
from reconciler.core.options.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from reconciler.core.model import Json, Options
    from reconciler.core.options.table import OptionSpec

__all__ = ["check_types"]

_PROTOCOL_BEFORE = Version(1, 11, 0)
_NULL_LISTS_UNTIL = Version(1, 16, 0)
_TRACK_MINIMUM_FROM = Version(1, 20, 1)
_INT_BITS = 64
_GO_TYPES = {
    Kind.BOOL: "bool",
    Kind.INT: "int",
    Kind.UINT: "uint",
    Kind.FLOAT: "float64",
    Kind.LIST_FLOAT: "[]float64",
    Kind.LIST_UINT: "[]uint",
    Kind.LIST_CIDR: "[]string",
    Kind.TRACKS: "[]json.RawMessage",
    Kind.FORWARD: "[]json.RawMessage",
}
_ENUM_TEXTS = {
    "rtspTransport": "invalid transport '{}'",
    "sourceProtocol": "invalid transport '{}'",
    "rtspRangeType": "invalid rtsp range type: '{}'",
    "recordFormat": "invalid record format '{}'",
    "moqTransport": "invalid MoQ transport '{}'",
}
_CREDENTIALS = frozenset({"publishUser", "publishPass", "readUser", "readPass"})
_PLAIN_CREDENTIAL = re.compile(r"[a-zA-Z0-9!$()*+.;<=>\[\]^_\-{}@#&]+")
_SHA256_CREDENTIAL = re.compile(r"sha256:[a-zA-Z0-9+/=]+")
_CREDENTIAL_CHARS = 'A-Z,0-9,!,$,(,),*,+,.,;,<,=,>,[,],^,_,-,",",@,#,&'
_VIDEO_AND_OPUS = frozenset({"AV1", "VP9", "H265", "H264", "Opus"})
_MINIMUM_RATES = {"MPEG4Audio": 22050, "G711": 8000, "LPCM": 8000}
_TRACK_KINDS = {"codec": Kind.STRING, "sampleRate": Kind.INT, "channelCount": Kind.INT, "muLaw": Kind.BOOL}


def check_types(options: Options, version: Version, known: Collection[str] = ()) -> list[Violation]:
    """Return the values that `version` cannot decode, unknown options first; nulls pass.

    `known`: further names the server knows (the keys of its `pathdefaults/get`), for releases newer than the table.
    """
    found: list[Violation] = []
    table, accepted = option_table(), accepted_names(version)
    for name, value in options.items():
        if name not in accepted and name not in known:
            found.insert(0, _unknown(name, version))
            continue
        spec = table.get(name)
        if spec is None or value is None or _is_plainly_right(spec, value):
            continue
        found.extend(_check_value(spec, value, version))
    return found


def _is_plainly_right(spec: OptionSpec, value: Json) -> bool:
    """Say at once what is so of most values: text for text, a word of the list, a boolean for a boolean."""
    if isinstance(value, str):
        return value in spec.enum if spec.enum else spec.kind is Kind.STRING and spec.name not in _CREDENTIALS
    return spec.kind is Kind.BOOL and isinstance(value, bool)


def _unknown(name: str, version: Version) -> Violation:
    text = f'json: unknown field "{name}"'
    spec = option_table().get(name)
    if spec is not None:
        return Violation(name, f"needs MediaMTX {spec.since} or newer, this is {version}", text)
    accepted = accepted_name(version, name)
    if accepted is not None:
        return Violation(name, f"unknown option, did you mean {accepted!r}?")
    # Nobody means a deprecated option that he has misspelt.
    near = difflib.get_close_matches(name, sorted(listed_names(version)), n=1, cutoff=0.75)
    return Violation(name, f"unknown option, did you mean {near[0]!r}?" if near else "unknown option", text)


def _check_value(spec: OptionSpec, value: Json, version: Version) -> Iterator[Violation]:
    kind = spec.kind
    if kind in (Kind.TRACKS, Kind.FORWARD):
        yield from _check_structs(spec, value, version)
        return
    if not _is(kind, value):
        yield _wrong_type(spec, value, version)
    elif isinstance(value, list):
        yield from _check_items(spec, value, version)
    elif isinstance(value, str):
        fault = _text_fault(spec, value, version)
        if fault is not None:
            yield Violation(spec.name, *fault)


def _is(kind: Kind, value: Json) -> bool:
    """Say whether Go decodes `value` into a variable of `kind`; of a list, only whether it is one."""
    if kind in (Kind.LIST_CIDR, Kind.LIST_FLOAT, Kind.LIST_UINT, Kind.TRACKS, Kind.FORWARD):
        return isinstance(value, list)
    if isinstance(value, bool) or kind is Kind.BOOL:
        return isinstance(value, bool) and kind is Kind.BOOL
    if kind is Kind.FLOAT:
        return isinstance(value, (int, float))
    if kind is Kind.INT:
        return isinstance(value, int) and -(2 ** (_INT_BITS - 1)) <= value < 2 ** (_INT_BITS - 1)
    if kind is Kind.UINT:
        return isinstance(value, int) and 0 <= value < 2**_INT_BITS
    return isinstance(value, str)


_WANTED = {
    Kind.BOOL: "must be true or false",
    Kind.INT: "must be a whole number",
    Kind.UINT: "must be a whole number, zero or more",
    Kind.FLOAT: "must be a number",
    Kind.DURATION: "must be a duration with its unit, in text: 10s, 1h30m, 7d",
    Kind.SIZE: "must be a size with its unit, in text: 50M, 1.5G",
    Kind.LIST_CIDR: "must be a list of addresses or networks",
    Kind.LIST_FLOAT: "must be a list of numbers",
    Kind.LIST_UINT: "must be a list of whole numbers, zero or more",
    Kind.TRACKS: "must be a list of tracks, each `codec: ...`",
    Kind.FORWARD: "must be a list of destinations, each `dest: ...`",
}


def _wrong_type(spec: OptionSpec, value: Json, version: Version, go_type: str = "") -> Violation:
    field = f"Go struct field .{spec.name}" if version < CASE_SENSITIVE_FROM else "Go value"
    text = f"json: cannot unmarshal {_json_word(value)} into {field} of type {go_type or _go_type(spec.kind)}"
    return Violation(spec.name, _WANTED.get(spec.kind, "must be text: put it in quotes"), text)


def _go_type(kind: Kind) -> str:
    return _GO_TYPES.get(kind, "string")


def _json_word(value: Json) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object" if isinstance(value, dict) else "null"


def _check_items(spec: OptionSpec, items: list[Json], version: Version) -> Iterator[Violation]:
    item_kind = {Kind.LIST_FLOAT: Kind.FLOAT, Kind.LIST_UINT: Kind.UINT}.get(spec.kind, Kind.STRING)
    for item in items:
        if item is not None and not _is(item_kind, item):
            yield _wrong_type(spec, item, version, _go_type(item_kind))
        elif spec.kind is Kind.LIST_CIDR:
            try:
                parse_network(str(item or ""))
            except ValueError as error:
                yield Violation(spec.name, "each item must be an address or a network like 10.0.0.0/8", str(error))


def _text_fault(spec: OptionSpec, text: str, version: Version) -> tuple[str, str] | None:
    """Return our and the server's words about a text that is not what its option wants."""
    if spec.kind is Kind.ENUM:
        return None if text in spec.enum else _enum_fault(spec, text, version)
    if spec.name in _CREDENTIALS:
        return _credential_fault(text)
    try:
        if spec.kind is Kind.DURATION:
            parse_duration(text, version)
        elif spec.kind is Kind.SIZE:
            parse_size(text)
    except ValueError as error:
        days = spec.kind is Kind.DURATION and version < _PROTOCOL_BEFORE and "d" in text
        hint = f"; days need MediaMTX {_PROTOCOL_BEFORE}, write hours" if days else ""
        return f"{_WANTED[spec.kind]}{hint}", str(error)
    return None


def _enum_fault(spec: OptionSpec, text: str, version: Version) -> tuple[str, str]:
    words = ", ".join(repr(word) for word in spec.enum)
    server_text = _ENUM_TEXTS[spec.name].format(text)
    if version < _PROTOCOL_BEFORE:
        server_text = server_text.replace("invalid transport", "invalid protocol")
    return f"must be one of {words}", server_text


def _credential_fault(text: str) -> tuple[str, str] | None:
    if not text or text.startswith("argon2:"):
        return None
    start = "credential contains unsupported characters"
    message = "has characters that MediaMTX does not take in a user name or password"
    if text.startswith("sha256:"):
        fine = _SHA256_CREDENTIAL.fullmatch(text) is not None
        return None if fine else (message, f"{start}, sha256 hash must be base64 encoded")
    fine = _PLAIN_CREDENTIAL.fullmatch(text) is not None
    return None if fine else (message, f"{start}. Supported are: {_CREDENTIAL_CHARS}")


def _check_structs(spec: OptionSpec, value: Json, version: Version) -> Iterator[Violation]:
    if not isinstance(value, list):
        yield _wrong_type(spec, value, version)
        return
    fields = struct_fields(spec.kind, version)
    for index, item in enumerate(value):
        where = f"item {index + 1}"
        if not isinstance(item, dict):
            go_type = "map[string]json.RawMessage"
            text = f"json: cannot unmarshal {_json_word(item)} into Go value of type {go_type}"
            yield Violation(spec.name, f"{where} must be a mapping of {', '.join(fields)}", text)
            continue
        yield from _check_struct(spec, item, where, version)


def _check_struct(spec: OptionSpec, item: dict[str, Json], where: str, version: Version) -> Iterator[Violation]:
    fields = struct_fields(spec.kind, version)
    for key, value in item.items():
        if key not in fields:
            known = ", ".join(fields)
            yield Violation(spec.name, f"{where} has {key!r}: known are {known}", f'json: unknown field "{key}"')
            return
        kind = _TRACK_KINDS.get(key, Kind.STRING)
        if value is not None and not _is(kind, value):
            text = f"json: cannot unmarshal {_json_word(value)} into Go value of type {_go_type(kind)}"
            yield Violation(spec.name, f"{where}: {key} {_WANTED.get(kind, 'must be text')}", text)
            return
    if spec.kind is Kind.TRACKS:
        fault = _track_fault(item, version)
        if fault is not None:
            yield Violation(spec.name, f"{where}: {fault}", fault)


def _track_fault(track: dict[str, Json], version: Version) -> str | None:
    """Return the server's sentence about a track of `alwaysAvailableTracks`."""
    codec, rate, channels = track.get("codec") or "", track.get("sampleRate") or 0, track.get("channelCount") or 0
    fault = None
    if codec in _VIDEO_AND_OPUS:
        given = "sampleRate" if rate else "channelCount" if channels else ""
        fault = f"{given} must not be specified" if given else None
    elif codec in _MINIMUM_RATES:
        minimum = _MINIMUM_RATES[str(codec)]
        if not rate:
            fault = "sampleRate is mandatory"
        elif version >= _TRACK_MINIMUM_FROM and isinstance(rate, int) and rate < minimum:
            fault = f"sampleRate must be greater than or equal to {minimum}"
        elif not channels:
            fault = "channelCount is mandatory"
    else:
        return f"unsupported codec '{codec}'"
    return f"{fault} for codec '{codec}'" if fault else None
