"""What each way of failing means, what is said about it, and that no secret is in it."""

from __future__ import annotations

import asyncio
import errno
import logging
import re
import socket
import ssl
import time
import traceback
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from reconciler.core.model import ServerSpec, Tls
from reconciler.errors import (
    AmbiguousError,
    CredentialsError,
    ProtocolError,
    RejectedError,
    ServerError,
    SettingsError,
    TransientError,
)
from reconciler.logs import Redactor
from reconciler.mediamtx.client import Client
from tests.support.api import CannedApi, json_answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from reconciler.core.model import Json

    Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

PASSWORD = "Tr0ub4dor&3"
HEADER = "cmVjOlRyMHViNGRvciYz"  # base64 of rec:PASSWORD
CAMERA_PASSWORD = "s3cr/et pass"
SOURCE = f"rtsp://admin:{CAMERA_PASSWORD}@10.0.0.11/live"
OPTIONS: dict[str, Json] = {"source": SOURCE, "srtReadPassphrase": "a very long passphrase", "maxReaders": 3}
SECRETS = [PASSWORD, HEADER, CAMERA_PASSWORD, "s3cr", "et pass", "a very long passphrase"]

LOOPBACK, REMOTE = "http://127.0.0.1:9997", "http://10.9.8.7:9997"
CERTIFICATES = Path(__file__).parent.parent / "data" / "tls"


def spec(url: str = LOOPBACK, *, login: bool = True, timeout: float = 10.0, tls: Tls | None = None) -> ServerSpec:
    name, password = ("rec", PASSWORD) if login else (None, None)
    return ServerSpec("main", url, name, password, timeout=timeout, tls=tls or Tls())


async def failure(
    act: Callable[[Client], Awaitable[object]], server: ServerSpec, transport: httpx.AsyncBaseTransport | None = None
) -> ServerError:
    """Return the error of `act`, after having looked for secrets everywhere an error can carry them."""
    client = Client(server, clock=time, redactor=Redactor(), transport=transport)
    try:
        with pytest.raises(ServerError) as caught:
            await act(client)
    finally:
        await client.aclose()
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None, "a library's exception holds the request, and the request our login"
    for place in (str(error), repr(error), repr(vars(error)), "".join(traceback.format_exception(error))):
        assert not [secret for secret in SECRETS if secret in place]
    assert error.server == "main"
    assert "\n" not in error.message
    return error


def observe(client: Client) -> Awaitable[object]:
    return client.observe()


def replace(client: Client) -> Awaitable[object]:
    return client.replace("gate", OPTIONS, paths=1)


def delete(client: Client) -> Awaitable[object]:
    return client.delete("gate", paths=1)


def connect_error(cause: Exception) -> httpx.ConnectError:
    error = httpx.ConnectError(str(cause))
    error.__cause__ = cause
    return error


async def read_request(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    await reader.readexactly(int(length[1]) if length else 0)


@asynccontextmanager
async def listening(speak: Speak, tls: ssl.SSLContext | None = None, *, understands: bool = True) -> AsyncIterator[str]:
    """A program on a real port that reads a request and then does as `speak` says; gives host and port."""
    handlers: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                if understands:
                    await read_request(reader)
                await speak(reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"{host}:{port}"
    finally:
        server.close()
        await asyncio.gather(*handlers)


def saying(raw: bytes) -> Speak:
    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    return speak


async def hanging(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def dripping(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


async def resetting(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


HALF = saying(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"itemCou')
HALF_CHUNKED = saying(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{"itemCou\r\n')
EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class TestNothingWasSent:
    @pytest.mark.parametrize("act", [observe, replace, delete])
    async def test_a_closed_port(self, act: Callable[[Client], Awaitable[object]]) -> None:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{bound.getsockname()[1]}"
            error = await failure(act, spec(address))
        assert type(error) is TransientError
        assert error.message == (
            f"{address} refused the connection: is MediaMTX running there, with `api: yes` and this apiAddress?"
        )

    @pytest.mark.parametrize("act", [observe, replace])
    async def test_an_unknown_host(self, act: Callable[[Client], Awaitable[object]]) -> None:
        unknown = connect_error(socket.gaierror(-2, "Name or service not known"))
        error = await failure(act, spec("http://nvr.lan"), CannedApi(info=unknown, replace=unknown))
        assert type(error) is TransientError
        assert error.message == "http://nvr.lan:80 cannot be found: its host name is not known here (url)"

    async def test_silence_from_this_machine(self) -> None:
        error = await failure(observe, spec(), CannedApi(info=httpx.ConnectTimeout("")))
        assert error.message == "http://127.0.0.1:9997 does not answer at all: is the host up?"

    @pytest.mark.parametrize("url", [REMOTE, "http://nvr.lan:9997", "http://[fd00::1]:9997"])
    async def test_silence_from_elsewhere_may_be_our_own_firewall(self, url: str) -> None:
        error = await failure(replace, spec(url), CannedApi(replace=httpx.ConnectTimeout("")))
        assert type(error) is TransientError
        assert error.message.startswith(f"{url} does not answer at all: is the host up? Or if this runs as a systemd")
        assert "IPAddressAllow=" in error.message

    async def test_a_connection_the_system_forbids(self) -> None:
        forbidden = connect_error(PermissionError(errno.EPERM, "Operation not permitted"))
        error = await failure(observe, spec(REMOTE), CannedApi(info=forbidden))
        assert "IPAddressDeny=" in error.message

    async def test_any_other_reason_is_passed_on(self) -> None:
        no_route = connect_error(OSError("All connection attempts failed"))
        no_route.__cause__.__cause__ = ExceptionGroup(  # type: ignore[union-attr]
            "several", [OSError(errno.EHOSTUNREACH, "No route to host")]
        )
        error = await failure(observe, spec(REMOTE), CannedApi(info=no_route))
        assert error.message == f"{REMOTE} cannot be reached: No route to host"

    async def test_all_connections_busy(self) -> None:
        error = await failure(replace, spec(), CannedApi(replace=httpx.PoolTimeout("")))
        assert type(error) is TransientError


class TestSentAndNotAnswered:
    """A read is simply no read; a write may have happened."""

    @pytest.mark.parametrize(("act", "kind"), [(observe, TransientError), (replace, AmbiguousError)])
    @pytest.mark.parametrize("speak", [hanging, dripping])
    async def test_no_end_of_the_answer_in_time(
        self, act: Callable[[Client], Awaitable[object]], kind: type[ServerError], speak: Speak
    ) -> None:
        async with listening(speak) as address:
            error = await failure(act, spec(f"http://{address}", timeout=0.1))
        assert type(error) is kind
        assert f"http://{address} did not answer within 0.1" in error.message
        assert "only a restart of MediaMTX helps" in error.message

    @pytest.mark.parametrize(("act", "kind"), [(observe, TransientError), (delete, AmbiguousError)])
    @pytest.mark.parametrize("speak", [resetting, saying(b"")])
    async def test_a_dropped_connection(
        self, act: Callable[[Client], Awaitable[object]], kind: type[ServerError], speak: Speak
    ) -> None:
        async with listening(speak) as address:
            error = await failure(act, spec(f"http://{address}"))
        assert type(error) is kind
        assert "dropped the connection" in error.message

    @pytest.mark.parametrize(("act", "kind"), [(observe, ProtocolError), (replace, AmbiguousError)])
    @pytest.mark.parametrize("speak", [HALF, HALF_CHUNKED])
    async def test_half_an_answer(
        self, act: Callable[[Client], Awaitable[object]], kind: type[ServerError], speak: Speak
    ) -> None:
        async with listening(speak) as address:
            error = await failure(act, spec(f"http://{address}"))
        assert type(error) is kind
        assert "in the middle of its answer" in error.message

    @pytest.mark.parametrize(
        "raised", [httpx.ReadTimeout(""), httpx.WriteTimeout(""), httpx.ReadError(""), httpx.WriteError("")]
    )
    async def test_whatever_breaks_a_write_off_leaves_it_open(self, raised: httpx.HTTPError) -> None:
        assert type(await failure(replace, spec(), CannedApi(replace=raised))) is AmbiguousError
        assert type(await failure(observe, spec(), CannedApi(paths_list=raised))) is TransientError

    async def test_the_next_request_works_after_a_broken_one(self) -> None:
        answers = [resetting, saying(EMPTY)]

        async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await answers.pop(0)(reader, writer)

        async with listening(speak) as address:
            client = Client(spec(f"http://{address}"), clock=time, redactor=Redactor())
            with pytest.raises(AmbiguousError):
                await client.delete("gate", paths=1)
            await client.delete("gate", paths=1)
            await client.aclose()


class TestRefusedLogins:
    @pytest.mark.parametrize("answer", [httpx.Response(401), json_answer({"status": "error", "error": "auth"}, 401)])
    @pytest.mark.parametrize("act", [observe, replace, delete])
    async def test_a_wrong_login(self, act: Callable[[Client], Awaitable[object]], answer: httpx.Response) -> None:
        error = await failure(act, spec(), CannedApi(info=answer, replace=answer, delete=answer))
        assert type(error) is CredentialsError
        assert error.message == (
            "http://127.0.0.1:9997 refused our login: username and password must be those of a user of MediaMTX"
            " (authInternalUsers) with the permission `api`"
        )

    async def test_no_login_where_one_is_asked_for(self) -> None:
        error = await failure(observe, spec(login=False), CannedApi(info=httpx.Response(401)))
        assert error.message.endswith("MediaMTX asks for one: set username and password")

    @pytest.mark.parametrize("status", [401, 403])
    async def test_no_login_at_another_machine_is_what_mediamtx_refuses_by_itself(self, status: int) -> None:
        error = await failure(observe, spec(REMOTE, login=False), CannedApi(info=httpx.Response(status)))
        assert type(error) is CredentialsError
        assert "by itself MediaMTX opens its API to its own machine only (127.0.0.1 and ::1)" in error.message


class TestRefusedValues:
    @pytest.mark.parametrize("status", [{}, {"status": "error"}])
    async def test_the_servers_own_words_are_kept(self, status: dict[str, str]) -> None:
        answer = json_answer({**status, "error": "invalid transport 'quic'"}, 400)
        error = await failure(replace, spec(), CannedApi(replace=answer))
        assert type(error) is RejectedError
        assert error.message == "invalid transport 'quic'"

    @pytest.mark.parametrize(
        ("said", "shown"),
        [
            (f"'{SOURCE}' is not a valid URL", "'rtsp://admin:***@10.0.0.11/live' is not a valid URL"),
            (f"invalid source: '{SOURCE}'", "invalid source: 'rtsp://admin:***@10.0.0.11/live'"),
            ("'a very long passphrase' is bad", "'***' is bad"),
            # About some other path, whose values are not ours to know.
            ("'rtsp://u:et pass's3cr/@h/x' is not a valid URL", "'rtsp://u:***@h/x' is not a valid URL"),
            ("'rtsp://u:s3cr\net pass@h/x' is not a valid URL", "'rtsp://u:***@h/x' is not a valid URL"),
            (f"two\r\nlines: rtsp://u:s3cr@h {'x' * 500}", f"two lines: rtsp://u:***@h {'x' * 229}…"),
        ],
    )
    async def test_and_the_secrets_it_repeats_are_not(self, said: str, shown: str) -> None:
        error = await failure(replace, spec(), CannedApi(replace=json_answer({"error": said}, 400)))
        assert error.message == shown
        assert len(error.message) <= 256

    @pytest.mark.parametrize("option", ["forward", "whipBearerToken", "notKnownToUs"])
    async def test_secrets_are_found_in_any_option_that_may_hold_them(self, option: str) -> None:
        nested: dict[str, Json] = {option: [{"dest": SOURCE, "whipBearerToken": "s3cr3t.token"}]}
        answer = json_answer({"error": f"bad token s3cr3t.token for {SOURCE}"}, 400)
        error = await failure(lambda client: client.replace("gate", nested, paths=1), spec(), CannedApi(replace=answer))
        assert error.message == "bad token *** for rtsp://admin:***@10.0.0.11/live"

    @pytest.mark.parametrize(
        ("source", "shown"),
        [("bogus", "bogus"), ("ftp://10.0.0.11/x", "ftp://10.0.0.11/x"), ("admin:s3cr@10.0.0.11", "***")],
    )
    async def test_an_address_without_a_login_is_shown(self, source: str, shown: str) -> None:
        answer = json_answer({"error": f"invalid source: '{source}'"}, 400)
        error = await failure(
            lambda client: client.replace("gate", {"source": source}, paths=1), spec(), CannedApi(replace=answer)
        )
        assert error.message == f"invalid source: '{shown}'"

    async def test_a_server_that_is_shutting_down_refuses_nothing(self) -> None:
        answer = json_answer({"status": "error", "error": "terminated"}, 400)
        error = await failure(replace, spec(), CannedApi(replace=answer))
        assert type(error) is TransientError
        assert error.message == "http://127.0.0.1:9997 is shutting down"

    async def test_a_delete_can_be_refused_too(self) -> None:
        answer = json_answer({"error": "something else is wrong"}, 400)
        assert type(await failure(delete, spec(), CannedApi(delete=answer))) is RejectedError


class TestAnswersOfOthers:
    @pytest.mark.parametrize(
        "answer",
        [
            httpx.Response(404, text="404 page not found"),
            httpx.Response(404, html="<h1>Not Found</h1>"),
            httpx.Response(400, html="<h1>Bad Request</h1>"),
            httpx.Response(405),
            httpx.Response(413, text="too large"),
        ],
    )
    async def test_a_program_that_is_not_mediamtx(self, answer: httpx.Response) -> None:
        for act in (observe, replace, delete):
            error = await failure(act, spec(), CannedApi(paths_list=answer, replace=answer, delete=answer))
            assert type(error) is ProtocolError
            assert "is MediaMTX's API there (`api: yes`), or another program?" in error.message

    @pytest.mark.parametrize(("act", "kind"), [(observe, TransientError), (replace, AmbiguousError)])
    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    async def test_a_failing_server_or_a_proxy_before_it(
        self, act: Callable[[Client], Awaitable[object]], kind: type[ServerError], status: int
    ) -> None:
        answer = httpx.Response(status, html=f"<h1>{SOURCE}</h1>")
        error = await failure(act, spec(), CannedApi(paths_list=answer, replace=answer))
        assert type(error) is kind
        assert f"answered {status}" in error.message

    async def test_a_redirect_is_not_followed(self) -> None:
        elsewhere = httpx.Response(301, headers={"Location": f"http://rec:{PASSWORD}@elsewhere/"})
        api = CannedApi(paths_list=elsewhere)
        error = await failure(observe, spec(), api)
        assert type(error) is ProtocolError
        assert "redirects elsewhere" in error.message
        assert {request.url.host for request in api.requests} == {"127.0.0.1"}

    @pytest.mark.parametrize("body", ["<html>welcome to the hotel</html>", '{"status":"error"}', "[]"])
    async def test_a_success_that_is_not_mediamtxs_leaves_a_write_open(self, body: str) -> None:
        error = await failure(replace, spec(), CannedApi(replace=httpx.Response(200, text=body)))
        assert type(error) is AmbiguousError
        assert "Is it MediaMTX?" in error.message

    async def test_an_answer_that_cannot_be_unpacked(self) -> None:
        raw = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"
        async with listening(saying(raw)) as address:
            assert type(await failure(observe, spec(f"http://{address}"))) is ProtocolError

    @pytest.mark.parametrize("raw", [b"\x15\x03\x01\x00\x02\x02\x0a", b"RTSP/1.0 400 Bad Request\r\n\r\n"])
    async def test_a_port_that_does_not_speak_http(self, raw: bytes) -> None:
        async with listening(saying(raw)) as address:
            error = await failure(observe, spec(f"http://{address}"))
        assert type(error) is ProtocolError
        assert "did not answer in HTTP: is it http:// on one side and https:// on the other" in error.message


async def test_the_libraries_own_debug_logs_do_not_hold_our_login(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with listening(saying(EMPTY)) as address:
            client = Client(spec(f"http://{address}"), clock=time, redactor=Redactor())
            await client.replace("gate", OPTIONS, paths=1)
            await client.aclose()
    assert caplog.records
    assert not [secret for secret in SECRETS if secret in caplog.text]


class TestTls:
    def certified(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATES / "server.crt", CERTIFICATES / "server.key")
        return context

    async def test_a_certificate_nobody_vouches_for(self) -> None:
        async with listening(saying(EMPTY), self.certified()) as address:
            error = await failure(delete, spec(f"https://{address}"))
        assert type(error) is TransientError
        assert "showed a certificate that is not trusted here" in error.message
        assert "tls.ca_file" in error.message

    @pytest.mark.parametrize("tls", [Tls(ca_file=str(CERTIFICATES / "server.crt")), Tls(verify=False)])
    async def test_a_certificate_that_is_trusted_or_not_looked_at(self, tls: Tls) -> None:
        async with listening(saying(EMPTY), self.certified()) as address:
            client = Client(spec(f"https://{address}", tls=tls), clock=time, redactor=Redactor())
            await client.delete("gate", paths=1)
            await client.aclose()

    async def test_a_certificate_of_ours_is_shown_when_asked_for(self) -> None:
        asking = self.certified()
        asking.verify_mode = ssl.CERT_REQUIRED
        asking.load_verify_locations(CERTIFICATES / "server.crt")
        own = {"cert_file": str(CERTIFICATES / "server.crt"), "key_file": str(CERTIFICATES / "server.key")}
        async with listening(saying(EMPTY), asking) as address:
            client = Client(spec(f"https://{address}", tls=Tls(verify=False, **own)), clock=time, redactor=Redactor())
            await client.delete("gate", paths=1)
            await client.aclose()

    async def test_none_of_ours_where_one_is_asked_for(self) -> None:
        asking = self.certified()
        asking.verify_mode = ssl.CERT_REQUIRED
        asking.load_verify_locations(CERTIFICATES / "server.crt")
        async with listening(saying(EMPTY), asking) as address:
            assert isinstance(await failure(observe, spec(f"https://{address}", tls=Tls(verify=False))), TransientError)

    async def test_https_to_a_server_that_speaks_http(self) -> None:
        puzzled = saying(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        async with listening(puzzled, understands=False) as address:
            error = await failure(observe, spec(f"https://{address}"))
        assert type(error) is TransientError
        assert "is it http:// on one side and https:// on the other" in error.message

    async def test_http_to_a_server_that_speaks_https(self) -> None:
        answer = httpx.Response(400, text="Client sent an HTTP request to an HTTPS server.\n")
        error = await failure(replace, spec(), CannedApi(replace=answer))
        assert type(error) is ProtocolError
        assert "it wants https:// (url)" in error.message

    def test_an_encrypted_key_is_refused_rather_than_asked_about(self) -> None:
        tls = Tls(cert_file=str(CERTIFICATES / "server.crt"), key_file=str(CERTIFICATES / "encrypted.key"))
        with pytest.raises(SettingsError, match=r"tls\.cert_file.*must not be encrypted"):
            Client(spec("https://127.0.0.1:9997", tls=tls), clock=time, redactor=Redactor())
