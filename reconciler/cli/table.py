"""Text for a terminal: columns that fit, colours where they are wanted, times that people say.

Whatever comes from elsewhere (names, messages) is cleaned first, so that it cannot move the cursor or change colours.

Not guaranteed: letters of double width are counted as one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TextIO

__all__ = ["Cell", "Paint", "ago", "clean", "colours_wanted", "shorten", "table"]

_GAP = "  "
_NARROWEST = 8
_STYLES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "magenta": 35, "cyan": 36}
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


class Cell(NamedTuple):
    """One field of a table; `style` is a name of `Paint`'s."""

    text: str
    style: str = ""


class Paint:
    """Colours, or none."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled

    def __call__(self, text: str, style: str) -> str:
        """Return `text` in `style`: bold, dim, red, green, yellow, magenta or cyan; empty is none."""
        if not self._enabled or not style:
            return text
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def colours_wanted(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether to colour what goes to `stream`: a terminal that can, and nobody said no (https://no-color.org)."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def clean(text: str) -> str:
    """Replace what a terminal would not print but obey; line breaks become spaces."""
    return text if text.isprintable() else "".join(map(_printable, text))


def _printable(letter: str) -> str:
    if letter.isprintable():
        return letter
    return " " if letter.isspace() else "\N{REPLACEMENT CHARACTER}"


def ago(seconds: float) -> str:
    """Say how long ago in one number: `now`, `12s ago`, `3m ago`, `5h ago`, `9d ago`."""
    if seconds < 1:
        return "now"
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit} ago"
    return f"{int(seconds)}s ago"


def shorten(text: str, width: int) -> str:
    """Cut `text` to `width` letters, the last being an ellipsis when something was cut."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def table(
    header: Sequence[str], rows: Sequence[Sequence[Cell]], *, paint: Paint, width: int | None, give: Sequence[int]
) -> list[str]:
    """Lay out `rows` below `header`, one line each.

    `width` is that of the terminal, None for as wide as it takes. When it is too narrow, the columns `give` (by index,
    in this order) give way, each down to eight letters; the first of them is left out when that is not enough.
    """
    cleaned = [[Cell(clean(cell.text), cell.style) for cell in row] for row in rows]
    widths = [max([len(title), *(len(row[index].text) for row in cleaned)]) for index, title in enumerate(header)]
    left_out = -1
    if width is not None:
        excess = sum(widths) + len(_GAP) * (len(widths) - 1) - width
        if excess > widths[give[0]] - _NARROWEST:
            left_out = give[0]
            excess -= widths[left_out] + len(_GAP)
        for index in give:
            if index != left_out:
                cut = min(max(excess, 0), max(widths[index] - _NARROWEST, 0))
                widths[index] -= cut
                excess -= cut
    titles = [Cell(title, "bold") for title in header]
    kept = [index for index in range(len(header)) if index != left_out]
    return [_line([(row[index], widths[index]) for index in kept], paint) for row in (titles, *cleaned)]


def _line(fields: Sequence[tuple[Cell, int]], paint: Paint) -> str:
    cells = []
    for cell, width in fields:
        text = shorten(cell.text, width)
        cells.append(paint(text, cell.style) + " " * (width - len(text)))
    return _GAP.join(cells).rstrip()
