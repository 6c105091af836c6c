"""The login of a camera: `username` and `password` beside the source, percent-encoded into its URL.

MediaMTX has no fields for them, so they travel in the URL (mediamtx-api section 9). Nothing else of the URL is touched:
a rewritten URL would differ from what the server shows for ever.

Not guaranteed: whether the URL is one MediaMTX takes is for `core.options.rules` to say.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

__all__ = ["passwords_in", "with_login"]

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*://)(?P<rest>.*)", re.DOTALL)
_USERINFO = re.compile(r"://[^:/@\s]*:(?P<password>[^\s\"']*)@")


def with_login(source: str, username: str | None, password: str | None) -> str:
    """Return `source` with the login in it; ValueError with a sentence when they do not go together."""
    if username is None and password is None:
        return source
    match = _URL.fullmatch(source)
    if match is None:
        raise ValueError("username and password need a source with an address, such as rtsp://host/path")
    if username is None or password is None:
        missing = "username" if username is None else "password"
        raise ValueError(f"username and password go together: {missing} is missing")
    authority = re.split(r"[/?#]", match["rest"], maxsplit=1)[0]
    if "@" in authority:
        raise ValueError("the login is given twice: take it out of source, or leave username and password away")
    return f"{match['scheme']}{quote(username, safe='')}:{quote(password, safe='')}@{match['rest']}"


def passwords_in(value: str) -> list[str]:
    """Return the passwords within the URLs of a text, as written and decoded."""
    found = [match["password"] for match in _USERINFO.finditer(value)]
    return [spelling for password in found for spelling in (password, unquote(password)) if spelling]
