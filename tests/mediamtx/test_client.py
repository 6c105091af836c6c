"""What the client makes of a MediaMTX that works: reads of every version, writes, and what goes over the wire."""

from __future__ import annotations

import asyncio
import base64
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from reconciler.core.model import RuntimePath, ServerFacts, ServerSpec, Tls
from reconciler.core.options.version import Version
from reconciler.errors import NotFoundError, ProtocolError, RejectedError, SettingsError
from reconciler.logs import Redactor
from reconciler.mediamtx.client import Client
from tests.support.api import DEFAULTS_OF_1_20, CannedApi, json_answer, page, runtime_of_1_9, runtime_of_1_20

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NOT_A_ROUTE = httpx.Response(404, text="404 page not found")


@asynccontextmanager
async def talking(api: httpx.AsyncBaseTransport, spec: ServerSpec | None = None) -> AsyncIterator[Client]:
    client = Client(spec or ServerSpec("main", "http://127.0.0.1:9997"), clock=time, redactor=Redactor(), transport=api)
    try:
        yield client
    finally:
        await client.aclose()


class TestObserving:
    async def test_a_server_tells_its_version_and_start(self) -> None:
        async with talking(CannedApi()) as client:
            facts = (await client.observe()).facts
        assert facts == ServerFacts(Version(1, 20, 1), "2026-01-02T03:04:05.678901234+01:00")

    async def test_a_server_before_1_15_2_tells_neither(self) -> None:
        async with talking(CannedApi(info=NOT_A_ROUTE)) as client:
            assert (await client.observe()).facts == ServerFacts(None, None)

    async def test_a_build_without_a_number_still_tells_its_start(self) -> None:
        async with talking(CannedApi(info=json_answer({"version": "v0.0.0", "started": "now"}))) as client:
            assert (await client.observe()).facts == ServerFacts(None, "now")

    async def test_a_server_updated_between_two_looks_is_noticed(self) -> None:
        api = CannedApi(info=NOT_A_ROUTE)
        async with talking(api) as client:
            await client.observe()
            api.answers["info"] = json_answer({"version": "v1.16.0", "started": "now"})
            assert (await client.observe()).facts.version == Version(1, 16, 0)

    async def test_a_stream_of_a_new_server(self) -> None:
        async with talking(CannedApi(paths_list=json_answer(page(runtime_of_1_20())))) as client:
            runtime = (await client.observe()).runtime
        assert runtime == {
            "gate": RuntimePath(
                name="gate",
                ready=True,
                online=True,
                ready_time="2026-01-02T03:04:06Z",
                source_type="rtspSource",
                inbound_bytes=1234,
                readers=1,
                tracks=("H264", "G711"),
            )
        }

    async def test_a_stream_of_an_old_server(self) -> None:
        async with talking(CannedApi(info=NOT_A_ROUTE, paths_list=json_answer(page(runtime_of_1_9())))) as client:
            gate = (await client.observe()).runtime["gate"]
        assert (gate.ready, gate.online, gate.inbound_bytes, gate.readers) == (True, None, 1234, 0)
        assert gate.tracks == ("H264", "G711")

    async def test_where_old_and_new_names_differ_the_new_one_counts(self) -> None:
        entry = runtime_of_1_20(ready=False, bytesReceived=0, tracks=[])
        async with talking(CannedApi(paths_list=json_answer(page(entry)))) as client:
            gate = (await client.observe()).runtime["gate"]
        assert (gate.ready, gate.inbound_bytes, gate.tracks) == (True, 1234, ("H264", "G711"))

    async def test_a_publisher_path_without_publisher_has_no_source(self) -> None:
        entry = runtime_of_1_20(source=None, ready=False, available=False, availableTime=None, online=False)
        async with talking(CannedApi(paths_list=json_answer(page(entry)))) as client:
            gate = (await client.observe()).runtime["gate"]
        assert (gate.source_type, gate.ready, gate.ready_time, gate.online) == (None, False, None, False)

    async def test_a_deleted_path_that_lives_on_under_another_configuration_is_not_seen(self) -> None:
        ghost = runtime_of_1_20("gate", confName="all_others")
        async with talking(CannedApi(paths_list=json_answer(page(ghost, runtime_of_1_20("ward"))))) as client:
            assert set((await client.observe()).runtime) == {"ward"}

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<html>hello</html>",
            b'{"itemCount":1,"pageCount":1,"items":[{"na',
            b"[]",
            b'{"itemCount":0,"pageCount":0}',
            b'{"itemCount":0,"pageCount":0,"items":null}',
            b'{"itemCount":0,"pageCount":0,"items":[1]}',
            b'{"itemCount":1,"pageCount":1,"items":[{"name":"gate"}]}',
            b"\xff\xfe",
            b"[" * 100_000,
        ],
    )
    async def test_nothing_is_concluded_from_a_body_that_is_not_mediamtxs(self, body: bytes) -> None:
        async with talking(CannedApi(paths_list=httpx.Response(200, content=body))) as client:
            with pytest.raises(ProtocolError, match=r"cannot be used.*GET /v3/paths/list"):
                await client.observe()

    @pytest.mark.parametrize(
        "fields",
        [
            {"name": 7, "confName": 7},
            {"available": "yes"},
            {"online": 1},
            {"source": "rtspSource"},
            {"source": {}},
            {"inboundBytes": "12"},
            {"inboundBytes": True},
            {"readers": 3},
            {"tracks2": [None]},
            {"tracks2": [{"codec": None}]},
            {"availableTime": 5},
        ],
    )
    async def test_nothing_is_concluded_from_a_field_of_another_type(self, fields: dict[str, object]) -> None:
        async with talking(CannedApi(paths_list=json_answer(page({**runtime_of_1_20(), **fields})))) as client:
            with pytest.raises(ProtocolError):
                await client.observe()

    @pytest.mark.parametrize("cut", [{"itemCount": 3}, {"pageCount": 2}, {"itemCount": "2"}, {"items": []}])
    async def test_a_list_cut_short_is_not_a_read(self, cut: dict[str, object]) -> None:
        whole = page(runtime_of_1_20("a"), runtime_of_1_20("b"))
        async with talking(CannedApi(paths_list=json_answer({**whole, **cut}))) as client:
            with pytest.raises(ProtocolError, match="cut short"):
                await client.observe()

    async def test_the_same_answer_is_not_decoded_again(self) -> None:
        async with talking(CannedApi(paths_list=json_answer(page(runtime_of_1_20())))) as client:
            first, second = await client.observe(), await client.observe()
        assert first.runtime is second.runtime
        assert second.at >= first.at

    async def test_all_is_asked_for_in_one_page(self) -> None:
        api = CannedApi()
        async with talking(api) as client:
            await client.observe()
        assert str(api.requests[-1].url) == "http://127.0.0.1:9997/v3/paths/list?itemsPerPage=2147483647"


class TestReadingTheConfiguration:
    FACTS = ServerFacts(Version(1, 20, 1), "now")

    def api(self) -> CannedApi:
        return CannedApi(config_list=json_answer(page({**DEFAULTS_OF_1_20, "name": "gate", "maxReaders": 3})))

    async def test_defaults_and_paths_as_the_server_prints_them(self) -> None:
        async with talking(self.api()) as client:
            live = await client.read_config(self.FACTS)
        assert live.version == Version(1, 20, 1)
        assert live.defaults == {"source": "publisher", "maxReaders": 0, "recordDeleteAfter": "1d"}
        assert live.paths == {"gate": {"source": "publisher", "maxReaders": 3, "recordDeleteAfter": "1d"}}

    async def test_what_is_too_large_for_the_event_loop_is_read_like_the_rest(self) -> None:
        item = {**DEFAULTS_OF_1_20, "runOnInit": "x" * 1000}
        names = [f"cam{number}" for number in range(2500)]
        api = CannedApi(
            config_list=json_answer(page(*({**item, "name": name} for name in names))),
            paths_list=json_answer(page(*(runtime_of_1_20(name, userAgent="x" * 1000) for name in names))),
        )
        async with talking(api) as client:
            assert set((await client.observe()).runtime) == set(names)
            live = await client.read_config(self.FACTS)
            assert set(live.paths) == set(names)
            assert await client.read_config(self.FACTS) is live
            api.answers["config_list"] = httpx.Response(200, content=b"[" * 3_000_000)
            with pytest.raises(ProtocolError):
                await client.read_config(self.FACTS)

    async def test_the_same_answers_give_the_same_object(self) -> None:
        async with talking(self.api()) as client:
            assert await client.read_config(self.FACTS) is await client.read_config(self.FACTS)

    @pytest.mark.parametrize(
        ("call", "body"),
        [
            ("config_list", page()),
            ("config_list", page({**DEFAULTS_OF_1_20, "name": "gate"})),
            ("pathdefaults", {**DEFAULTS_OF_1_20, "maxReaders": 9}),
        ],
    )
    async def test_another_answer_gives_another_object(self, call: str, body: object) -> None:
        api = self.api()
        async with talking(api) as client:
            before = await client.read_config(self.FACTS)
            api.answers[call] = json_answer(body)
            after = await client.read_config(self.FACTS)
        assert after != before

    async def test_another_version_gives_another_object(self) -> None:
        async with talking(self.api()) as client:
            await client.read_config(self.FACTS)
            assert (await client.read_config(ServerFacts(Version(1, 19, 0), "now"))).version == Version(1, 19, 0)

    async def test_what_could_not_be_read_is_not_remembered(self) -> None:
        api = self.api()
        good = api.answers["config_list"]
        async with talking(api) as client:
            live = await client.read_config(self.FACTS)
            api.answers["config_list"] = httpx.Response(200, content=b"{")
            with pytest.raises(ProtocolError):
                await client.read_config(self.FACTS)
            api.answers["config_list"] = good
            assert await client.read_config(self.FACTS) is live

    async def test_a_server_that_does_not_tell_its_version_is_known_by_its_options(self) -> None:
        defaults = {"name": "", "source": "publisher", "recordDeleteAfter": "24h0m0s"}
        async with talking(CannedApi(pathdefaults=json_answer(defaults))) as client:
            assert (await client.read_config(ServerFacts(None, None))).version < Version(1, 11, 0)

    @pytest.mark.parametrize("body", [{}, [], {"error": "x"}, None])
    async def test_defaults_that_are_none_are_not_believed(self, body: object) -> None:
        async with talking(CannedApi(pathdefaults=json_answer(body))) as client:
            with pytest.raises(ProtocolError):
                await client.read_config(self.FACTS)

    @pytest.mark.parametrize("item", [{"source": "publisher"}, {"name": ""}, {"name": 5}])
    async def test_a_path_without_a_name_is_not_believed(self, item: object) -> None:
        async with talking(CannedApi(config_list=json_answer(page(item)))) as client:
            with pytest.raises(ProtocolError):
                await client.read_config(self.FACTS)


class TestWriting:
    async def test_replace_sends_exactly_the_options(self) -> None:
        api = CannedApi()
        async with talking(api) as client:
            await client.replace("gate", {"source": "rtsp://127.0.0.1/é", "maxReaders": 3, "record": True}, paths=1)
        assert api.requests[-1].method == "POST"
        assert api.requests[-1].headers["Content-Type"] == "application/json"
        assert api.sent() == {"source": "rtsp://127.0.0.1/é", "maxReaders": 3, "record": True}

    async def test_equal_options_are_equal_bytes(self) -> None:
        api = CannedApi()
        async with talking(api) as client:
            await client.replace("gate", {"maxReaders": 3, "record": True}, paths=1)
            await client.replace("gate", {"record": True, "maxReaders": 3}, paths=1)
        assert api.requests[0].content == api.requests[1].content

    @pytest.mark.parametrize(
        ("name", "on_the_wire"),
        [
            ("gate", "gate"),
            ("hq/floor 1/gate", "hq%2Ffloor%201%2Fgate"),
            ("~^cam(\\d+)$", "~%5Ecam%28%5Cd%2B%29%24"),
            ("what?#%", "what%3F%23%25"),
            ("..", "%2E%2E"),
            ("a/../b", "a%2F..%2Fb"),
            ("café", "caf%C3%A9"),
        ],
    )
    async def test_a_name_reaches_the_server_as_it_is(self, name: str, on_the_wire: str) -> None:
        api = CannedApi()
        async with talking(api) as client:
            await client.replace(name, {}, paths=1)
            await client.delete(name, paths=1)
        assert [request.url.raw_path.decode() for request in api.requests] == [
            f"/v3/config/paths/replace/{on_the_wire}",
            f"/v3/config/paths/delete/{on_the_wire}",
        ]

    @pytest.mark.parametrize("answer", [httpx.Response(200), json_answer({"status": "ok"})])
    async def test_both_ways_of_saying_yes_are_understood(self, answer: httpx.Response) -> None:
        async with talking(CannedApi(replace=answer, delete=answer)) as client:
            await client.replace("gate", {}, paths=1)
            await client.delete("gate", paths=1)

    @pytest.mark.parametrize("body", [{"error": "path not found"}, {"status": "error", "error": "path not found"}])
    async def test_deleting_what_is_not_there_is_fine(self, body: object) -> None:
        async with talking(CannedApi(delete=json_answer(body, 404))) as client:
            await client.delete("gate", paths=1)

    async def test_a_404_of_something_else_deletes_nothing(self) -> None:
        async with talking(CannedApi(delete=NOT_A_ROUTE)) as client:
            with pytest.raises(ProtocolError, match="api: yes"):
                await client.delete("gate", paths=1)

    async def test_a_server_that_does_not_create_by_replacing_says_so(self) -> None:
        async with talking(CannedApi(replace=json_answer({"error": "path not found"}, 404))) as client:
            with pytest.raises(NotFoundError, match="path not found"):
                await client.replace("gate", {}, paths=1)

    @pytest.mark.parametrize("value", [float("inf"), float("nan"), object()])
    async def test_a_value_that_has_no_json_is_refused_before_it_is_sent(self, value: object) -> None:
        api = CannedApi()
        async with talking(api) as client:
            with pytest.raises(RejectedError, match="JSON"):
                await client.replace("gate", {"maxReaders": value}, paths=1)  # type: ignore[dict-item]
        assert api.requests == []

    async def test_a_name_beyond_all_measure_is_refused_alone(self) -> None:
        async with talking(CannedApi()) as client:
            with pytest.raises(RejectedError, match="too long"):
                await client.replace("x" * 70_000, {}, paths=1)

    async def test_one_write_at_a_time_whoever_asks(self) -> None:
        at_once: list[int] = []
        running = 0

        class Slow(CannedApi):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                nonlocal running
                running += 1
                at_once.append(running)
                await asyncio.sleep(0)
                running -= 1
                return await super().handle_async_request(request)

        async with talking(Slow()) as client:
            await asyncio.gather(
                client.replace("a", {}, paths=1), client.delete("b", paths=1), client.replace("c", {}, paths=1)
            )
        assert at_once == [1, 1, 1]

    @pytest.mark.parametrize(("patience", "connect"), [(10.0, 3.0), (2.0, 2.0)])
    async def test_a_write_is_given_a_millisecond_more_for_each_path(self, patience: float, connect: float) -> None:
        api = CannedApi()
        async with talking(api, ServerSpec("main", "http://127.0.0.1:9997", timeout=patience)) as client:
            await client.observe()
            await client.replace("gate", {}, paths=10_000)
        read, write = api.requests[-2].extensions["timeout"], api.requests[-1].extensions["timeout"]
        assert (read["connect"], read["read"]) == (connect, patience)
        assert (write["connect"], write["read"]) == (connect, patience + 10.0)


class TestConnecting:
    async def test_the_login_is_sent_with_every_request(self) -> None:
        api = CannedApi()
        async with talking(api, ServerSpec("main", "http://127.0.0.1:9997", "rec", "p:w")) as client:
            await client.observe()
        expected = "Basic " + base64.b64encode(b"rec:p:w").decode()
        assert [request.headers["Authorization"] for request in api.requests] == [expected, expected]

    async def test_a_login_inside_the_address_counts_and_does_not_stay_there(self) -> None:
        api = CannedApi()
        async with talking(api, ServerSpec("main", "http://rec:p%40w@127.0.0.1:9997")) as client:
            await client.observe()
        assert api.requests[0].headers["Authorization"] == "Basic " + base64.b64encode(b"rec:p@w").decode()
        assert "rec" not in str(api.requests[0].url)

    async def test_without_a_login_none_is_sent(self) -> None:
        api = CannedApi()
        async with talking(api) as client:
            await client.observe()
        assert "Authorization" not in api.requests[0].headers

    async def test_a_server_behind_a_prefix(self) -> None:
        api = CannedApi()
        async with talking(api, ServerSpec("main", "https://nvr.lan/mediamtx/")) as client:
            await client.delete("a/b", paths=1)
        assert str(api.requests[0].url) == "https://nvr.lan/mediamtx/v3/config/paths/delete/a%2Fb"

    async def test_every_request_is_told_of(self) -> None:
        seen: list[tuple[str, str]] = []
        api = CannedApi(delete=json_answer({"error": "path not found"}, 404), replace=json_answer({"error": "x"}, 400))
        client = Client(
            ServerSpec("main", "http://127.0.0.1:9997"),
            clock=time,
            redactor=Redactor(),
            on_request=lambda call, code, seconds: seen.append((call, code if seconds >= 0 else "negative")),
            transport=api,
        )
        observation = await client.observe()
        await client.read_config(observation.facts)
        await client.delete("gate", paths=1)
        with pytest.raises(RejectedError):
            await client.replace("gate", {}, paths=1)
        await client.aclose()
        assert seen == [
            ("info", "200"),
            ("paths_list", "200"),
            ("pathdefaults", "200"),
            ("config_list", "200"),
            ("delete", "200"),
            ("replace", "error"),
        ]

    @pytest.mark.parametrize("url", ["", "nvr.lan:9997", "ftp://nvr.lan", "http://", "http://h:port", "http://[::1"])
    def test_an_address_that_is_none_is_a_wrong_setting(self, url: str) -> None:
        with pytest.raises(SettingsError, match=r"server main: url: expected an address like"):
            Client(ServerSpec("main", url), clock=time, redactor=Redactor())

    @pytest.mark.parametrize(
        ("setting", "tls"),
        [
            ("ca_file", Tls(ca_file="missing.pem")),
            ("cert_file", Tls(cert_file="missing.pem")),
            ("key_file", Tls(cert_file="garbage.pem", key_file="missing.pem")),
            ("ca_file", Tls(ca_file="garbage.pem")),
            ("cert_file", Tls(cert_file="garbage.pem")),
            ("key_file", Tls(key_file="garbage.pem")),
        ],
    )
    def test_a_wrong_file_is_named_with_its_setting(
        self, setting: str, tls: Tls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "garbage.pem").write_text("not a certificate")
        with pytest.raises(SettingsError, match=rf"server main: tls\.{setting}: "):
            Client(ServerSpec("main", "https://nvr.lan:9997", tls=tls), clock=time, redactor=Redactor())

    async def test_nothing_of_the_environment_decides_whom_we_talk_to(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        client = Client(ServerSpec("main", "http://127.0.0.1:9997"), clock=time, redactor=Redactor())
        assert client._http._mounts == {}
        await client.aclose()
