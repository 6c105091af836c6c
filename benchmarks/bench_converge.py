"""From nothing to N paths through the API: one pass of ours against a bare loop of HTTP requests, in one run.

The server's own time is most of both, so the ratio is what our reading, deciding, writing down and checking cost.
Needs a real MediaMTX: `MEDIAMTX_BIN=... python -m benchmarks.bench_converge [paths] [rounds]`.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx

from reconciler.daemon.onepass import apply_once
from reconciler.logs import Redactor
from tests.support.mediamtx import RealServer

PATHS, ROUNDS = 200, 3


async def bare(api_url: str, names: list[str]) -> float:
    async with httpx.AsyncClient(base_url=api_url, trust_env=False) as client:
        begun = time.perf_counter()
        for name in names:
            answer = await client.post(
                f"/v3/config/paths/replace/{name}", json={"source": f"rtsp://127.0.0.1:5999/{name}"}
            )
            answer.raise_for_status()
        return time.perf_counter() - begun


async def ours(api_url: str, names: list[str], directory: Path) -> float:
    streams = {name: {"source": f"rtsp://127.0.0.1:5999/{name}"} for name in names}
    settings = {"state_dir": str(directory / "state")}
    file = directory / "streams.yaml"
    file.write_text(json.dumps({"server": {"url": api_url}, "daemon": settings, "streams": streams}))
    begun = time.perf_counter()
    outlook = await apply_once(file, environ={}, redactor=Redactor(), report=lambda _: None)
    spent = time.perf_counter() - begun
    (plan,) = outlook.plans.values()
    assert not plan.changes, plan.changes
    return spent


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else PATHS
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    names = [f"cam{number:05}" for number in range(count)]
    figures: dict[str, list[float]] = {"bare": [], "ours": []}
    for _ in range(rounds):
        for kind, spent in figures.items():
            with tempfile.TemporaryDirectory() as folder, RealServer.start(Path(folder)) as server:
                bare_run = kind == "bare"
                run = bare(server.api_url, names) if bare_run else ours(server.api_url, names, Path(folder))
                spent.append(asyncio.run(run))
    medians = {kind: statistics.median(values) for kind, values in figures.items()}
    ratio = medians["ours"] / medians["bare"]
    print(f"{count} paths, median of {rounds} rounds")
    print(f"bare loop {medians['bare']:.2f} s, ours {medians['ours']:.2f} s, x {ratio:.3f}")


if __name__ == "__main__":
    main()
