from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest

from reconciler.core.board import ServerView, StreamView
from reconciler.web.models import BoardModel, ServerModel, StreamModel
from reconciler.web.wire import board_json, board_text, server_json, stream_json, timestamp, with_streams
from tests.support.boards import NOW, a_board, a_healthy_board, some_streams


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, None),
        (0.0, "1970-01-01T00:00:00.000Z"),
        (NOW, "2023-11-14T22:13:20.000Z"),
        (NOW + 0.0625, "2023-11-14T22:13:20.062Z"),
    ],
)
def test_times_are_rfc_3339_in_utc(seconds: float | None, text: str | None) -> None:
    assert timestamp(seconds) == text


def test_a_stream_in_json() -> None:
    assert stream_json(some_streams()[0]) == {
        "id": "front-door",
        "server": "main",
        "camera_id": "cam-1",
        "description": "the main entrance",
        "source_url": "rtsp://admin:***@10.0.0.11:554/Streaming/Channels/101",
        "status": "RUNNING",
        "reason": None,
        "message": "",
        "since": "2023-11-14T21:13:20.000Z",
        "sync": "in_sync",
        "hold": None,
        "sync_message": "",
        "readers": 2,
        "inbound_bytes": 123456789,
        "restarts": 1,
        "tracks": ["H264", "Opus"],
        "labels": {"site": "hq", "floor": "1"},
        "started_at": "2023-11-14T20:13:20.000Z",
        "stopped_at": None,
        "position": "streams.yaml:4:3",
    }


def test_nothing_that_a_board_shows_is_left_out() -> None:
    assert {field.name for field in fields(StreamView)} == stream_json(some_streams()[0]).keys()
    assert {field.name for field in fields(ServerView)} == server_json(a_board().servers[0]).keys()


def test_words_are_plain_strings() -> None:
    conflict = stream_json(some_streams()[3])
    assert [type(conflict[key]) for key in ("status", "reason", "sync", "hold")] == [str] * 4


def test_the_models_describe_these_shapes_and_no_others() -> None:
    for view in some_streams():
        assert set(StreamModel.model_validate_json(json.dumps(stream_json(view))).model_dump()) == set(
            stream_json(view)
        )
    for server in a_board().servers:
        ServerModel.model_validate_json(json.dumps(server_json(server)))
    BoardModel.model_validate_json(board_text(a_board()))


@pytest.mark.parametrize("board", [a_board(), a_healthy_board(), replace(a_board(), streams=())])
def test_the_written_board_is_the_board(board: object) -> None:
    assert isinstance(board, type(a_board()))
    assert json.loads(board_text(board)) == board_json(board)


def test_letters_of_all_scripts_are_written_as_utf_8() -> None:
    view = replace(some_streams()[0], description='"entrée" ворота\n門')
    written = with_streams({"total": 1}, [view])
    assert "entrée" in written.decode()
    assert json.loads(written)["streams"][0]["description"] == '"entrée" ворота\n門'
