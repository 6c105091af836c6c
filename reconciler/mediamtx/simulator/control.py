"""What can be done to a served simulator over HTTP, beside MediaMTX's own routes: `POST /simulator/...`.

    /simulator/cameras?source=URL&do=die|freeze|refuse|live     also path=NAME instead of source
    /simulator/readers?path=NAME&count=N                         so many watch it
    /simulator/restart    /simulator/reload                      back to the configuration file
    /simulator/faults?kind=KIND&where=TEXT&times=N&skip=N        kinds: FaultKind in lower case; where: part of the path

Answers 204, 400 with what is expected, or 404 for a path that is not there. In a URL that is given as a value, `&`, `#`
and `%` have to be percent-encoded; nothing else has.

Not guaranteed: no login is asked for; it is meant for loopback and for tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from reconciler.mediamtx.simulator.answers import Response
from reconciler.mediamtx.simulator.cameras import Mode
from reconciler.mediamtx.simulator.faults import FaultKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.mediamtx.simulator.service import Service

__all__ = ["PREFIX", "control"]

PREFIX = "/simulator/"
_MODES = {"die": Mode.DEAD, "freeze": Mode.FROZEN, "refuse": Mode.REFUSING, "live": Mode.LIVE}
_KINDS = {kind.name.lower(): kind for kind in FaultKind}


class _WrongError(Exception):
    """400 with this text."""


def control(service: Service, method: str, path: str, query: str) -> Response:
    """Do what is asked, at once."""
    values = {key: unquote(value) for key, _, value in (part.partition("=") for part in query.split("&"))}
    do = {
        "cameras": _cameras,
        "readers": _readers,
        "restart": lambda service, _: service.simulator.restart(),
        "reload": lambda service, _: service.simulator.reload(),
        "faults": _faults,
    }.get(path.removeprefix(PREFIX))
    if do is None or method != "POST":
        return _text(404, "POST /simulator/cameras, /readers, /restart, /reload or /faults")
    try:
        do(service, values)
    except _WrongError as error:
        return _text(400, str(error))
    except KeyError:
        return _text(404, "there is no such path, or it has no camera")
    return Response(204, {}, b"")


def _cameras(service: Service, values: Mapping[str, str]) -> None:
    where, mode = values.get("source") or values.get("path"), _MODES.get(values.get("do", ""))
    if not where or mode is None:
        raise _WrongError("needs source=URL or path=NAME, and do=die, freeze, refuse or live")
    service.simulator.set_camera(where, mode)


def _readers(service: Service, values: Mapping[str, str]) -> None:
    service.simulator.set_readers(values.get("path", ""), _number(values, "count"))


def _faults(service: Service, values: Mapping[str, str]) -> None:
    kind = _KINDS.get(values.get("kind", ""))
    if kind is None:
        raise _WrongError(f"needs kind=, one of {', '.join(_KINDS)}")
    service.fail(kind, values.get("where", ""), _number(values, "times", 1), skip=_number(values, "skip", 0))


def _number(values: Mapping[str, str], key: str, default: int | None = None) -> int:
    text = values.get(key, "" if default is None else str(default))
    if not (text.isascii() and text.isdigit()):
        raise _WrongError(f"needs {key}= and a whole number")
    return int(text)


def _text(status: int, text: str) -> Response:
    return Response(status, {"content-type": "text/plain; charset=utf-8"}, f"{text}\n".encode())
