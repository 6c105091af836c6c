"""One refusal: of the server, or only of ours.

Not guaranteed: `server_text` is the server's own sentence and may repeat a URL with its password; it is kept out of
`repr` and is for the simulator and for tests, never for people. `message` is for people.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Violation"]


@dataclass(frozen=True, slots=True)
class Violation:
    """Why a path cannot be as declared.

    `option`: which one, None for the path's name. `message`: ours, with the way out, without secrets.
    `server_text`: the exact text of that version's 400, None when the server accepts the value and only we refuse it.
    """

    option: str | None
    message: str
    server_text: str | None = field(default=None, repr=False)
