"""What a scrape of `/metrics` costs: python -m benchmarks.bench_metrics [STREAMS]

In one run, because machines differ and are noisy: our rendering of the board, against the same per-stream series kept
as live gauges of the library; then over HTTP, with how long the event loop was kept from running meanwhile.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.exposition import generate_latest

from reconciler.web import Metrics, WebServer, create_app
from tests.support.boards import FakeDaemon, a_healthy_board, many_streams

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.core.board import Board

ROUNDS = 9
AIM_SECONDS, AIM_STALL = 0.060, 0.025


def median(work: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def live_gauges(board: Board) -> Callable[[], object]:
    """Keep the same six series a stream as the library's own objects, and set them all before each scrape."""
    registry = CollectorRegistry()
    labels = ("server", "stream")
    up = Gauge("stream_up", "x", labels, registry=registry)
    info = Gauge("stream_info", "x", (*labels, "state", "reason", "sync"), registry=registry)
    since = Gauge("stream_state_since_timestamp_seconds", "x", labels, registry=registry)
    readers = Gauge("stream_readers", "x", labels, registry=registry)
    inbound = Gauge("stream_inbound_bytes", "x", labels, registry=registry)
    restarts = Gauge("stream_restarts", "x", labels, registry=registry)

    def scrape() -> object:
        for view in board.streams:
            key = (view.server, view.id)
            up.labels(*key).set(1)
            info.labels(*key, view.status.value, "", view.sync.value).set(1)
            since.labels(*key).set(view.since)
            readers.labels(*key).set(view.readers)
            inbound.labels(*key).set(view.inbound_bytes)
            restarts.labels(*key).set(view.restarts)
        return generate_latest(registry)

    return scrape


async def over_http(board: Board) -> tuple[float, float, float]:
    """Return the median and the longest time of a scrape, and the longest stall of the loop, in seconds."""
    server = WebServer(create_app(FakeDaemon(board), Metrics(monotonic=iter(range(10**6)).__next__)), "127.0.0.1", 0)
    serving = asyncio.create_task(server.serve())
    stalls: list[float] = []

    async def feel() -> None:
        while True:
            start = time.perf_counter()
            await asyncio.sleep(0.001)
            stalls.append(time.perf_counter() - start - 0.001)

    # The client is a process of its own: it must not share our interpreter lock.
    client = (
        "import http.client, sys, time\n"
        "for _ in range(int(sys.argv[2])):\n"
        "    c = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1])); s = time.perf_counter()\n"
        "    c.request('GET', '/metrics'); c.getresponse().read(); print(time.perf_counter() - s); c.close()\n"
    )
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as first:
        await first.get("/health")
    feeling = asyncio.create_task(feel())
    arguments = (sys.executable, "-c", client, str(server.port), str(ROUNDS))
    process = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    feeling.cancel()
    await server.stop()
    await serving
    times = [float(line) for line in out.split()]
    return statistics.median(times), max(times), max(stalls)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    board = replace(a_healthy_board(), streams=many_streams(count))
    metrics = Metrics(monotonic=iter(range(10**6)).__next__)
    size = len(metrics.exposition(board)[0])
    ours = median(lambda: metrics.exposition(board))
    openmetrics = median(lambda: metrics.exposition(board, "application/openmetrics-text"))
    live = median(live_gauges(board))
    print(f"{count} streams, {size / 1e6:.1f} MB")
    print(f"board to text        {ours * 1e3:7.1f} ms")
    print(f"board to OpenMetrics {openmetrics * 1e3:7.1f} ms")
    print(f"live gauges to text  {live * 1e3:7.1f} ms   {live / ours:.1f} times ours")
    middle, longest, stall = asyncio.run(over_http(board))
    print(
        f"over HTTP            {middle * 1e3:7.1f} ms   at most {longest * 1e3:.1f} ms; aim: {AIM_SECONDS * 1e3:.0f} ms"
    )
    print(f"longest loop stall   {stall * 1e3:7.1f} ms   aim: {AIM_STALL * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
