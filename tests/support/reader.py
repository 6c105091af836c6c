"""A viewer: plays one RTSP path over TCP, counts what it gets, and notices when it is cut off."""

from __future__ import annotations

import asyncio
import struct
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Reader", "RefusedError"]

_PATIENCE = 20.0


class RefusedError(Exception):
    """The server answered with something else than 200."""

    def __init__(self, method: str, status: int) -> None:
        super().__init__(f"{method}: {status}")
        self.status = status


class Reader:
    """One viewer of one path. `received`: bytes of RTP so far; `cut`: the server ended it."""

    def __init__(self, url: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.received = 0
        self.cut = False
        self._url, self._reader, self._writer = url, reader, writer
        self._sequence = 0
        self._session = ""
        self._changed = asyncio.Condition()

    @classmethod
    @asynccontextmanager
    async def play(cls, url: str) -> AsyncIterator[Reader]:
        """Play the first track of `url` until the block ends.

        Raises:
            RefusedError: there is nothing to play, or we may not.
            OSError: nothing listens there.
        """
        target = urlsplit(url)
        reader = cls(url, *await asyncio.open_connection(target.hostname, target.port))
        receiving: asyncio.Task[None] | None = None
        try:
            await asyncio.wait_for(reader._begin(), _PATIENCE)
            receiving = asyncio.create_task(reader._receive())
            yield reader
        finally:
            if receiving is not None:
                receiving.cancel()
                with suppress(asyncio.CancelledError):
                    await receiving
            reader._writer.close()
            with suppress(ConnectionError):
                await reader._writer.wait_closed()

    async def receives(self, more: int = 1) -> bool:
        """Wait until that many more bytes came, or it was cut; tell whether they came."""
        wanted = self.received + more
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(lambda: self.cut or self.received >= wanted), _PATIENCE)
        return self.received >= wanted

    async def is_cut(self) -> None:
        """Wait until the server ends it; TimeoutError when it does not within 20 s."""
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(lambda: self.cut), _PATIENCE)

    async def _begin(self) -> None:
        description, base = await self._ask("DESCRIBE", self._url, "Accept: application/sdp")
        media = description.partition("m=")[2]
        control = next(line for line in media.splitlines() if line.startswith("a=control:")).partition(":")[2]
        track = control if "://" in control else f"{base.rstrip('/')}/{control}"
        await self._ask("SETUP", track, "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
        await self._ask("PLAY", base)

    async def _ask(self, method: str, url: str, *headers: str) -> tuple[str, str]:
        """Return the body of the answer, and the URL that relative ones in it are meant from."""
        self._sequence += 1
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self._sequence}", *headers]
        if self._session:
            lines.append(f"Session: {self._session}")
        self._writer.write("\r\n".join([*lines, "", ""]).encode())
        while (first := await self._reader.readexactly(1)) == b"$":
            await self._packet()
        head = (first + await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        answer = {key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in head[1:])}
        body = await self._reader.readexactly(int(answer.get("content-length", "0")))
        status = int(head[0].split(" ")[1])
        if status != 200:
            raise RefusedError(method, status)
        self._session = answer.get("session", self._session).partition(";")[0]
        return body.decode(), answer.get("content-base", url)

    async def _packet(self) -> None:
        channel, length = struct.unpack(">BH", await self._reader.readexactly(3))
        await self._reader.readexactly(length)
        if channel == 0:
            self.received += length

    async def _receive(self) -> None:
        try:
            while await self._reader.readexactly(1) == b"$":
                await self._packet()
                async with self._changed:
                    self._changed.notify_all()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        # Anything but a packet is a request of the server's, and the only one it makes here is to go.
        self.cut = True
        async with self._changed:
            self._changed.notify_all()
