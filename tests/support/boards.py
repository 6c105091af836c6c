"""Boards to show, and a daemon that shows them."""

from __future__ import annotations

from dataclasses import dataclass, field

from reconciler.core.board import Board, ConfigView, ServerView, StreamView
from reconciler.core.model import Hold, Reason, State, Sync
from reconciler.core.problem import Position, Problem, Severity

NOW = 1_700_000_000.0


@dataclass
class FakeClock:
    """A clock that stands still until told."""

    now: float = 1000.0
    wall: float = NOW

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.wall


@dataclass
class FakeDaemon:
    """A daemon that shows what the test puts on it."""

    shown: Board
    heard_of: tuple[bool, str] = (True, "all loops are heard of")
    asked: int = field(default=0)

    def board(self) -> Board:
        self.asked += 1
        return self.shown

    def alive(self) -> tuple[bool, str]:
        return self.heard_of


def a_problem(severity: Severity = Severity.ERROR) -> Problem:
    return Problem(
        position=Position("streams.yaml", 12, 5),
        path="streams.yard.sorce",
        message="unknown key, did you mean 'source'?",
        stream="yard",
        severity=severity,
    )


def some_streams() -> tuple[StreamView, ...]:
    return (
        StreamView(
            id="front-door",
            server="main",
            status=State.RUNNING,
            reason=None,
            message="",
            since=NOW - 3600,
            sync=Sync.IN_SYNC,
            camera_id="cam-1",
            description="the main entrance",
            source_url="rtsp://admin:***@10.0.0.11:554/Streaming/Channels/101",
            labels={"site": "hq", "floor": "1"},
            readers=2,
            inbound_bytes=123456789,
            restarts=1,
            tracks=("H264", "Opus"),
            started_at=NOW - 7200,
            position="streams.yaml:4:3",
        ),
        StreamView(
            id="hall/east",
            server="main",
            status=State.ERROR,
            reason=Reason.NOT_READY,
            message="no picture for 3 minutes: is the camera on and its address right?",
            since=NOW - 180,
            sync=Sync.IN_SYNC,
            source_url="rtsp://10.0.0.12/live",
            labels={"site": "hq"},
            started_at=NOW - 7200,
        ),
        StreamView(
            id="gate",
            server="main",
            status=State.STOPPED,
            reason=Reason.DISABLED,
            message="`enabled: no` in the file",
            since=NOW - 86400 * 3,
            sync=Sync.IN_SYNC,
            source_url="rtsps://10.0.0.13/stream",
            stopped_at=NOW - 86400 * 3,
        ),
        StreamView(
            id="yard",
            server="main",
            status=State.ERROR,
            reason=Reason.CONFLICT,
            message="a path of this name is there and is not ours",
            since=NOW - 60,
            sync=Sync.CONFLICT,
            hold=Hold.CONFLICT,
            sync_message="differs in source: rename it, or set `adopt: yes`",
            source_url="publisher",
            started_at=NOW - 60,
        ),
        StreamView(
            id="dock",
            server="far",
            status=State.UNKNOWN,
            reason=Reason.SERVER_UNREACHABLE,
            message="connection refused",
            since=NOW - 30,
            sync=Sync.UNKNOWN,
            source_url="rtsp://10.9.0.1/dock",
            inbound_bytes=77,
            started_at=NOW - 7200,
        ),
    )


def a_board() -> Board:
    """Two servers, one of them down; five streams in four states; one problem in the file."""
    return Board(
        at=NOW,
        config=ConfigView(
            path="streams.yaml",
            ok=False,
            loaded_at=NOW - 7200,
            digest="d1",
            problems=(a_problem(),),
            message="1 problems: the streams concerned are set aside",
        ),
        streams=some_streams(),
        servers=(
            ServerView(
                name="main",
                url="http://127.0.0.1:9997",
                up=True,
                version="1.20.1",
                since=NOW - 7200,
                owned=4,
                foreign=3,
                pending=1,
                held={Hold.CONFLICT: 1},
                last_pass=NOW - 5,
                last_in_sync=NOW - 65,
                restarts=1,
            ),
            ServerView(
                name="far",
                url="http://10.9.0.2:9997",
                up=False,
                reason=Reason.SERVER_UNREACHABLE,
                message="connection refused",
                since=NOW - 30,
            ),
        ),
        ready=True,
    )


def a_healthy_board() -> Board:
    """One server, one stream, nothing to complain of."""
    board = a_board()
    return Board(
        at=NOW,
        config=ConfigView(path="streams.yaml", ok=True, loaded_at=NOW - 7200, digest="d1"),
        streams=board.streams[:1],
        servers=board.servers[:1],
        ready=True,
    )


def many_streams(count: int, server: str = "main") -> tuple[StreamView, ...]:
    """So many running streams of one server."""
    return tuple(
        StreamView(
            id=f"site-{number % 40:02d}/camera-{number:05d}",
            server=server,
            status=State.RUNNING,
            reason=None,
            message="",
            since=NOW - number,
            sync=Sync.IN_SYNC,
            source_url=f"rtsp://admin:***@10.0.{number // 250}.{number % 250}/live",
            labels={"site": str(number % 40)},
            readers=number % 3,
            inbound_bytes=number * 1_000_003,
            started_at=NOW - number,
        )
        for number in range(count)
    )
