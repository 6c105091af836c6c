"""Routes, login, pages and answers of the Control API, by version (mediamtx-api 1.1 to 1.7).

Not guaranteed: gin's redirects for trailing slashes are given for the lists only, where a client may meet them.
"""

from __future__ import annotations

import base64
import json
import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from reconciler.core.options.version import Version
from reconciler.mediamtx.simulator.answers import Response
from reconciler.mediamtx.simulator.bodies import BadBodyError, decode_body
from reconciler.mediamtx.simulator.config import Missing, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reconciler.core.model import Json
    from reconciler.mediamtx.simulator.simulator import Simulator

__all__ = ["Routes"]

_INFO_FROM = Version(1, 15, 2)
_STATUS_FROM = Version(1, 15, 5)
_BEARER_FROM = Version(1, 9, 2)
_CONFIG = "/v3/config/paths/"
_JSON = "application/json; charset=utf-8"
_WRONG_LOGIN_DELAY = 2.0
_UINT31 = 2**31
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LISTS = ("/v3/paths/list", "/v3/config/paths/list")
_OK, _MOVED, _BAD, _UNAUTHORIZED, _NOT_FOUND = 200, 301, 400, 401, 404


class _AnswerError(Exception):
    """Ends the handling of a request with this answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


class Routes:
    """Answers requests to one simulator."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    @property
    def _version(self) -> Version:
        return self._simulator.version

    def handle(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Answer one request."""
        path, _, query = target.partition("?")
        if _BAD_ESCAPE.search(path):
            return _response(_BAD, b"400 Bad Request", "text/plain; charset=utf-8")  # Go's, before anything else
        if method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers:
            return _response(204, b"", None)
        try:
            self._log_in(headers)
            return self._dispatch(method, path, parse_qs(query, keep_blank_values=True), body)
        except _AnswerError as answer:
            return answer.response
        except (BadBodyError, RefusedError) as error:
            return self._error(_BAD, str(error))
        except Missing:
            return self._error(_NOT_FOUND, "path not found")

    def _dispatch(self, method: str, path: str, query: dict[str, list[str]], body: bytes) -> Response:
        if path.endswith("/") and path.rstrip("/") in _LISTS and method == "GET":
            plain = path.rstrip("/")
            moved = _response(
                _MOVED, f'<a href="{plain}">Moved Permanently</a>.\n\n'.encode(), "text/html; charset=utf-8"
            )
            return _with(moved, {"location": plain})
        exact = self._exact().get((method, path))
        if exact is not None:
            return exact(query, body)
        for prefix, verb, action in self._named():
            if path.startswith(prefix) and method == verb:
                name = unquote(path[len(prefix) :])
                return action(name, body)
            if path == prefix.rstrip("/") and method == verb:
                return _with(_response(307 if verb != "GET" else _MOVED, b"", None), {"location": prefix})
        return _response(_NOT_FOUND, b"" if method == "HEAD" else b"404 page not found", "text/plain")

    def _exact(self) -> dict[tuple[str, str], Callable[[dict[str, list[str]], bytes], Response]]:
        routes: dict[tuple[str, str], Callable[[dict[str, list[str]], bytes], Response]] = {
            ("GET", "/v3/config/pathdefaults/get"): lambda _, __: _json(self._simulator.config.shown_defaults()),
            ("PATCH", "/v3/config/pathdefaults/patch"): lambda _, body: self._patch_defaults(body),
            ("GET", "/v3/config/paths/list"): lambda query, _: self._page(query, self._config_items()),
            ("GET", "/v3/paths/list"): lambda query, _: self._page(query, self._runtime_items()),
        }
        if self._version >= _INFO_FROM:
            info: Json = {"version": f"v{self._version}", "started": self._simulator.started}
            routes["GET", "/v3/info"] = lambda _, __: _json(info)
        return routes

    def _named(self) -> list[tuple[str, str, Callable[[str, bytes], Response]]]:
        config = self._simulator.config
        return [
            (f"{_CONFIG}get/", "GET", self._get_config),
            (f"{_CONFIG}add/", "POST", lambda name, body: self._write(name, body, config.add)),
            (f"{_CONFIG}replace/", "POST", lambda name, body: self._write(name, body, config.replace)),
            (f"{_CONFIG}patch/", "PATCH", lambda name, body: self._write(name, body, config.patch)),
            (f"{_CONFIG}delete/", "DELETE", lambda name, _: self._delete(name)),
            ("/v3/paths/get/", "GET", self._get_runtime),
        ]

    # --- reads ----------------------------------------------------------------------------------------------------

    def _get_config(self, name: str, _: bytes) -> Response:
        self._must_have_name(name)
        config = self._simulator.config
        if name not in config.declared:
            return self._error(_NOT_FOUND, "path configuration not found")
        return _json(config.shown(name))

    def _get_runtime(self, name: str, _: bytes) -> Response:
        self._must_have_name(name)
        self._simulator.runtime.advance(self._simulator.now)
        if name not in self._simulator.runtime.entries:
            return self._error(_NOT_FOUND, "path not found")
        return _json(self._runtime_item(name))

    def _config_items(self) -> list[Json]:
        config = self._simulator.config
        return [config.shown(name) for name in sorted(config.declared, key=str.encode)]

    def _runtime_items(self) -> list[Json]:
        runtime = self._simulator.runtime
        runtime.advance(self._simulator.now)
        return [self._runtime_item(name) for name in sorted(runtime.entries, key=str.encode)]

    def _runtime_item(self, name: str) -> Json:
        simulator = self._simulator
        return simulator.runtime.shown(name, simulator.now, simulator.stamp)

    def _page(self, query: dict[str, list[str]], items: list[Json]) -> Response:
        size = self._number(query, "itemsPerPage", 100)
        if size == 0:
            raise _AnswerError(self._error(_BAD, "invalid items per page"))
        page = self._number(query, "page", 0)
        shown = items[page * size : (page + 1) * size]
        return _json({"itemCount": len(items), "pageCount": math.ceil(len(items) / size), "items": shown})

    def _number(self, query: dict[str, list[str]], key: str, default: int) -> int:
        text = query.get(key, [""])[0]
        if not text:
            return default
        if not (text.isascii() and text.isdigit()):
            raise _AnswerError(self._error(_BAD, f'strconv.ParseUint: parsing "{text}": invalid syntax'))
        if int(text) >= _UINT31:
            raise _AnswerError(self._error(_BAD, f'strconv.ParseUint: parsing "{text}": value out of range'))
        return int(text)

    # --- writes ---------------------------------------------------------------------------------------------------

    def _write(self, name: str, body: bytes, write: Callable[[str, dict[str, Json]], None]) -> Response:
        self._must_have_name(name)
        write(name, decode_body(body, self._version))
        self._simulator.applied(name)
        return self._success()

    def _delete(self, name: str) -> Response:
        self._must_have_name(name)
        self._simulator.config.delete(name)
        self._simulator.applied(name)
        return self._success()

    def _patch_defaults(self, body: bytes) -> Response:
        self._simulator.config.patch_defaults(decode_body(body, self._version))
        self._simulator.applied("")
        return self._success()

    def _must_have_name(self, name: str) -> None:
        if not name:
            raise _AnswerError(self._error(_BAD, "invalid name"))

    # --- login ----------------------------------------------------------------------------------------------------

    def _log_in(self, headers: Mapping[str, str]) -> None:
        users = self._simulator.users
        if not users:
            return
        kind, _, value = headers.get("authorization", "").partition(" ")
        login = self._login(kind, value)
        if login is not None and any((user.name, user.password) == login and user.api for user in users):
            return
        answer = self._error(_UNAUTHORIZED, "authentication error")
        if self._version < _STATUS_FROM:
            answer = _response(_UNAUTHORIZED, b"", None)
        if login is None:
            raise _AnswerError(_with(answer, {"www-authenticate": 'Basic realm="mediamtx"'}))
        raise _AnswerError(_with(answer, {}, delay=_WRONG_LOGIN_DELAY))

    def _login(self, kind: str, value: str) -> tuple[str, str] | None:
        if kind.lower() == "basic":
            try:
                name, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
            except ValueError:
                return None
            return (name, password) if colon else None
        if kind == "Bearer" and self._version >= _BEARER_FROM and value.count(":") == 1:
            name, _, password = value.partition(":")
            return name, password
        return None

    # --- answers --------------------------------------------------------------------------------------------------

    def _success(self) -> Response:
        return _json({"status": "ok"}) if self._version >= _STATUS_FROM else _response(_OK, b"", None)

    def _error(self, status: int, text: str) -> Response:
        body: dict[str, Json] = {"error": text}
        return _json({"status": "error", **body} if self._version >= _STATUS_FROM else body, status)


def _json(value: Any, status: int = _OK) -> Response:
    return _response(status, json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(), _JSON)


def _response(status: int, body: bytes, content_type: str | None) -> Response:
    headers = {"server": "mediamtx"} | ({"content-type": content_type} if content_type else {})
    return Response(status, headers, body)


def _with(response: Response, headers: Mapping[str, str], *, delay: float = 0.0) -> Response:
    return replace(response, headers={**response.headers, **headers}, delay=delay)
