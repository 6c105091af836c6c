"""Requests in their time: how long answers take, what goes wrong on the way, and what the server does meanwhile."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from reconciler.core.options.version import Version
from reconciler.mediamtx.simulator import (
    REAL_WRITE_COST,
    FaultKind,
    Simulator,
    SimulatorTransport,
    User,
)
from tests.support.simulator import LoopClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

pytestmark = pytest.mark.looptime

LISTS = ["/v3/config/paths/list", "/v3/paths/list"]
SOURCE = "rtsp://192.0.2.1/live"


@dataclass
class World:
    simulator: Simulator
    transport: SimulatorTransport
    http: httpx.AsyncClient

    async def replace(self, name: str, **options: Any) -> httpx.Response:
        return await self.http.post(f"/v3/config/paths/replace/{name}", json=options)

    async def names(self) -> set[str]:
        return {item["name"] for item in (await self.http.get("/v3/config/paths/list")).json()["items"]}


@asynccontextmanager
async def world(*, patience: float = 10.0, **arguments: Any) -> AsyncIterator[World]:
    simulator = Simulator(clock=LoopClock(), **arguments)
    transport = SimulatorTransport(simulator)
    async with httpx.AsyncClient(transport=transport, base_url="http://server", timeout=patience) as http:
        yield World(simulator, transport, http)


def now() -> float:
    return asyncio.get_running_loop().time()


async def seconds(what: Any) -> float:
    began = now()
    await what
    return now() - began


# --- time -------------------------------------------------------------------------------------------------------------


async def test_an_answer_takes_no_time_unless_told() -> None:
    async with world() as w:
        assert await seconds(w.names()) == 0
        w.transport.latency = 0.25
        assert await seconds(w.names()) == pytest.approx(0.25)


async def test_a_write_costs_time_for_each_configured_path_and_a_read_does_not() -> None:
    async with world(boot={f"p{number}": {} for number in range(1000)}) as w:
        w.transport.write_cost = REAL_WRITE_COST
        assert await seconds(w.replace("gate")) == pytest.approx(0.067)
        assert await seconds(w.replace("gate")) == pytest.approx(0.067 * 1.001)
        assert await seconds(w.names()) == 0


async def test_writes_are_done_one_after_another_and_reads_are_not_kept_waiting() -> None:
    async with world(boot={"gate": {}}) as w:
        w.transport.write_cost = 1.0
        began = now()

        async def done_at(what: Any) -> float:
            await what
            return now() - began

        times = await asyncio.gather(*map(done_at, (w.replace("gate"), w.replace("gate"), w.names())))
    assert list(times) == pytest.approx([1.0, 2.0, 0.0])


async def test_a_write_waits_until_the_one_before_is_to_be_seen() -> None:
    async with world() as w:
        w.transport.late = 0.5
        assert await seconds(w.replace("gate")) == 0
        assert await w.names() == set()
        assert await seconds(w.replace("ward")) == pytest.approx(0.5)
        assert await w.names() == {"gate"}
        await asyncio.sleep(0.5)
        assert await w.names() == {"gate", "ward"}


async def test_a_wrong_login_is_answered_late_and_no_login_at_once() -> None:
    async with world(users=[User("admin", "right")], version=Version(1, 17, 1)) as w:
        assert (await w.http.get(LISTS[0])).status_code == 401
        assert await seconds(w.http.get(LISTS[0])) == 0
        assert await seconds(w.http.get(LISTS[0], auth=("admin", "wrong"))) == pytest.approx(2.0)
        assert (await w.http.get(LISTS[0], auth=("admin", "right"))).status_code == 200


async def test_cameras_live_in_the_same_time() -> None:
    async with world(boot={"gate": {"source": SOURCE}}) as w:
        await asyncio.sleep(1)
        assert (await w.http.get("/v3/paths/get/gate")).json()["ready"] is True


# --- the way there and back -------------------------------------------------------------------------------------------


async def test_a_stopped_server_refuses_connections() -> None:
    async with world() as w:
        w.simulator.stop()
        with pytest.raises(httpx.ConnectError) as error:
            await w.names()
        assert isinstance(error.value.__cause__, ConnectionRefusedError)
        w.simulator.restart()
        assert await w.names() == set()


async def test_a_server_that_dies_of_a_request_drops_its_connection_and_refuses_the_next_until_it_is_back() -> None:
    async with world(restart_after=3.0, boot={"gate": {}}) as w:
        await w.replace("ward")
        with pytest.raises(httpx.RemoteProtocolError, match="Server disconnected without sending a response"):
            await w.replace("bad", runOnInit=" ")
        with pytest.raises(httpx.ConnectError):
            await w.names()
        await asyncio.sleep(3)
        assert await w.names() == {"gate"}


async def test_a_server_stopped_while_it_works_drops_the_connection_and_has_done_nothing() -> None:
    async with world(boot={"gate": {}}) as w:
        w.transport.write_cost = 5.0
        writing = asyncio.create_task(w.replace("ward"))
        await asyncio.sleep(1)
        w.simulator.stop()
        with pytest.raises(httpx.RemoteProtocolError):
            await writing
        w.simulator.restart()
        assert await w.names() == {"gate"}


async def test_a_server_stopped_while_it_takes_its_time_over_a_wrong_login_drops_the_connection() -> None:
    async with world(users=[User("admin", "right")], version=Version(1, 17, 1)) as w:
        asking = asyncio.create_task(w.http.get(LISTS[0], auth=("admin", "wrong")))
        await asyncio.sleep(1)
        w.simulator.stop()
        with pytest.raises(httpx.RemoteProtocolError):
            await asking


@pytest.mark.parametrize(
    ("kind", "done"), [(FaultKind.RESET_BEFORE, False), (FaultKind.RESET_AFTER, True)], ids=["before", "after"]
)
async def test_a_connection_is_reset_before_or_after_the_write_was_done(kind: FaultKind, *, done: bool) -> None:
    async with world() as w:
        w.transport.fail(kind, "/replace/gate")
        with pytest.raises(httpx.ReadError):
            await w.replace("gate")
        assert await w.names() == ({"gate"} if done else set())


@pytest.mark.parametrize(("kind", "done"), [(FaultKind.HANG, False), (FaultKind.HANG_AFTER, True)])
async def test_a_server_that_hangs_is_given_up_when_the_client_says_so(kind: FaultKind, *, done: bool) -> None:
    async with world(patience=7.0) as w:
        w.transport.fail(kind)
        began = now()
        with pytest.raises(httpx.ReadTimeout):
            await w.replace("gate")
        assert now() - began == pytest.approx(7.0)
        assert await w.names() == ({"gate"} if done else set())


async def test_a_client_that_gives_up_does_not_stop_the_server() -> None:
    async with world(patience=1.0, boot={"gate": {}}) as w:
        w.transport.write_cost = 3.0
        with pytest.raises(httpx.ReadTimeout):
            await w.replace("ward")
        assert await w.names() == {"gate"}
        await asyncio.sleep(2)
        assert await w.names() == {"gate", "ward"}


async def test_a_client_that_is_cancelled_does_not_stop_the_server() -> None:
    async with world(boot={"gate": {}}) as w:
        w.transport.write_cost = 3.0
        writing = asyncio.create_task(w.replace("ward"))
        await asyncio.sleep(1)
        writing.cancel()
        await asyncio.sleep(2)
        assert await w.names() == {"gate", "ward"}


async def test_a_wedged_server_hangs_on_its_configuration_and_still_tells_what_runs() -> None:
    async with world(patience=1.0, boot={"gate": {}}) as w:
        w.transport.wedged = True
        for call in (w.names, lambda: w.replace("ward"), lambda: w.http.get("/v3/config/pathdefaults/get")):
            with pytest.raises(httpx.ReadTimeout):
                await call()
        assert (await w.http.get("/v3/paths/list")).json()["itemCount"] == 1
        assert (await w.http.get("/v3/info")).status_code == 200


# --- answers that are not what they should be -------------------------------------------------------------------------


@pytest.mark.parametrize("path", LISTS)
async def test_the_connection_ends_in_the_middle_of_a_body(path: str) -> None:
    async with world(boot={"gate": {}}) as w:
        w.transport.fail(FaultKind.HALF_BODY, path)
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
            await w.http.get(path)
        assert (await w.http.get(path)).json()["itemCount"] == 1


@pytest.mark.parametrize("path", LISTS)
async def test_a_list_lacks_items_that_it_counts(path: str) -> None:
    async with world(boot={"a": {}, "b": {}, "c": {}, "d": {}}) as w:
        w.transport.fail(FaultKind.CUT_SHORT, path)
        cut = (await w.http.get(path)).json()
        assert (cut["itemCount"], [item["name"] for item in cut["items"]]) == (4, ["a", "b"])


@pytest.mark.parametrize(
    ("kind", "status", "is_right"),
    [
        (FaultKind.STATUS_500, 500, lambda answer: answer.text == ""),
        (FaultKind.TERMINATED, 400, lambda answer: answer.json()["error"] == "terminated"),
        (FaultKind.UNAUTHORIZED, 401, lambda answer: answer.json()["error"] == "authentication error"),
    ],
)
async def test_a_refusal_out_of_the_blue_does_nothing(
    kind: FaultKind, status: int, is_right: Callable[[httpx.Response], bool]
) -> None:
    async with world() as w:
        w.transport.fail(kind)
        answer = await w.replace("gate")
        assert answer.status_code == status
        assert is_right(answer)
        assert await w.names() == set()


async def test_some_other_program_answers() -> None:
    async with world() as w:
        w.transport.fail(FaultKind.GARBAGE)
        answer = await w.http.get(LISTS[0])
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html")


class TestWhichRequestsAreHit:
    async def test_only_those_that_fit_so_many_times(self) -> None:
        async with world() as w:
            w.transport.fail(FaultKind.STATUS_500, "/replace/b", times=2)
            assert [(await w.replace(name)).status_code for name in "abbb"] == [200, 500, 500, 200]

    async def test_after_so_many_were_spared(self) -> None:
        async with world() as w:
            w.transport.fail(FaultKind.STATUS_500, "/replace/", skip=2)
            assert [(await w.replace(name)).status_code for name in "abcd"] == [200, 200, 500, 200]

    async def test_one_after_another(self) -> None:
        async with world() as w:
            w.transport.fail(FaultKind.STATUS_500)
            w.transport.fail(FaultKind.TERMINATED)
            assert [(await w.replace("gate")).status_code for _ in range(3)] == [500, 400, 200]

    async def test_what_never_came_can_be_counted_and_called_off(self) -> None:
        async with world() as w:
            w.transport.fail(FaultKind.STATUS_500)
            assert len(w.transport.faults) == 1
            w.transport.faults.clear()
            assert (await w.replace("gate")).status_code == 200

    async def test_requests_that_arrive_can_be_watched(self) -> None:
        seen: list[tuple[str, str]] = []
        async with world() as w:
            w.transport.on_request = lambda method, target: seen.append((method, target))
            await w.names()
            w.simulator.stop()
            with pytest.raises(httpx.ConnectError):
                await w.names()
        assert seen == [("GET", "/v3/config/paths/list")]
