"""One YAML file becomes plain values that know where each key and value stands.

One pass over libyaml's events: no node tree, no resolver, so ten thousand streams take a quarter of a second. Scalars
are YAML 1.2's (`no` and `12:30` are text). Refused, each with its place: duplicate keys, tags, several documents, keys
that are not text, unknown or recursive aliases, files that are too deep or too large once aliases are written out.

Not guaranteed: comments and styles are not kept.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import yaml
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

if TYPE_CHECKING:
    from yaml.events import Event

try:
    from yaml.cyaml import CSafeLoader as Parser  # libyaml's parser; every wheel has it
except ImportError:  # a PyYAML built without libyaml gives the same events, twenty times slower
    from yaml import SafeLoader as Parser  # type: ignore[assignment] # the same methods

__all__ = ["MAX_BYTES", "Mark", "YamlError", "YamlList", "YamlMap", "read_yaml"]

MAX_BYTES: Final = 32 * 1024 * 1024
_MAX_DEPTH: Final = 64
_MAX_NODES: Final = 2_000_000

_BOOLS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS: Final = frozenset({"~", "null", "Null", "NULL"})
_INT: Final = re.compile(r"[-+]?[0-9]+").fullmatch
_HEX: Final = re.compile(r"0x[0-9a-fA-F]+").fullmatch
_OCT: Final = re.compile(r"0o[0-7]+").fullmatch
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?").fullmatch
_SPECIAL_FLOAT: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)").fullmatch
_NUMBER_STARTS: Final = frozenset("-+.0123456789")
_STRING_TAGS: Final = (None, "!", "tag:yaml.org,2002:str")
_LONGEST_INT: Final = 64
_NO_TAGS: Final = "tags are not allowed: text that begins with ! needs quotes"
_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")

Mark = tuple[int, int]
"""Line and column, both from 1."""


class YamlError(Exception):
    """The file is not one we read; `mark` is where."""

    def __init__(self, message: str, mark: Mark) -> None:
        """`message` repeats no value of the file."""
        super().__init__(message)
        self.message, self.mark = message, mark


class YamlMap(dict[str, Any]):
    """A mapping; `keys_at` and `values_at` give the mark of each key and of its value."""

    __slots__ = ("keys_at", "values_at")

    def __init__(self) -> None:
        super().__init__()
        self.keys_at: dict[str, Mark] = {}
        self.values_at: dict[str, Mark] = {}


class YamlList(list[Any]):
    """A sequence; `items_at` gives the mark of each item."""

    __slots__ = ("items_at",)

    def __init__(self) -> None:
        super().__init__()
        self.items_at: list[Mark] = []


def read_yaml(data: bytes) -> Any:
    """Return the one document in `data`: YamlMap, YamlList, text, number, bool or None (an empty file).

    Raises:
        YamlError: it is not UTF-8, not YAML, or one of the things that are refused.
    """
    text = _decode(data)
    parser = Parser(text)
    try:
        return _Builder(parser).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if error.problem == "found unexpected end of stream" and error.context_mark:
            mark = error.context_mark  # where the quote was opened, not where the file ends
        # Problems quote single characters at most; contexts name what was being read.
        message = ", ".join(part for part in (error.context, error.problem) if part)
        raise YamlError(_advised(message), _at(mark) if mark else (1, 1)) from None
    except yaml.YAMLError:
        raise YamlError("not readable as YAML", (1, 1)) from None
    finally:
        parser.dispose()


def _decode(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise YamlError(f"larger than {MAX_BYTES // 1024 // 1024} MiB: split it with `include:`", (1, 1))
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise YamlError("is UTF-16: save it as UTF-8", (1, 1))
    try:
        text = data.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError as error:
        line_start = data.rfind(b"\n", 0, error.start) + 1
        column = len(data[line_start : error.start].decode(errors="replace")) + 1
        mark = (data.count(b"\n", 0, error.start) + 1, column)
        raise YamlError(f"byte 0x{data[error.start]:02x} is not UTF-8: save the file as UTF-8", mark) from None
    if found := _FORBIDDEN.search(text):
        mark = (text.count("\n", 0, found.start()) + 1, found.start() - text.rfind("\n", 0, found.start()))
        raise YamlError(f"control character U+{ord(found[0]):04X} is not allowed in YAML", mark)
    return text


class _Builder:
    """Builds values from events."""

    def __init__(self, parser: Any) -> None:
        self._next: Any = parser.get_event
        self._anchors: dict[str, Any] = {}
        self._sizes: dict[str, int] = {}
        self._nodes = 0

    def document(self) -> Any:
        self._next()  # the start of the stream
        if isinstance(self._next(), StreamEndEvent):
            return None
        root = self._build(self._next(), 0)
        self._next()  # the end of the document
        if not isinstance(after := self._next(), StreamEndEvent):
            raise YamlError("more than one document (`---`): keep one", _at(after.start_mark))
        return root

    def _build(self, event: Any, depth: int) -> Any:
        before = self._nodes
        self._count(1, event)
        kind = type(event)
        if kind is ScalarEvent:
            value = _scalar(event)
            if event.anchor:
                self._anchors[event.anchor], self._sizes[event.anchor] = value, 1
            return value
        if kind is AliasEvent:
            if event.anchor not in self._anchors:
                # What follows the * may be a password without its quotes.
                raise YamlError(
                    "unknown or recursive alias: text that begins with * needs quotes", _at(event.start_mark)
                )
            # As if written out: a few lines of nested aliases would otherwise fill all memory.
            self._count(self._sizes[event.anchor], event)
            return self._anchors[event.anchor]
        if depth >= _MAX_DEPTH:
            raise YamlError(f"nested deeper than {_MAX_DEPTH} levels", _at(event.start_mark))
        if event.tag not in (None, "!"):
            raise YamlError(_NO_TAGS, _at(event.start_mark))
        built = self._mapping(depth) if kind is MappingStartEvent else self._sequence(event, depth)
        if event.anchor:  # only now, when it is complete: an alias inside itself is unknown
            self._anchors[event.anchor], self._sizes[event.anchor] = built, self._nodes - before
        return built

    def _mapping(self, depth: int) -> YamlMap:
        built = YamlMap()
        merged: list[YamlMap] = []
        while type(event := self._next()) is not MappingEndEvent:
            mark = _at(event.start_mark)
            if type(event) is not ScalarEvent:
                raise YamlError("a key must be plain text", mark)
            key, is_merge = event.value, event.value == "<<" and not event.style
            value_event = self._next()
            if is_merge:
                merged += self._merged(value_event, depth)
                continue
            if key in built:
                raise YamlError(f"key {_short(key)} stands here twice, first in line {built.keys_at[key][0]}", mark)
            built.keys_at[key] = mark
            built.values_at[key] = _at(value_event.start_mark)
            built[key] = self._build(value_event, depth + 1)
        for source in merged:
            for key, value in source.items():
                if key not in built:
                    built[key] = value
                    built.keys_at[key], built.values_at[key] = source.keys_at[key], source.values_at[key]
        return built

    def _merged(self, event: Event, depth: int) -> list[YamlMap]:
        value = self._build(event, depth + 1)
        values = value if isinstance(value, YamlList) else [value]
        if not all(isinstance(item, YamlMap) for item in values):
            raise YamlError("`<<` takes a mapping, or a list of mappings", _at(event.start_mark))
        return list(values)

    def _sequence(self, start: Event, depth: int) -> YamlList:
        if type(start) is not SequenceStartEvent:
            raise YamlError("not readable as YAML", _at(start.start_mark))
        built = YamlList()
        while type(event := self._next()) is not SequenceEndEvent:
            built.items_at.append(_at(event.start_mark))
            built.append(self._build(event, depth + 1))
        return built

    def _count(self, nodes: int, event: Event) -> None:
        self._nodes += nodes
        if self._nodes > _MAX_NODES:
            raise YamlError(f"more than {_MAX_NODES:,} values (aliases counted as written out)", _at(event.start_mark))


def _scalar(event: Any) -> Any:
    if event.tag is not None:
        if event.tag not in _STRING_TAGS:
            raise YamlError(_NO_TAGS, _at(event.start_mark))
        return event.value
    return event.value if event.style else _plain(event.value)


def _plain(text: str) -> Any:
    """Resolve an unquoted scalar by YAML 1.2's core schema (yaml.org/spec/1.2.2, 10.3.2)."""
    if not text:
        return None
    first = text[0]
    if first in "tTfF":
        return _BOOLS.get(text, text)
    if first in _NUMBER_STARTS:
        return _number(text)
    return None if first in "~nN" and text in _NULLS else text


def _number(text: str) -> Any:
    if len(text) > _LONGEST_INT:
        return text
    if _INT(text):
        return int(text)
    if _HEX(text):
        return int(text, 16)
    if _OCT(text):
        return int(text, 8)
    if _FLOAT(text):
        return float(text)
    if _SPECIAL_FLOAT(text):
        return float(text.lower().replace(".", ""))
    return text


def _at(mark: Any) -> Mark:
    return mark.line + 1, mark.column + 1


def _short(key: str) -> str:
    return repr(key if len(key) <= _LONGEST_INT else key[:_LONGEST_INT] + "…")


def _advised(message: str) -> str:
    """Add the way out to libyaml's most frequent complaints."""
    if "cannot start any token" in message:
        return f"{message}: a tab, or a character such as @ ` % at the start of a value? Indent with spaces, use quotes"
    if "mapping values are not allowed" in message:
        return f"{message}: is the line above indented rightly, or does a value with `: ` in it lack its quotes?"
    return message
