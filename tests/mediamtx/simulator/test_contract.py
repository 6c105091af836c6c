"""What the simulator promises of a MediaMTX, asked of both: each test runs against simulated servers of six versions,
and, where MEDIAMTX_BIN is set, against that one.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

import pytest

from reconciler.core.options.version import Version
from tests.support.contract import Answer, Server, real, simulated, until
from tests.support.recordings import VERSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from reconciler.core.model import Json, Options

INFO_FROM = Version(1, 15, 2)
STATUS_FROM = Version(1, 15, 5)
ONLINE_FROM = Version(1, 16, 0)
MOVES_FROM = Version(1, 13, 0)
NEVER = "0001-01-01T00:00:00Z"
NOWHERE = "rtsp://127.0.0.1:5999/x"


class Start(Protocol):
    """Start a server whose file has `paths`."""

    def __call__(
        self, paths: Mapping[str, Options] | None = None, users: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[Server]: ...


@pytest.fixture(params=[*map(str, VERSIONS), pytest.param("real", marks=pytest.mark.real)])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    def started(
        paths: Mapping[str, Options] | None = None, users: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[Server]:
        if request.param == "real":
            return real(tmp_path, paths=paths or {}, users=users or {})
        version = Version.parse(request.param)
        assert version is not None
        return simulated(version, paths=paths or {}, users=users or {})

    return started


# --- asking -----------------------------------------------------------------------------------------------------------


async def answered(server: Server, method: str, target: str, body: Json = None) -> Answer:
    answer = await server.ask(method, target, body)
    assert answer is not None, "the connection dropped"
    return answer


async def get(server: Server, target: str) -> Any:
    answer = await answered(server, "GET", target)
    assert answer.status == 200, answer
    return answer.body


async def replace(server: Server, name: str, options: Options) -> int:
    return (await answered(server, "POST", f"/v3/config/paths/replace/{quote(name, safe='')}", {**options})).status


async def patch(server: Server, name: str, options: Options) -> int:
    return (await answered(server, "PATCH", f"/v3/config/paths/patch/{quote(name, safe='')}", {**options})).status


async def delete(server: Server, name: str) -> int:
    return (await answered(server, "DELETE", f"/v3/config/paths/delete/{quote(name, safe='')}")).status


async def configured(server: Server) -> dict[str, Any]:
    return {item["name"]: item for item in (await get(server, "/v3/config/paths/list?itemsPerPage=1000"))["items"]}


async def running(server: Server) -> dict[str, Any]:
    return {item["name"]: item for item in (await get(server, "/v3/paths/list?itemsPerPage=1000"))["items"]}


async def configured_are(server: Server, names: set[str]) -> dict[str, Any]:
    async def look() -> bool:
        return set(await configured(server)) == names

    await until(server, look, f"{names} are configured")
    return await configured(server)


async def shows(server: Server, name: str, options: Options) -> None:
    async def look() -> bool:
        path = (await configured(server))[name]
        return all(path[key] == value for key, value in options.items())

    await until(server, look, f"{name} is configured with {options}")


async def runs(server: Server, name: str, **fields: Json) -> dict[str, Any]:
    """Wait until a path runs and shows `fields`."""

    async def look() -> bool:
        path = (await running(server)).get(name)
        return path is not None and all(path[key] == value for key, value in fields.items())

    await until(server, look, f"{name} shows {fields}")
    path: dict[str, Any] = (await running(server))[name]
    return path


async def runs_no_more(server: Server, name: str) -> None:
    async def look() -> bool:
        return name not in await running(server)

    await until(server, look, f"{name} does not run")


async def has_viewers(server: Server, name: str, count: int) -> None:
    async def look() -> bool:
        return len((await running(server))[name]["readers"]) == count

    await until(server, look, f"{name} has {count} viewers")


def camera(server: Server, **options: Json) -> dict[str, Json]:
    return {"source": server.source, "rtspTransport": "tcp", **options}


# --- configuration ----------------------------------------------------------------------------------------------------


async def test_a_path_is_listed_as_the_defaults_and_what_was_declared(start: Start) -> None:
    async with start() as server:
        assert await replace(server, "gate", {"source": NOWHERE, "recordSegmentDuration": "90s"}) == 200
        listed = (await configured_are(server, {"gate"}))["gate"]
        defaults = await get(server, "/v3/config/pathdefaults/get")
        assert listed == {**defaults, "name": "gate", "source": NOWHERE, "recordSegmentDuration": "1m30s"}
        assert await get(server, "/v3/config/paths/get/gate") == listed


async def test_replace_resets_what_it_does_not_name_and_patch_does_not(start: Start) -> None:
    async with start({"gate": {"source": NOWHERE, "maxReaders": 3}}) as server:
        await patch(server, "gate", {"record": True, "maxReaders": None})
        await shows(server, "gate", {"record": True, "maxReaders": 3})
        await replace(server, "gate", {"source": NOWHERE})
        await shows(server, "gate", {"record": False, "maxReaders": 0})


async def test_what_is_deleted_is_gone_and_cannot_be_deleted_again(start: Start) -> None:
    async with start({"gate": {}, "ward": {}}) as server:
        assert await delete(server, "gate") == 200
        await configured_are(server, {"ward"})
        await runs_no_more(server, "gate")
        assert await delete(server, "gate") == 404
        assert await patch(server, "gate", {}) == 404


@pytest.mark.parametrize("name", ["a/b/c", "a.b-c_d", "~^cam(\\d+)$"])
async def test_a_name_is_taken_percent_encoded(start: Start, name: str) -> None:
    async with start() as server:
        assert await replace(server, name, {}) == 200
        await configured_are(server, {name})
        assert set(await running(server)) == set() if name.startswith("~") else {name}
        assert await delete(server, name) == 200
        await configured_are(server, set())


async def test_a_write_is_confirmed_in_the_words_of_the_version(start: Start) -> None:
    async with start() as server:
        answer = await answered(server, "POST", "/v3/config/paths/replace/gate", {})
        assert answer.body == ({"status": "ok"} if server.version >= STATUS_FROM else "")


async def test_a_refused_replace_leaves_nothing(start: Start) -> None:
    async with start({"gate": {"source": NOWHERE}}) as server:
        before = await configured(server)
        answer = await answered(server, "POST", "/v3/config/paths/replace/gate", {"source": "bogus"})
        assert (answer.status, answer.body["error"]) == (400, "invalid source: 'bogus'")
        assert await configured(server) == before
        assert await replace(server, "ward", {}) == 200


async def test_a_refused_patch_blocks_other_writes_in_new_versions_until_it_is_undone(start: Start) -> None:
    async with start({"gate": {"source": NOWHERE}}) as server:
        before = await configured(server)
        assert await patch(server, "gate", {"source": "bogus"}) == 400
        assert await configured(server) == before
        assert await replace(server, "ward", {}) == (400 if server.version >= Version(1, 17, 0) else 200)
        assert await replace(server, "gate", {"source": NOWHERE}) == 200
        assert await replace(server, "ward", {}) == 200


async def test_legacy_credentials_freeze_the_configuration(start: Start) -> None:
    async with start() as server:
        assert await replace(server, "old", {"readUser": "somebody", "readPass": "word"}) == 200
        assert await replace(server, "ward", {}) == 400
        assert await delete(server, "old") == 200
        assert await replace(server, "ward", {}) == 200


async def test_path_defaults_reach_those_who_inherit(start: Start) -> None:
    async with start({"gate": {}, "own": {"maxReaders": 3}}) as server:
        assert (await answered(server, "PATCH", "/v3/config/pathdefaults/patch", {"maxReaders": 9})).status == 200
        await shows(server, "gate", {"maxReaders": 9})
        await shows(server, "own", {"maxReaders": 3})


async def test_a_list_comes_in_pages_sorted_by_name(start: Start) -> None:
    names = [f"p{number:02}" for number in range(25)]
    async with start({name: {} for name in reversed(names)}) as server:
        for call in ("/v3/paths/list", "/v3/config/paths/list"):
            pages = [await get(server, f"{call}?itemsPerPage=10&page={page}") for page in range(4)]
            assert [(page["itemCount"], page["pageCount"], len(page["items"])) for page in pages] == [
                (25, 3, 10),
                (25, 3, 10),
                (25, 3, 5),
                (25, 3, 0),
            ]
            assert [item["name"] for page in pages for item in page["items"]] == names


# --- what runs --------------------------------------------------------------------------------------------------------


async def test_a_dead_camera_an_idle_one_and_a_publisher_nobody_has_seen(start: Start) -> None:
    paths: dict[str, dict[str, Json]] = {
        "dead": {"source": NOWHERE},
        "idle": {"source": NOWHERE, "sourceOnDemand": True},
        "old": {"source": "redirect", "sourceRedirect": "rtsp://127.0.0.1:5999/new"},
        "mobile": {},
    }
    async with start(paths) as server:
        shown = await running(server)
    source = {"type": "rtspSource", "id": ""}
    assert {name: path["source"] for name, path in shown.items()} == {
        "dead": source,
        "idle": source,
        "mobile": None,
        "old": {"type": "redirect", "id": ""},
    }
    for name, path in shown.items():
        assert (path["ready"], path["readyTime"], path["tracks"], path["readers"]) == (False, None, [], [])
        if server.version >= ONLINE_FROM:
            expected = (False, None) if name == "mobile" else (True, NEVER)
            assert (path["online"], path["onlineTime"]) == expected, name


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("rtmp://127.0.0.1:5999/x", "rtmpSource"),
        ("http://127.0.0.1:5999/x.m3u8", "hlsSource"),
        ("srt://127.0.0.1:5999", "srtSource"),
    ],
)
async def test_sources_of_other_kinds_have_other_names(start: Start, source: str, kind: str) -> None:
    async with start({"gate": {"source": source}}) as server:
        assert (await running(server))["gate"]["source"] == {"type": kind, "id": ""}


async def test_a_camera_lives_dies_and_comes_back(start: Start) -> None:
    async with start() as server:
        await replace(server, "gate", camera(server))
        first = await runs(server, "gate", ready=True)
        assert first["tracks"] == ["H264"]
        assert first["readyTime"] is not None
        await server.wait(1)
        assert (await running(server))["gate"]["bytesReceived"] > first["bytesReceived"]

        await server.camera_dies()
        gone = await runs(server, "gate", ready=False)
        assert (gone["readyTime"], gone["bytesReceived"], gone["tracks"]) == (None, 0, [])
        if server.version >= ONLINE_FROM:
            assert (gone["online"], gone["onlineTime"]) == (True, first["onlineTime"])

        await server.camera_comes_back()
        again = await runs(server, "gate", ready=True)
        assert again["readyTime"] != first["readyTime"]


async def test_a_silent_camera_stays_ready_for_a_while(start: Start) -> None:
    async with start() as server:
        await replace(server, "gate", camera(server))
        await runs(server, "gate", ready=True)
        await server.camera_freezes()
        await server.wait(0.5)
        silent = (await running(server))["gate"]
        assert silent["ready"] is True
        await server.wait(0.5)
        assert (await running(server))["gate"]["bytesReceived"] == silent["bytesReceived"]
        await runs(server, "gate", ready=False)
        await server.camera_comes_back()
        await runs(server, "gate", ready=True)


async def test_an_on_demand_camera_is_there_for_its_viewers(start: Start) -> None:
    async with start() as server:
        await replace(server, "gate", camera(server, sourceOnDemand=True, sourceOnDemandCloseAfter="2s"))
        await runs(server, "gate", ready=False)
        await server.watch("gate")
        await runs(server, "gate", ready=True)
        await has_viewers(server, "gate", 1)
        await server.nobody_watches("gate")
        await server.wait(1)
        await runs(server, "gate", ready=True)
        await runs(server, "gate", ready=False)


@pytest.mark.parametrize("hot", [True, False])
async def test_a_change_cuts_viewers_off_unless_it_is_hot(start: Start, *, hot: bool) -> None:
    async with start() as server:
        await replace(server, "gate", camera(server))
        ready = (await runs(server, "gate", ready=True))["readyTime"]
        await server.watch("gate")
        await has_viewers(server, "gate", 1)

        same = camera(server, maxReaders=0)
        assert await replace(server, "gate", same) == 200
        await server.wait(0.5)
        assert (await running(server))["gate"]["readyTime"] == ready

        change: dict[str, Json] = {"record": True} if hot else {"maxReaders": 5}
        assert await replace(server, "gate", camera(server, **change)) == 200
        if hot:
            await server.wait(0.5)
            after = await runs(server, "gate", ready=True)
            assert (after["readyTime"], len(after["readers"])) == (ready, 1)
        else:
            await has_viewers(server, "gate", 0)
            assert (await runs(server, "gate", ready=True))["readyTime"] != ready


@pytest.mark.parametrize("kept", [True, False])
async def test_a_path_deleted_under_all_others_lives_on_if_it_can(start: Start, *, kept: bool) -> None:
    async with start({"all_others": {}, "mobile": {} if kept else {"maxReaders": 5}}) as server:
        await runs(server, "mobile", confName="mobile")
        assert await delete(server, "mobile") == 200
        if kept and server.version >= MOVES_FROM:
            await runs(server, "mobile", confName="all_others")
            assert await replace(server, "mobile", {"record": True}) == 200
            await runs(server, "mobile", confName="mobile")
        else:
            await runs_no_more(server, "mobile")


async def test_an_always_available_path_is_ready_without_its_camera(start: Start) -> None:
    async with start() as server:
        if server.version < Version(1, 17, 0):
            pytest.skip(f"{server.version} has no such paths, or not in this form")
        options: dict[str, Json] = {
            "source": NOWHERE,
            "alwaysAvailable": True,
            "alwaysAvailableTracks": [{"codec": "H264"}],
        }
        assert await replace(server, "gate", options) == 200
        gate = await runs(server, "gate", ready=True)
        assert gate["tracks"] == ["H264"]
        assert gate["online"] is (server.version < Version(1, 19, 3))


# --- the process ------------------------------------------------------------------------------------------------------


async def started_at(server: Server) -> str | None:
    return (await get(server, "/v3/info"))["started"] if server.version >= INFO_FROM else None


async def test_a_restart_goes_back_to_the_file_and_shows(start: Start) -> None:
    async with start({"gate": {"source": NOWHERE}}) as server:
        await replace(server, "gate", {"source": NOWHERE, "maxReaders": 3})
        await replace(server, "ward", {})
        await configured_are(server, {"gate", "ward"})
        before = await started_at(server)
        await server.wait(1)
        await server.restart()
        assert (await configured_are(server, {"gate"}))["gate"]["maxReaders"] == 0
        assert before is None or await started_at(server) != before


async def test_a_reload_goes_back_to_the_file_and_does_not_show(start: Start) -> None:
    async with start({"gate": {}}) as server:
        kept = camera(server)
        await replace(server, "kept", kept)
        await replace(server, "lost", {})
        ready = (await runs(server, "kept", ready=True))["readyTime"]
        before = await started_at(server)
        await server.reload({"kept": kept, "new": {}})
        await configured_are(server, {"kept", "new"})
        await runs_no_more(server, "lost")
        assert await started_at(server) == before
        assert (await runs(server, "kept", ready=True))["readyTime"] == ready


@pytest.mark.parametrize("name", ["runOnInit", "rtspUDPSourcePortRange"])
async def test_a_poisonous_value_is_taken_and_ends_the_server(start: Start, name: str) -> None:
    async with start({"gate": {}}) as server:
        if name == "rtspUDPSourcePortRange" and server.version < Version(1, 16, 0):
            pytest.skip(f"{server.version} does not know {name}")
        poison: dict[str, Json] = {"runOnInit": " "} if name == "runOnInit" else {"rtspUDPSourcePortRange": [5000]}
        answer = await server.ask("POST", "/v3/config/paths/replace/bad", {"source": NOWHERE, **poison})
        assert answer is None or answer.status == 200
        assert await server.dies()
        await server.restart()
        await configured_are(server, {"gate"})


async def test_a_poisonous_value_on_demand_waits(start: Start) -> None:
    async with start() as server:
        if server.version < Version(1, 16, 0):
            pytest.skip(f"{server.version} does not know rtspUDPSourcePortRange")
        poison: dict[str, Json] = {"source": NOWHERE, "sourceOnDemand": True, "rtspUDPSourcePortRange": [5000]}
        assert await replace(server, "bad", poison) == 200
        assert not await server.dies()


# --- logins -----------------------------------------------------------------------------------------------------------


async def test_who_may_not_is_turned_away_and_who_has_no_login_is_asked_for_one(start: Start) -> None:
    def basic(text: str) -> str:
        return f"Basic {base64.b64encode(text.encode()).decode()}"

    logins = [None, basic("admin:wrong"), "Bearer abc", basic("admin:right"), "Bearer admin:right"]
    async with start(users={"admin": "right"}) as server:
        answers = [await server.ask("GET", "/v3/paths/list", authorization=login) for login in logins]
        token_is_a_login = Version(1, 15, 2) <= server.version < Version(1, 18, 0)
    assert [answer.status for answer in answers if answer] == [401, 401, 401, 200, 200]
    assert ["www-authenticate" in answer.headers for answer in answers if answer] == [
        True,
        False,
        not token_is_a_login,
        False,
        False,
    ]
    assert all(answer and answer.headers["server"] == "mediamtx" for answer in answers)
