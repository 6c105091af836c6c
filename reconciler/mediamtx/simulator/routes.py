"""Routes, pages and answers of the Control API, by version (mediamtx-api 1.1 to 1.7).

Not guaranteed: gin's redirects for trailing slashes are given for the lists only, where a client may meet them.
"""

from __future__ import annotations

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
from reconciler.mediamtx.simulator.login import delay_range, log_in
from reconciler.mediamtx.simulator.shown import show

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reconciler.core.model import Json
    from reconciler.mediamtx.simulator.simulator import Simulator

__all__ = ["Routes"]

_INFO_FROM = Version(1, 15, 2)
_STATUS_FROM = Version(1, 15, 5)
_NO_COOKIES_FROM = Version(1, 19, 3)
_CONFIG = "/v3/config/paths/"
_JSON = "application/json; charset=utf-8"
_UINT31 = 2**31
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LISTS = ("/v3/paths/list", "/v3/config/paths/list")
_OK, _NO_CONTENT, _MOVED, _BAD, _UNAUTHORIZED, _NOT_FOUND = 200, 204, 301, 400, 401, 404
_PREFLIGHT = {
    "access-control-allow-methods": "OPTIONS, GET, POST, PATCH, DELETE",
    "access-control-allow-headers": "Authorization, Content-Type",
}


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
        return self._with_origin(self._answer(method, path, query, headers, body))

    def _answer(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Response:
        if method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers:
            return _with(_response(_NO_CONTENT, b"", None), _PREFLIGHT)
        refusal = log_in(self._simulator.users, headers, self._version)
        if refusal is not None:
            return self._unauthorized(asks=refusal.asks)
        try:
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
            moved = f'<a href="{plain}">Moved Permanently</a>.\n\n'.encode()
            return _with(_response(_MOVED, moved, "text/html; charset=utf-8"), {"location": plain})
        exact = self._exact().get((method, path))
        if exact is not None:
            return exact(query, body)
        for prefix, verb, action in self._named():
            if path.startswith(prefix) and method == verb:
                return action(unquote(path[len(prefix) :]), body)
            if path == prefix.rstrip("/") and method == verb:
                return _with(_response(307 if verb != "GET" else _MOVED, b"", None), {"location": prefix})
        return _response(_NOT_FOUND, b"" if method == "HEAD" else b"404 page not found", "text/plain")

    def _exact(self) -> dict[tuple[str, str], Callable[[dict[str, list[str]], bytes], Response]]:
        simulator = self._simulator
        routes: dict[tuple[str, str], Callable[[dict[str, list[str]], bytes], Response]] = {
            ("GET", "/v3/config/pathdefaults/get"): lambda _, __: _text(simulator.view.defaults.text),
            ("PATCH", "/v3/config/pathdefaults/patch"): lambda _, body: self._patch_defaults(body),
            ("GET", "/v3/config/paths/list"): lambda query, _: self._config_list(query),
            ("GET", "/v3/paths/list"): lambda query, _: self._runtime_list(query),
        }
        if self._version >= _INFO_FROM:
            info: Json = {"version": f"v{self._version}", "started": simulator.started}
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
        path = self._simulator.view.paths.get(name)
        return self._error(_NOT_FOUND, "path configuration not found") if path is None else _text(path.text)

    def _get_runtime(self, name: str, _: bytes) -> Response:
        self._must_have_name(name)
        if name not in self._simulator.runtime.entries:
            return self._error(_NOT_FOUND, "path not found")
        return _json(self._runtime_item(name))

    def _config_list(self, query: dict[str, list[str]]) -> Response:
        paths = self._simulator.view.paths
        return self._page(query, list(paths), lambda name: paths[name].text)

    def _runtime_list(self, query: dict[str, list[str]]) -> Response:
        names = sorted(self._simulator.runtime.entries)
        return self._page(query, names, lambda name: _dumps(self._runtime_item(name)))

    def _runtime_item(self, name: str) -> Json:
        simulator, entry = self._simulator, self._simulator.runtime.entries[name]
        entry.advance(simulator.now)
        return show(name, entry, self._version, simulator.now, simulator.stamp)

    def _page(self, query: dict[str, list[str]], names: list[str], text_of: Callable[[str], str]) -> Response:
        size = self._number(query, "itemsPerPage", 100)
        if size == 0:
            raise _AnswerError(self._error(_BAD, "invalid items per page"))
        page = self._number(query, "page", 0)
        shown = ",".join(text_of(name) for name in names[page * size : (page + 1) * size])
        pages = math.ceil(len(names) / size)
        return _text(f'{{"itemCount":{len(names)},"pageCount":{pages},"items":[{shown}]}}')

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

    # --- answers --------------------------------------------------------------------------------------------------

    def _success(self) -> Response:
        return _json({"status": "ok"}) if self._version >= _STATUS_FROM else _response(_OK, b"", None)

    def _error(self, status: int, text: str) -> Response:
        body: dict[str, Json] = {"error": text}
        return _json({"status": "error", **body} if self._version >= _STATUS_FROM else body, status)

    def _unauthorized(self, *, asks: bool) -> Response:
        answer = self._error(_UNAUTHORIZED, "authentication error")
        if self._version < _STATUS_FROM:
            answer = _response(_UNAUTHORIZED, b"", None)
        if asks:
            return _with(answer, {"www-authenticate": 'Basic realm="mediamtx"'})
        least, most = delay_range(self._version)
        return replace(answer, delay=least + self._simulator.chance() * (most - least))

    def _with_origin(self, answer: Response) -> Response:
        allowed = {"access-control-allow-origin": "*"}
        if self._version < _NO_COOKIES_FROM:
            allowed["access-control-allow-credentials"] = "true"
        return _with(answer, allowed)


def _dumps(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _json(value: Any, status: int = _OK) -> Response:
    return _response(status, _dumps(value).encode(), _JSON)


def _text(text: str) -> Response:
    return _response(_OK, text.encode(), _JSON)


def _response(status: int, body: bytes, content_type: str | None) -> Response:
    headers = {"server": "mediamtx"} | ({"content-type": content_type} if content_type else {})
    return Response(status, headers, body)


def _with(response: Response, headers: Mapping[str, str]) -> Response:
    return replace(response, headers={**response.headers, **headers})
