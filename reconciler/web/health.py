"""Is the daemon itself alive and ready? For supervisors and load balancers, not for whoever watches cameras.

Routes are coroutines: they ask two cheap questions, and a loop that cannot run them is not alive.

Not guaranteed: a camera, a server or a file that is not well never fails these; restarting us would not help.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from reconciler.web.models import HealthModel
from reconciler.web.seam import daemon_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["router"]

router = APIRouter()

_NO_STORE = {"cache-control": "no-store"}
_FAILED: dict[int | str, dict[str, Any]] = {503: {"description": "No; the checks are listed"}}


@router.get("/health", response_model=HealthModel, responses={503: {"model": HealthModel}}, summary="Is it alive?")
async def health(request: Request) -> Response:
    """Answer for machines that read JSON."""
    alive, sentence = daemon_of(request).alive()
    if alive:
        return JSONResponse({"status": "healthy"}, headers=_NO_STORE)
    return JSONResponse({"status": "unhealthy", "reason": sentence}, HTTPStatus.SERVICE_UNAVAILABLE, _NO_STORE)


@router.get("/healthz", response_class=PlainTextResponse, responses=_FAILED, summary="Is it alive? (`?verbose`)")
async def healthz(request: Request) -> Response:
    """Answer a liveness probe."""
    return _checked(request, {"loops": daemon_of(request).alive()})


@router.get("/readyz", response_class=PlainTextResponse, responses=_FAILED, summary="Has it looked? (`?verbose`)")
async def readyz(request: Request) -> Response:
    """Answer a readiness probe."""
    daemon = daemon_of(request)
    ready = daemon.board().ready
    first = (ready, "every server has been looked at" if ready else "not every server has been looked at yet")
    return _checked(request, {"loops": daemon.alive(), "first pass": first})


def _checked(request: Request, checks: Mapping[str, tuple[bool, str]]) -> Response:
    """Answer `ok`, and with what was checked when that is asked for or something failed."""
    passed = all(fine for fine, _ in checks.values())
    if passed and "verbose" not in request.query_params:
        return PlainTextResponse("ok\n", headers=_NO_STORE)
    lines = [f"[{'+' if fine else '-'}] {name}: {sentence}\n" for name, (fine, sentence) in checks.items()]
    status = HTTPStatus.OK if passed else HTTPStatus.SERVICE_UNAVAILABLE
    return PlainTextResponse("".join([*lines, "ok\n" if passed else "failed\n"]), status, _NO_STORE)
