"""An RTSP camera in the event loop of a test: one H.264 sample on any path, over TCP, with the faults cameras have.

Only what MediaMTX asks of a camera is there: OPTIONS, DESCRIBE, SETUP (interleaved), PLAY, GET_PARAMETER, TEARDOWN,
Basic logins. Time is real: it feeds real programs.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from tests.support.h264 import CLOCK, FRAMES_A_SECOND, read_sample

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Camera"]

_RTP_VERSION, _PAYLOAD_TYPE, _MARKER = 0x80, 96, 0x80
_BACKLOG = 1 << 20
_PATIENCE = 20.0
_SSRC = itertools.count(0x1000)


@dataclass(eq=False, slots=True)
class _Session:
    """One connection: what it plays, and where in the video it is."""

    writer: asyncio.StreamWriter
    path: str = ""
    channel: int = 0
    ssrc: int = field(default_factory=lambda: next(_SSRC))
    sequence: int = 0
    timestamp: int = 0
    frame: int = 0


class Camera:
    """Many cameras behind one address, each a path; `port` stays the same while it is dead."""

    def __init__(self, *, username: str | None = None, password: str | None = None) -> None:
        self.port = 0
        self.connections = 0
        """How many connections were ever accepted."""
        self._login = None if username is None else (username, password or "")
        self._sample = read_sample()
        self._listener: asyncio.Server | None = None
        self._sessions: set[_Session] = set()
        self._playing: set[_Session] = set()
        self._played = asyncio.Condition()
        self._frozen: set[str] = set()
        self._refused: dict[str, str] = {}
        self._handlers: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def start(cls, *, username: str | None = None, password: str | None = None) -> AsyncIterator[Camera]:
        """Run a camera until the block ends; with a `username` it asks for a login."""
        camera = cls(username=username, password=password)
        await camera.come_back()
        ticking = asyncio.create_task(camera._tick())
        try:
            yield camera
        finally:
            ticking.cancel()
            await camera.die()

    def url(self, path: str = "live", *, login: bool = True) -> str:
        """Return the address of one path, with the login in it where one is asked for."""
        user = ""
        if login and self._login is not None:
            user = ":".join(quote(part, safe="") for part in self._login) + "@"
        return f"rtsp://{user}127.0.0.1:{self.port}/{path}"

    def players(self, path: str = "live") -> int:
        """Return how many play a path now."""
        return sum(session.path == path for session in self._playing)

    async def is_played(self, path: str = "live") -> None:
        """Wait until somebody plays a path; MediaMTX calls it ready a moment earlier."""
        async with self._played:
            await asyncio.wait_for(self._played.wait_for(lambda: self.players(path) > 0), _PATIENCE)

    # --- faults ---------------------------------------------------------------------------------------------------

    async def die(self) -> None:
        """Cut everybody and close the port: whoever comes is refused by the system."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for session in self._sessions:
            session.writer.transport.abort()
        if self._handlers:
            await asyncio.wait(self._handlers)

    async def come_back(self) -> None:
        """Listen, on the same port as before."""
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    def freeze(self, path: str = "live") -> None:
        """Stop sending frames of a path, and keep its connections open."""
        self._frozen.add(path)

    def thaw(self, path: str = "live") -> None:
        """Go on sending."""
        self._frozen.discard(path)

    def refuse(self, path: str = "live", status: str = "404 Not Found") -> None:
        """Cut those who play a path, and answer all who ask for it with `status`."""
        self._refused[path] = status
        for session in self._playing:
            if session.path == path:
                session.writer.transport.abort()

    def accept(self, path: str = "live") -> None:
        """Refuse no longer."""
        self._refused.pop(path, None)

    # --- sending --------------------------------------------------------------------------------------------------

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += 1 / FRAMES_A_SECOND
            await asyncio.sleep(max(0.0, due - loop.time()))
            for session in tuple(self._playing):
                if session.path not in self._frozen:
                    self._send_frame(session)

    def _send_frame(self, session: _Session) -> None:
        payloads = self._sample.frames[session.frame % len(self._sample.frames)]
        packets = []
        for number, payload in enumerate(payloads, start=1):
            marker = _MARKER if number == len(payloads) else 0
            header = struct.pack(
                ">BBHII", _RTP_VERSION, marker | _PAYLOAD_TYPE, session.sequence, session.timestamp, session.ssrc
            )
            session.sequence = (session.sequence + 1) & 0xFFFF
            packets.append(struct.pack(">cBH", b"$", session.channel, len(header) + len(payload)) + header + payload)
        if session.writer.transport.get_write_buffer_size() < _BACKLOG:
            session.writer.write(b"".join(packets))
        session.frame += 1
        session.timestamp = (session.timestamp + CLOCK // FRAMES_A_SECOND) & 0xFFFFFFFF

    # --- answering ------------------------------------------------------------------------------------------------

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        self.connections += 1
        session = _Session(writer)
        self._sessions.add(session)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while await self._answer_one(session, reader):
                    pass
        finally:
            self._sessions.discard(session)
            self._playing.discard(session)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            self._handlers.discard(task)

    async def _answer_one(self, session: _Session, reader: asyncio.StreamReader) -> bool:
        """Answer one request, or skip one packet of the other side's reports; False when the session is over."""
        first = await reader.readexactly(1)
        if first == b"$":
            _, length = struct.unpack(">BH", await reader.readexactly(3))
            await reader.readexactly(length)
            return True
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, url, _ = head[0].split(" ", 2)
        headers = {key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in head[1:])}
        await reader.readexactly(int(headers.get("content-length", "0")))
        status, answer, body = self._answer(session, method, url, headers)
        lines = [f"RTSP/1.0 {status}", f"CSeq: {headers.get('cseq', '0')}", *answer]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        session.writer.write("\r\n".join([*lines, "", body]).encode())
        if method == "PLAY" and status == "200 OK":
            self._playing.add(session)
            async with self._played:
                self._played.notify_all()
        return method != "TEARDOWN"

    def _answer(self, session: _Session, method: str, url: str, headers: dict[str, str]) -> tuple[str, list[str], str]:
        """Return status, headers and body."""
        path = urlsplit(url).path.strip("/").removesuffix("/video")
        if path in self._refused:
            return self._refused[path], [], ""
        if method != "OPTIONS" and not self._knows(headers.get("authorization", "")):
            return "401 Unauthorized", ['WWW-Authenticate: Basic realm="camera"'], ""
        number = f"Session: {session.ssrc:08x}"
        match method:
            case "OPTIONS":
                return "200 OK", ["Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN"], ""
            case "DESCRIBE":
                return "200 OK", [f"Content-Base: {url.rstrip('/')}/", "Content-Type: application/sdp"], self._sdp()
            case "SETUP":
                session.path = path
                return self._set_up(session, headers.get("transport", ""), number)
            case "PLAY":
                where = f"RTP-Info: url={url};seq={session.sequence};rtptime={session.timestamp}"
                return "200 OK", [number, where], ""
            case "GET_PARAMETER" | "TEARDOWN":
                return "200 OK", [number], ""
            case _:
                return "405 Method Not Allowed", [], ""

    def _set_up(self, session: _Session, transport: str, number: str) -> tuple[str, list[str], str]:
        if "TCP" not in transport:
            return "461 Unsupported Transport", [], ""
        session.channel = int(transport.partition("interleaved=")[2].partition("-")[0] or 0)
        channels = f"interleaved={session.channel}-{session.channel + 1}"
        return "200 OK", [f"Transport: RTP/AVP/TCP;unicast;{channels};ssrc={session.ssrc:08X}", number], ""

    def _knows(self, authorization: str) -> bool:
        if self._login is None:
            return True
        return authorization == "Basic " + base64.b64encode(":".join(self._login).encode()).decode()

    def _sdp(self) -> str:
        return "\r\n".join(
            [
                "v=0",
                "o=- 0 0 IN IP4 127.0.0.1",
                "s=camera",
                "c=IN IP4 0.0.0.0",
                "t=0 0",
                "a=control:*",
                f"m=video 0 RTP/AVP {_PAYLOAD_TYPE}",
                f"a=rtpmap:{_PAYLOAD_TYPE} H264/{CLOCK}",
                f"a=fmtp:{_PAYLOAD_TYPE} {self._sample.format}",
                "a=control:video",
                "",
            ]
        )
