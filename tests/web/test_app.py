from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from reconciler.web.app import create_app
from reconciler.web.metrics import Metrics
from reconciler.web.models import BoardModel, Problem, StreamModel, StreamsModel
from reconciler.web.wire import board_json, stream_json
from tests.support.boards import FakeDaemon, a_board, many_streams

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import FastAPI

    from reconciler.core.board import Board


@pytest.fixture
def daemon() -> FakeDaemon:
    return FakeDaemon(a_board())


@pytest.fixture
def app(daemon: FakeDaemon) -> FastAPI:
    return create_app(daemon, Metrics())


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:9810") as client:
        yield client


def problem_of(answer: httpx.Response) -> Problem:
    assert answer.headers["content-type"] == "application/problem+json"
    problem = Problem.model_validate_json(answer.content)
    assert problem.status == answer.status_code
    return problem


class TestHealth:
    async def test_a_living_daemon_is_healthy(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/health")
        assert (answer.status_code, answer.json()) == (200, {"status": "healthy"})

    async def test_a_daemon_whose_loops_are_not_heard_of_is_unhealthy(
        self, client: httpx.AsyncClient, daemon: FakeDaemon
    ) -> None:
        daemon.heard_of = (False, "not heard of in time: observe main")
        answer = await client.get("/health")
        assert answer.status_code == 503
        assert answer.json() == {"status": "unhealthy", "reason": "not heard of in time: observe main"}

    async def test_health_does_not_ask_how_the_streams_are(self, client: httpx.AsyncClient, daemon: FakeDaemon) -> None:
        await client.get("/health")
        await client.get("/healthz")
        assert daemon.asked == 0

    @pytest.mark.parametrize("path", ["/healthz", "/readyz"])
    async def test_probes_answer_a_plain_ok(self, client: httpx.AsyncClient, path: str) -> None:
        answer = await client.get(path)
        assert (answer.status_code, answer.text) == (200, "ok\n")
        assert answer.headers["content-type"].startswith("text/plain")

    async def test_verbose_lists_the_checks(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/readyz?verbose")
        assert answer.text == (
            "[+] loops: all loops are heard of\n[+] first pass: every server has been looked at\nok\n"
        )

    async def test_not_ready_before_the_first_pass_and_says_why_unasked(
        self, client: httpx.AsyncClient, daemon: FakeDaemon
    ) -> None:
        daemon.shown = replace(daemon.shown, ready=False)
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert "[-] first pass: not every server has been looked at yet\n" in answer.text
        assert (await client.get("/healthz")).status_code == 200

    async def test_liveness_fails_with_the_loops(self, client: httpx.AsyncClient, daemon: FakeDaemon) -> None:
        daemon.heard_of = (False, "not heard of in time: observe main")
        assert (await client.get("/healthz")).status_code == 503
        assert (await client.get("/readyz")).status_code == 503

    async def test_head_is_answered_like_get(self, client: httpx.AsyncClient) -> None:
        assert (await client.head("/health")).status_code == 200


class TestStreams:
    async def test_all_streams_by_name(self, client: httpx.AsyncClient, daemon: FakeDaemon) -> None:
        answer = await client.get("/api/streams")
        body = answer.json()
        assert [stream["id"] for stream in body["streams"]] == ["dock", "front-door", "gate", "hall/east", "yard"]
        assert (body["total"], body["limit"], body["offset"]) == (5, 100, 0)
        assert body["streams"][1] == stream_json(daemon.shown.streams[0])
        StreamsModel.model_validate_json(answer.content)

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("state=RUNNING", ["front-door"]),
            ("state=ERROR&state=UNKNOWN", ["dock", "hall/east", "yard"]),
            ("label=site:hq", ["front-door", "hall/east"]),
            ("label=site:hq&label=floor:1", ["front-door"]),
            ("label=site:elsewhere", []),
            ("q=DOOR", ["front-door"]),
            ("q=main%20entrance", ["front-door"]),
            ("q=cam-1", ["front-door"]),
            ("q=10.0.0.11", []),
            ("state=ERROR&q=hall", ["hall/east"]),
        ],
    )
    async def test_filters(self, client: httpx.AsyncClient, query: str, found: list[str]) -> None:
        body = (await client.get(f"/api/streams?{query}")).json()
        assert [stream["id"] for stream in body["streams"]] == found
        assert body["total"] == len(found)

    async def test_pages_cover_everything_once(self, client: httpx.AsyncClient, daemon: FakeDaemon) -> None:
        daemon.shown = replace(daemon.shown, streams=many_streams(250))
        seen: list[str] = []
        for offset in (0, 100, 200, 300):
            body = (await client.get(f"/api/streams?limit=100&offset={offset}")).json()
            assert body["total"] == 250
            seen += [stream["id"] for stream in body["streams"]]
        assert seen == sorted(view.id for view in daemon.shown.streams)

    @pytest.mark.parametrize(
        ("query", "location"),
        [
            ("state=BROKEN", "query.state.0"),
            ("limit=0", "query.limit"),
            ("limit=1001", "query.limit"),
            ("offset=-1", "query.offset"),
            ("label=site", "query.label"),
            ("label=:hq", "query.label"),
        ],
    )
    async def test_what_cannot_be_understood_is_named(
        self, client: httpx.AsyncClient, query: str, location: str
    ) -> None:
        problem = problem_of(await client.get(f"/api/streams?{query}"))
        assert problem.status == 422
        assert problem.errors is not None
        assert [error["location"] for error in problem.errors] == [location]

    @pytest.mark.parametrize("path", ["/api/streams/hall/east", "/api/streams/hall%2Feast"])
    async def test_one_stream_whose_name_has_a_slash(self, client: httpx.AsyncClient, path: str) -> None:
        answer = await client.get(path)
        assert answer.json()["id"] == "hall/east"
        StreamModel.model_validate_json(answer.content)

    async def test_an_unknown_stream_is_a_problem_document(self, client: httpx.AsyncClient) -> None:
        problem = problem_of(await client.get("/api/streams/hall/west"))
        assert problem.status == 404
        assert problem.detail == "There is no stream 'hall/west'; /api/streams lists all."

    async def test_status_is_the_whole_board(self, client: httpx.AsyncClient, daemon: FakeDaemon) -> None:
        answer = await client.get("/api/status")
        assert answer.json() == board_json(daemon.shown)
        BoardModel.model_validate_json(answer.content)

    async def test_answers_are_not_to_be_kept(self, client: httpx.AsyncClient) -> None:
        for path in ("/api/status", "/api/streams", "/health", "/metrics", "/readyz"):
            assert (await client.get(path)).headers["cache-control"] == "no-store"


class TestErrors:
    async def test_no_such_page(self, client: httpx.AsyncClient) -> None:
        problem = problem_of(await client.get("/nothing"))
        assert (problem.status, problem.title) == (404, "Not Found")
        assert "/nothing" in problem.detail

    async def test_a_method_that_is_not_there(self, client: httpx.AsyncClient) -> None:
        answer = await client.post("/api/streams", json={})
        assert problem_of(answer).status == 405
        assert answer.headers["allow"] == "GET"

    async def test_a_fault_of_ours_gives_nothing_away(self, client: httpx.AsyncClient, daemon: FakeDaemon) -> None:
        def broken() -> Any:
            raise RuntimeError("rtsp://admin:hunter22@10.0.0.11/")

        daemon.board = broken  # type: ignore[method-assign]
        answer = await client.get("/api/status")
        assert problem_of(answer).status == 500
        assert "hunter22" not in answer.text

    async def test_there_is_no_page_that_loads_from_elsewhere(self, client: httpx.AsyncClient) -> None:
        assert (await client.get("/docs")).status_code == 404
        assert (await client.get("/redoc")).status_code == 404


class TestHosts:
    @pytest.mark.parametrize(
        "host", ["127.0.0.1:9810", "localhost:9810", "LOCALHOST", "127.8.8.8", "[::1]:9810", "[::1]"]
    )
    async def test_names_of_this_machine_are_served(self, client: httpx.AsyncClient, host: str) -> None:
        assert (await client.get("/health", headers={"host": host})).status_code == 200

    @pytest.mark.parametrize(
        "host", ["evil.example", "evil.example:9810", "127.0.0.1.evil.example", "localhost.evil", ""]
    )
    async def test_other_names_are_refused(self, client: httpx.AsyncClient, host: str) -> None:
        problem = problem_of(await client.get("/api/status", headers={"host": host}))
        assert problem.status == 421
        assert "reverse proxy" in problem.detail

    async def test_a_request_of_http_1_0_needs_no_name(self, app: FastAPI) -> None:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "http_version": "1.0", "method": "GET", "path": "/healthz", "raw_path": b"/healthz"}
        await app({**scope, "query_string": b"", "headers": [], "root_path": ""}, receive, send)
        assert sent[0]["status"] == 200


class TestThreads:
    async def test_the_daemon_is_only_asked_in_the_thread_of_its_loop(
        self, client: httpx.AsyncClient, daemon: FakeDaemon
    ) -> None:
        threads: set[int] = set()
        board = daemon.shown

        def noting_board() -> Board:
            threads.add(threading.get_ident())
            return board

        daemon.board = noting_board  # type: ignore[method-assign]
        for path in ("/metrics", "/api/status", "/api/streams", "/api/streams/gate", "/readyz"):
            assert (await client.get(path)).status_code == 200
        assert threads == {threading.get_ident()}


class TestDescription:
    async def test_the_root_points_the_way(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/")
        assert answer.text.count("\n") == 1
        assert "/metrics" in answer.text
        assert "/api/streams" in answer.text

    async def test_openapi_describes_what_is_answered(self, client: httpx.AsyncClient) -> None:
        described = (await client.get("/openapi.json")).json()
        stream = described["components"]["schemas"]["StreamModel"]
        body = (await client.get("/api/streams/front-door")).json()
        assert set(stream["properties"]) == set(stream["required"]) == set(body)
        refused = described["paths"]["/api/streams/{name}"]["get"]["responses"]["404"]
        assert set(refused["content"]) == {"application/problem+json"}
        assert "HTTPValidationError" not in json.dumps(described)

    async def test_every_route_is_in_the_manual(
        self, client: httpx.AsyncClient, request: pytest.FixtureRequest
    ) -> None:
        described = (await client.get("/openapi.json")).json()
        manual = (request.config.rootpath / "docs" / "http.md").read_text()
        for path in [*described["paths"], "/openapi.json"]:
            assert f"GET {path.replace('{name}', '{id}')}" in manual
