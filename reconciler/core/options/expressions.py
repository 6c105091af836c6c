r"""Is a text a regular expression for Go? Path names that begin with `~` are, in RE2's syntax, which is not Python's.

Source: Go's `regexp/syntax`: no look-around, no back-references, no atomic groups; counts up to 1000, multiplied when
nested; `\pL`, `\z`, `\Q...\E`, `[[:alpha:]]` and both styles of named groups.

Not guaranteed: only the validity is decided, nothing is matched. Names of Unicode scripts are not looked up, and Go's
limits on the size of what it compiles are known only for counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["is_go_regexp"]

_MAX_COUNT = 1000
_MAX_DEPTH = 1000
_GROUP_NAME = re.compile(r"\(\?P?<([A-Za-z0-9_]+)>")
_FLAGS = re.compile(r"\(\?([imsU]*)(?:-([imsU]+))?([:)])")
_COUNT = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_CLASS_NAME = re.compile(
    r"\[:\^?(?:alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit):\]"
)
_UNICODE = re.compile(r"[pP](?:\{\^?[A-Za-z_]+\}|[CLMNPSZclmnpsz])")
_HEX = re.compile(r"x(?:[0-9A-Fa-f]{2}|\{([0-9A-Fa-f]+)\})")
_OCTAL = re.compile(r"0[0-7]{0,2}|[1-7][0-7]{1,2}")
_MAX_RUNE = 0x10FFFF
_CLASS_ESCAPES = frozenset("dDsSwW")
_SINGLE_ESCAPES = frozenset("afnrtv")
_ANCHOR_ESCAPES = frozenset("AbBz")


class _Invalid(Exception):  # noqa: N818 - never leaves this module
    pass


@dataclass(slots=True)
class _Reader:
    text: str
    at: int = 0

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self.text, self.at)
        if match is not None:
            self.at = match.end()
        return match


def is_go_regexp(text: str) -> bool:
    """Say whether Go's `regexp.Compile` takes `text`."""
    reader = _Reader(text)
    try:
        _alternation(reader, 0)
    except _Invalid:
        return False
    return reader.at == len(text)


def _alternation(reader: _Reader, depth: int) -> int:
    """Read up to a closing parenthesis or the end; return how often its innermost part may be repeated."""
    if depth > _MAX_DEPTH:
        raise _Invalid
    most, repeatable, repeated = 1, False, False
    weight = 1
    while reader.at < len(reader.text) and reader.peek() != ")":
        char = reader.peek()
        if char in "*+?" or (char == "{" and _COUNT.match(reader.text, reader.at)):
            if not repeatable or repeated:
                raise _Invalid
            weight *= _repetition(reader)
            if weight > _MAX_COUNT:
                raise _Invalid
            repeated = True
        else:
            # Flags alone, (?i), are no element: what stands before them may still be repeated.
            weight, repeatable = _atom(reader, depth) or (weight, repeatable)
            repeated = False
        most = max(most, weight)
    return most


def _repetition(reader: _Reader) -> int:
    count = reader.take(_COUNT)
    times = 1
    if count is None:
        reader.at += 1
    else:
        low, high = int(count[1]), int(count[2]) if count[2] else -1
        if low > _MAX_COUNT or high > _MAX_COUNT or 0 <= high < low:
            raise _Invalid
        times = max(low, high, 1)
    if reader.peek() == "?":
        reader.at += 1
    return times


def _atom(reader: _Reader, depth: int) -> tuple[int, bool] | None:
    """Read one element; return its weight and whether a repetition may follow, None when it is none."""
    char = reader.peek()
    if char == "(":
        return _group(reader, depth)
    if char == "[":
        _char_class(reader)
    elif char == "\\":
        _escape(reader, in_class=False)
    else:
        reader.at += 1
        return 1, char != "|"
    return 1, True


def _group(reader: _Reader, depth: int) -> tuple[int, bool] | None:
    if reader.text.startswith("(?", reader.at):
        if reader.take(_GROUP_NAME) is None:
            flags = reader.take(_FLAGS)
            if flags is None:
                raise _Invalid
            if flags[3] == ")":
                return None
    else:
        reader.at += 1
    weight = _alternation(reader, depth + 1)
    if reader.peek() != ")":
        raise _Invalid
    reader.at += 1
    return weight, True


def _char_class(reader: _Reader) -> None:
    reader.at += 1
    if reader.peek() == "^":
        reader.at += 1
    first = True
    while first or reader.peek() != "]":
        if reader.take(_CLASS_NAME) is not None:
            first = False
            continue
        if reader.text.startswith("[:", reader.at) and ":]" in reader.text[reader.at + 2 :]:
            raise _Invalid
        low = _class_item(reader)
        first = False
        if reader.peek() != "-" or reader.text[reader.at + 1 : reader.at + 2] in ("]", ""):
            continue
        if low is None:
            continue
        reader.at += 1
        high = _class_item(reader)
        if high is None or high < low:
            raise _Invalid
    reader.at += 1


def _class_item(reader: _Reader) -> int | None:
    """Read one element of a class; return its code point, None when it stands for a set."""
    char = reader.peek()
    if not char:
        raise _Invalid
    if char == "\\":
        return _escape(reader, in_class=True)
    reader.at += 1
    return ord(char)


def _escape(reader: _Reader, *, in_class: bool) -> int | None:
    reader.at += 1
    char = reader.peek()
    if not char:
        raise _Invalid
    if char == "Q" and not in_class:
        end = reader.text.find("\\E", reader.at)
        reader.at = len(reader.text) if end < 0 else end + 2
        return None
    if reader.take(_UNICODE) is not None:
        return None
    if char in _CLASS_ESCAPES or (char in _ANCHOR_ESCAPES and not in_class):
        reader.at += 1
        return None
    return _escaped_character(reader, char)


def _escaped_character(reader: _Reader, char: str) -> int:
    hexadecimal = reader.take(_HEX)
    if hexadecimal is not None:
        code = int(hexadecimal[1] or hexadecimal[0][1:], 16)
        if code > _MAX_RUNE:
            raise _Invalid
        return code
    octal = reader.take(_OCTAL)
    if octal is not None:
        return int(octal[0], 8)
    # Go lets any ASCII punctuation be escaped, and nothing else that has no meaning.
    if char in _SINGLE_ESCAPES or (char.isascii() and char.isprintable() and not char.isalnum() and char != " "):
        reader.at += 1
        return ord(char)
    raise _Invalid
