"""Every error answer is a problem document (RFC 9457), wherever it comes from.

What the client sent is not repeated in it, except the path and the name of what was looked for.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from reconciler.web.models import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from fastapi import FastAPI
    from starlette.requests import Request

__all__ = ["CONTENT_TYPE", "documented", "install", "problem"]

CONTENT_TYPE = "application/problem+json"


def problem(
    status: int,
    detail: str,
    *,
    errors: Sequence[Mapping[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return the problem document for `status`; `detail` is one sentence that names the way out."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if errors is not None:
        body["errors"] = list(errors)
    return JSONResponse(body, status, {"cache-control": "no-store", **(headers or {})}, CONTENT_TYPE)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that answers with these statuses, or any other, in problem documents."""
    content = {CONTENT_TYPE: {"schema": Problem.model_json_schema()}}
    named: dict[int | str, dict[str, Any]] = {
        status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses
    }
    return {**named, "default": {"description": "What went wrong, and the way out", "content": content}}


def install(app: FastAPI) -> None:
    """Make `app` answer all its errors so."""

    async def refused(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
        details = {
            HTTPStatus.NOT_FOUND: f"There is nothing at {request.url.path}; /openapi.json lists what is there.",
            HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not possible at {request.url.path}.",
        }
        # The framework's own detail is only the status in words.
        said = str(error.detail)
        known = said == HTTPStatus(error.status_code).phrase and error.status_code in details
        detail = details[HTTPStatus(error.status_code)] if known else said
        return problem(error.status_code, detail, headers=error.headers)

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for nothing else
        errors = [
            {"location": ".".join(str(part) for part in each["loc"]), "message": str(each["msg"])}
            for each in error.errors()
        ]
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "Some of the request cannot be understood.", errors=errors)

    async def failed(_: Request, __: Exception) -> JSONResponse:
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "The daemon's log says what went wrong.")

    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, failed)
