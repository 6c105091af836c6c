from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.cli.status_text import Screen, overview, single
from reconciler.cli.table import Cell, Paint, ago, clean, colours_wanted, shorten, table
from reconciler.core.model import State
from reconciler.core.problem import Severity
from reconciler.web.wire import board_json, stream_json
from tests.support.boards import NOW, a_board, a_healthy_board, a_problem, some_streams

if TYPE_CHECKING:
    from reconciler.core.board import Board

FRONT_DOOR = "rtsp://admin:***@10.0.0.11:554/Streaming/Channels/101"
PLAIN = Paint(enabled=False)
SCREEN = Screen(paint=PLAIN, width=None, now=NOW)


def shown(board: Board, screen: Screen = SCREEN) -> list[str]:
    return overview(board_json(board), screen)


class TestOverview:
    def test_a_healthy_board_is_a_table_and_a_sum(self) -> None:
        assert shown(a_healthy_board()) == [
            "STREAM      STATE    REASON  SINCE   SYNC     READERS  SOURCE",
            f"front-door  RUNNING  -       1h ago  in_sync  2        {FRONT_DOOR}",
            "",
            "1 stream: 1 running; all in sync; 1 server up",
        ]

    def test_an_ill_board_says_what_is_wrong_first(self) -> None:
        assert shown(a_board()) == [
            "streams.yaml: 1 problems: the streams concerned are set aside",
            "streams.yaml:12:5: streams.yard.sorce: unknown key, did you mean 'source'?",
            "server far (http://10.9.0.2:9997) cannot be read: ServerUnreachable: connection refused (noticed 30s ago)",
            "",
            "STREAM      STATE    REASON             SINCE    SYNC      READERS  SERVER  SOURCE",
            "yard        ERROR    Conflict           1m ago   conflict  0        main    publisher",
            "    a path of this name is there and is not ours",
            "    differs in source: rename it, or set `adopt: yes`",
            "hall/east   ERROR    NotReady           3m ago   in_sync   0        main    rtsp://10.0.0.12/live",
            "    no picture for 3 minutes: is the camera on and its address right?",
            "dock        UNKNOWN  ServerUnreachable  30s ago  unknown   -        far     rtsp://10.9.0.1/dock",
            f"front-door  RUNNING  -                  1h ago   in_sync   2        main    {FRONT_DOOR}",
            "gate        STOPPED  Disabled           3d ago   in_sync   0        main    rtsps://10.0.0.13/stream",
            "",
            "5 streams: 2 error, 1 unknown, 1 running, 1 stopped; not in sync: 1 conflict, 1 unknown; 2 servers, 1 up",
        ]

    def test_nothing_declared_yet(self) -> None:
        assert shown(replace(a_healthy_board(), streams=())) == ["0 streams; 1 server up"]

    def test_many_problems_are_cut_short_with_a_hint(self) -> None:
        config = replace(a_board().config, problems=(a_problem(),) * 25)
        lines = shown(replace(a_board(), config=config))
        assert sum("unknown key" in line for line in lines) == 10
        assert "... and 15 more: see `reconciler validate`" in lines

    def test_warnings_are_shown_too(self) -> None:
        config = replace(a_healthy_board().config, problems=(a_problem(Severity.WARNING),))
        line = shown(replace(a_healthy_board(), config=config))[0]
        assert line == "streams.yaml:12:5: streams.yard.sorce: warning: unknown key, did you mean 'source'?"

    def test_an_old_picture_is_called_old(self) -> None:
        assert shown(replace(a_healthy_board(), at=NOW - 300))[0] == (
            "This is how it was 5m ago: the daemon has not looked since."
        )

    def test_a_time_that_is_not_known_is_no_time_ago(self) -> None:
        views = (replace(some_streams()[0], since=0.0),)
        assert "56" not in shown(replace(a_healthy_board(), streams=views))[1].split("rtsp")[0]

    def test_states_of_newer_daemons_are_shown_first_as_they_are(self) -> None:
        board = board_json(a_board())
        streams: Any = board["streams"]
        streams[0]["status"] = "EXPLODED"
        lines = overview(board, SCREEN)
        assert lines[5].split()[:2] == ["front-door", "EXPLODED"]

    @pytest.mark.parametrize("width", [200, 120, 100, 80, 70])
    def test_no_line_is_wider_than_the_screen(self, width: int) -> None:
        lines = shown(a_board(), SCREEN._replace(width=width))
        assert max(map(len, lines)) <= width

    @pytest.mark.parametrize("width", [200, 80, 40, 1])
    def test_no_sentence_is_cut(self, width: int) -> None:
        joined = " ".join(" ".join(shown(a_board(), SCREEN._replace(width=width))).split())
        assert "no picture for 3 minutes: is the camera on and its address right?" in joined
        assert "unknown key, did you mean 'source'?" in joined

    def test_a_camera_cannot_command_the_terminal(self) -> None:
        view = replace(some_streams()[1], message="bad\x1b[2Jthing\nhappened", description="\x07")
        board = replace(a_healthy_board(), streams=(view,))
        text = "".join(shown(board)) + "".join(single(stream_json(view), SCREEN))
        assert text.isprintable()
        assert "bad\N{REPLACEMENT CHARACTER}[2Jthing happened" in text


class TestSingle:
    def test_everything_that_is_known_is_shown(self) -> None:
        assert single(stream_json(some_streams()[0]), SCREEN) == [
            "front-door  RUNNING",
            "  reason       -",
            "  since        2023-11-14 21:13:20 UTC (1h ago)",
            "  sync         in_sync",
            "  held         -",
            "  server       main",
            "  source       rtsp://admin:***@10.0.0.11:554/Streaming/Channels/101",
            "  camera       cam-1",
            "  description  the main entrance",
            "  labels       floor=1, site=hq",
            "  readers      2",
            "  tracks       H264, Opus",
            "  received     123.5 MB (123456789 bytes)",
            "  restarts     1",
            "  started      2023-11-14 20:13:20 UTC (2h ago)",
            "  stopped      -",
            "  entry        streams.yaml:4:3",
        ]

    def test_no_key_of_the_api_is_forgotten(self) -> None:
        view = stream_json(some_streams()[3])
        text = "\n".join(single(view, SCREEN))
        for key in ("id", "server", "status", "reason", "message", "sync", "hold", "sync_message", "source_url"):
            assert str(view[key]) in text, key

    def test_readers_of_an_unknown_stream_are_not_known(self) -> None:
        view = replace(some_streams()[0], status=State.UNKNOWN)
        assert "  readers      -" in single(stream_json(view), SCREEN)


class TestTable:
    ROWS = ([Cell("front-door"), Cell("x"), Cell("rtsp://10.0.0.1/a-long-way")],)
    HEADER = ("STREAM", "N", "SOURCE")

    def laid_out(self, width: int | None) -> list[str]:
        return table(self.HEADER, self.ROWS, paint=PLAIN, width=width, give=(2, 0))

    def test_takes_the_room_it_needs(self) -> None:
        assert self.laid_out(None) == ["STREAM      N  SOURCE", "front-door  x  rtsp://10.0.0.1/a-long-way"]

    def test_the_first_column_to_give_way_is_shortened(self) -> None:
        assert self.laid_out(30) == ["STREAM      N  SOURCE", "front-door  x  rtsp://10.0.0.…"]

    def test_then_left_out_before_the_next_is_shortened(self) -> None:
        assert self.laid_out(20) == ["STREAM      N", "front-door  x"]
        assert self.laid_out(12) == ["STREAM     N", "front-do…  x"]

    def test_colours_do_not_count_as_letters(self) -> None:
        rows = [[Cell("a", "red"), Cell("b")], [Cell("long", "green"), Cell("c")]]
        lines = table(("X", "Y"), rows, paint=Paint(enabled=True), width=None, give=(0,))
        assert lines[1:] == ["\x1b[31ma\x1b[0m     b", "\x1b[32mlong\x1b[0m  c"]

    @pytest.mark.parametrize(
        ("seconds", "said"),
        [
            (-5, "now"),
            (0, "now"),
            (1, "1s ago"),
            (59.9, "59s ago"),
            (60, "1m ago"),
            (3599, "59m ago"),
            (3600, "1h ago"),
            (86400, "1d ago"),
            (86400 * 400, "400d ago"),
        ],
    )
    def test_times_in_one_number(self, seconds: float, said: str) -> None:
        assert ago(seconds) == said

    def test_shortening(self) -> None:
        assert [shorten("abcdef", width) for width in (6, 5, 1, 0)] == ["abcdef", "abcd…", "…", "…"]

    def test_cleaning_keeps_letters_of_all_scripts(self) -> None:
        assert clean("entrée ворота 門") == "entrée ворота 門"

    @pytest.mark.parametrize(
        ("tty", "environ", "wanted"),
        [
            (True, {}, True),
            (False, {}, False),
            (True, {"NO_COLOR": "1"}, False),
            (True, {"NO_COLOR": ""}, True),
            (True, {"TERM": "dumb"}, False),
        ],
    )
    def test_colours_are_for_terminals_whose_user_wants_them(
        self, *, tty: bool, environ: dict[str, str], wanted: bool
    ) -> None:
        class Stream:
            def isatty(self) -> bool:
                return tty

        stream: Any = Stream()
        assert colours_wanted(stream, environ) is wanted
