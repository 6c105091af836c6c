"""The read part of the REST API: the streams, one stream, and everything at once.

Routes are plain functions: they run in worker threads, so that 10,000 streams are put into words beside the daemon's
loop and not in it. The board they get is asked for in the loop.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Response
from fastapi.exceptions import RequestValidationError

from reconciler.core.board import Board
from reconciler.core.model import State  # noqa: TC001 - FastAPI reads it at run time
from reconciler.web.models import BoardModel, StreamModel, StreamsModel
from reconciler.web.problems import documented
from reconciler.web.seam import present_board
from reconciler.web.wire import board_text, stream_json, text_of, with_streams

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reconciler.core.board import StreamView

__all__ = ["BoardNow", "router"]

BoardNow = Annotated[Board, Depends(present_board)]

router = APIRouter(prefix="/api")


@router.get("/status", response_model=BoardModel, responses=documented(), summary="Everything at once")
def status(board: BoardNow) -> Response:
    """Return the whole board."""
    return _json(board_text(board))


@router.get("/streams", response_model=StreamsModel, responses=documented(422), summary="The streams, by name")
def streams(
    board: BoardNow,
    state: Annotated[list[State] | None, Query(description="Any of these states.")] = None,
    label: Annotated[list[str] | None, Query(description="`key:value`; all of them must match.")] = None,
    q: Annotated[
        str, Query(description="Text in id, camera id or description, whatever its case.", max_length=200)
    ] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """Return one page of the streams that match."""
    wanted = _filter(state or (), _labels(label or ()), q)
    found = sorted((view for view in board.streams if wanted(view)), key=lambda view: view.id)
    return _json(with_streams({"total": len(found), "limit": limit, "offset": offset}, found[offset : offset + limit]))


# Names of streams contain slashes.
@router.get("/streams/{name:path}", response_model=StreamModel, responses=documented(404), summary="One stream")
def stream(board: BoardNow, name: str) -> Response:
    """Return the stream called `name`."""
    for view in board.streams:
        if view.id == name:
            return _json(text_of(stream_json(view)).encode())
    raise HTTPException(HTTPStatus.NOT_FOUND, f"There is no stream {name!r}; /api/streams lists all.")


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json", headers={"cache-control": "no-store"})


def _labels(texts: Sequence[str]) -> dict[str, str]:
    """Read `key:value` pairs.

    Raises:
        RequestValidationError: one has no key or no colon.
    """
    pairs = [text.partition(":") for text in texts]
    if not all(key and colon for key, colon, _ in pairs):
        raise RequestValidationError(
            [{"loc": ("query", "label"), "msg": "write key:value, such as label=site:hq", "type": "value_error"}]
        )
    return {key: value for key, _, value in pairs}


def _filter(states: Sequence[State], labels: dict[str, str], text: str) -> Callable[[StreamView], bool]:
    text = text.casefold()

    def wanted(view: StreamView) -> bool:
        if states and view.status not in states:
            return False
        if any(view.labels.get(key) != value for key, value in labels.items()):
            return False
        return not text or any(text in (said or "").casefold() for said in (view.id, view.camera_id, view.description))

    return wanted
