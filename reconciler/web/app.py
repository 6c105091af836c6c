"""The HTTP application: what is served where. `docs/http.md` is its manual.

Not guaranteed: nothing served here says whether the streams are well except `/api` and `/metrics`; `/health` and
`/healthz` speak of the daemon's own loops, `/readyz` of its first look at the servers.
"""

from __future__ import annotations

import inspect
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from reconciler import __version__
from reconciler.web import problems
from reconciler.web.api import api_router
from reconciler.web.guard import HostGuard
from reconciler.web.models import HealthModel

if TYPE_CHECKING:
    from reconciler.web.metrics import Metrics
    from reconciler.web.seam import Daemon

__all__ = ["create_app"]

_NO_STORE = {"cache-control": "no-store"}


def create_app(daemon: Daemon, metrics: Metrics, *, listen_host: str = "127.0.0.1") -> FastAPI:
    """Return the application. `listen_host` is served as a host name besides those of the loopback."""
    app = FastAPI(
        title="reconciler",
        version=__version__,
        description="What the streams of `streams.yaml` are doing.",
        docs_url=None,  # its page comes from a CDN
        redoc_url=None,
        **_telemetry_off(),
    )
    app.add_middleware(HostGuard, listen_host=listen_host)
    problems.install(app)
    app.include_router(api_router(daemon))
    _add_health(app, daemon)

    @app.get("/metrics", response_class=PlainTextResponse, summary="Prometheus metrics")
    def metrics_text(request: Request) -> Response:
        body, content_type = metrics.exposition(request.headers.get("accept", ""))
        # Not compressed: a large page would take longer to pack than to send over the loopback.
        return Response(body, headers={"content-type": content_type, **_NO_STORE})

    @app.get("/", response_class=PlainTextResponse, include_in_schema=False)
    async def root() -> str:
        return f"reconciler {__version__}: see /metrics, /api/streams and /openapi.json\n"

    return app


def _telemetry_off() -> dict[str, Any]:
    """Switch off FastAPI's own tracing, in the versions that have it."""
    if "telemetry" not in inspect.signature(FastAPI.__init__).parameters:
        return {}
    return {"telemetry": {"tracing": False, "metrics": False, "logs": False}}


def _add_health(app: FastAPI, daemon: Daemon) -> None:
    # These are coroutines: they ask two cheap questions, and a loop that cannot run them is not alive.
    @app.get("/health", response_model=HealthModel, responses={503: {"model": HealthModel}}, summary="Is it alive?")
    async def health() -> Response:
        alive, sentence = daemon.alive()
        if alive:
            return JSONResponse({"status": "healthy"}, headers=_NO_STORE)
        body = {"status": "unhealthy", "reason": sentence}
        return JSONResponse(body, HTTPStatus.SERVICE_UNAVAILABLE, _NO_STORE)

    def checked(request: Request, checks: dict[str, tuple[bool, str]]) -> Response:
        passed = all(fine for fine, _ in checks.values())
        if passed and "verbose" not in request.query_params:
            return PlainTextResponse("ok\n", headers=_NO_STORE)
        lines = [f"[{'+' if fine else '-'}] {name}: {sentence}\n" for name, (fine, sentence) in checks.items()]
        status = HTTPStatus.OK if passed else HTTPStatus.SERVICE_UNAVAILABLE
        return PlainTextResponse("".join([*lines, "ok\n" if passed else "failed\n"]), status, _NO_STORE)

    text_503: dict[int | str, dict[str, Any]] = {503: {"description": "Not; the failed checks are listed"}}

    @app.get("/healthz", response_class=PlainTextResponse, responses=text_503, summary="Is it alive? `?verbose`")
    async def healthz(request: Request) -> Response:
        return checked(request, {"loops": daemon.alive()})

    @app.get("/readyz", response_class=PlainTextResponse, responses=text_503, summary="Has it looked? `?verbose`")
    async def readyz(request: Request) -> Response:
        ready = daemon.board().ready
        first = (ready, "every server has been looked at" if ready else "not every server has been looked at yet")
        return checked(request, {"loops": daemon.alive(), "first pass": first})
