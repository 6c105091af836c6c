"""A MediaMTX that says what a test tells it to: canned answers for the client's tests, right or wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DEFAULTS_OF_1_20", "INFO", "CannedApi", "json_answer", "page", "runtime_of_1_9", "runtime_of_1_20"]

INFO = {"version": "v1.20.1", "started": "2026-01-02T03:04:05.678901234+01:00"}
DEFAULTS_OF_1_20: dict[str, object] = {"name": "", "source": "publisher", "maxReaders": 0, "recordDeleteAfter": "1d"}


def json_answer(body: object, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body)


def page(*items: object) -> dict[str, object]:
    """A list of MediaMTX's that holds everything."""
    return {"itemCount": len(items), "pageCount": 1 if items else 0, "items": list(items)}


def runtime_of_1_20(name: str = "gate", **fields: object) -> dict[str, object]:
    """An entry of `/v3/paths/list` of 1.20.1, of a path that has a stream."""
    return {
        "name": name,
        "confName": name,
        "ready": True,
        "readyTime": "2026-01-02T03:04:06Z",
        "available": True,
        "availableTime": "2026-01-02T03:04:06Z",
        "online": True,
        "onlineTime": "2026-01-02T03:04:06Z",
        "source": {"type": "rtspSource", "id": ""},
        "tracks": ["H264", "G711"],
        "tracks2": [{"codec": "H264", "codecProps": {"width": 320}}, {"codec": "G711", "codecProps": None}],
        "readers": [{"type": "rtspSession", "id": "1"}],
        "inboundBytes": 1234,
        "outboundBytes": 5,
        "inboundFramesInError": 0,
        "bytesReceived": 1234,
        "bytesSent": 5,
        **fields,
    }


def runtime_of_1_9(name: str = "gate", **fields: object) -> dict[str, object]:
    """The same of 1.9.3."""
    return {
        "name": name,
        "confName": name,
        "source": {"type": "rtspSource", "id": ""},
        "ready": True,
        "readyTime": "2026-01-02T03:04:06Z",
        "tracks": ["H264", "G711"],
        "bytesReceived": 1234,
        "bytesSent": 5,
        "readers": [],
        **fields,
    }


class CannedApi(httpx.AsyncBaseTransport):
    """Answers each call with what `answers` has for it, by the last part of its route; keeps what was asked.

    An answer is a response, an exception to raise, or a function of the request.
    """

    def __init__(self, **answers: httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]) -> None:
        self.answers = {
            "info": json_answer(INFO),
            "pathdefaults": json_answer(DEFAULTS_OF_1_20),
            "config_list": json_answer(page()),
            "paths_list": json_answer(page()),
            "replace": json_answer({"status": "ok"}),
            "delete": json_answer({"status": "ok"}),
            **answers,
        }
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers[_call(request)]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            # A response is read once: hand out a new one each time.
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        return answer(request)

    def sent(self) -> object:
        """The JSON of the last request's body."""
        return json.loads(self.requests[-1].content)


def _call(request: httpx.Request) -> str:
    route = request.url.raw_path.decode().partition("?")[0].partition("/v3/")[2]
    for start, call in (
        ("info", "info"),
        ("config/pathdefaults/get", "pathdefaults"),
        ("config/paths/list", "config_list"),
        ("config/paths/replace/", "replace"),
        ("config/paths/delete/", "delete"),
        ("paths/list", "paths_list"),
    ):
        if route.startswith(start):
            return call
    raise AssertionError(f"no such call: {route}")
