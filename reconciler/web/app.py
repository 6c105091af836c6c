"""The HTTP application: what is served where. `docs/http.md` is its manual.

Not guaranteed: nothing served here says whether the streams are well except `/api` and `/metrics`; `/health` and
`/healthz` speak of the daemon's own loops, `/readyz` of its first look at the servers.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse

from reconciler import __version__
from reconciler.web import api, health, problems, seam
from reconciler.web.api import BoardNow  # noqa: TC001 - FastAPI reads it at run time
from reconciler.web.guard import HostGuard

if TYPE_CHECKING:
    from reconciler.web.metrics import Metrics

__all__ = ["create_app"]


def create_app(daemon: seam.Daemon, metrics: Metrics) -> FastAPI:
    """Return the application."""
    app = FastAPI(
        title="reconciler",
        version=__version__,
        description="What the streams of `streams.yaml` are doing.",
        docs_url=None,  # its page comes from a CDN
        redoc_url=None,
        **_telemetry_off(),
    )
    seam.attach(app, daemon)
    app.add_middleware(HostGuard)
    problems.install(app)
    app.include_router(api.router)
    app.include_router(health.router)

    @app.get("/metrics", response_class=PlainTextResponse, summary="Prometheus metrics")
    def metrics_text(request: Request, board: BoardNow) -> Response:
        body, content_type = metrics.exposition(board, request.headers.get("accept", ""))
        # Not compressed: a large page would take longer to pack than to send over the loopback.
        return Response(body, headers={"content-type": content_type, "cache-control": "no-store"})

    @app.get("/", response_class=PlainTextResponse, include_in_schema=False)
    async def root() -> str:
        return f"reconciler {__version__}: see /metrics, /api/streams and /openapi.json\n"

    return app


def _telemetry_off() -> dict[str, Any]:
    """Switch off FastAPI's own tracing, in the versions that have it."""
    if "telemetry" not in inspect.signature(FastAPI.__init__).parameters:
        return {}
    return {"telemetry": {"tracing": False, "metrics": False, "logs": False}}
