"""How long from a save until the watcher reports it, beside a bare notification loop on the same directory.

Run: `python benchmarks/bench_save_to_seen.py [--saves 30]`. Milliseconds, median and worst; the ratio is to the bare
loop of the same run, for machines differ. The watcher's own share is the time it lets a file hold still: a rename-style
save `SETTLE_REPLACED`, a write in place `settle`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from watchfiles import awatch

from reconciler.daemon.watch import SETTLE_REPLACED, Watcher

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

SETTLE = 0.25
PAUSE = 0.3
"""Seconds between two saves: the echo of one must not be taken for the next."""


class SystemClock:
    def monotonic(self) -> float:
        return time.monotonic()

    def time(self) -> float:
        return time.time()


def rename(path: Path, text: str) -> float:
    """Save by renaming; return the moment from which the new content was there."""
    fresh = path.with_name("fresh.tmp")
    fresh.write_text(text)
    saved = time.perf_counter()
    fresh.replace(path)
    return saved


def in_place(path: Path, text: str) -> float:
    path.write_text(text)
    return time.perf_counter()


async def measure(
    path: Path, save: Callable[[Path, str], float], seen: AsyncGenerator[object, None], saves: int
) -> list[float]:
    times = []
    for number in range(saves):
        await asyncio.sleep(PAUSE)
        waiting = asyncio.ensure_future(anext(seen))
        await asyncio.sleep(PAUSE + number % 7 * 0.003)  # at any phase of the notifier's steps
        saved = save(path, f"save {number}\n" * 1000)
        await waiting
        times.append((time.perf_counter() - saved) * 1000)
    return times


async def bare(directory: Path, stop: asyncio.Event) -> AsyncGenerator[object, None]:
    """The least there can be: a notification, and one read of nothing."""
    changes = awatch(
        directory, watch_filter=None, recursive=False, step=20, debounce=200, stop_event=stop, force_polling=False
    )
    async with contextlib.aclosing(changes):
        async for change in changes:
            yield change


async def run(saves: int) -> None:
    print(f"{'':10} {'bare loop':>18} {'watcher':>18}  ratio  of it holding still")
    for name, save, settle in (("rename", rename, SETTLE_REPLACED), ("in place", in_place, SETTLE)):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "streams.yaml"
            path.write_text("before\n")
            stop = asyncio.Event()
            async with contextlib.aclosing(bare(path.parent, stop)) as seen:
                floor = await measure(path, save, seen, saves)
            watcher = Watcher(path, clock=SystemClock(), sleep=asyncio.sleep, poll=3600, settle=SETTLE)
            async with contextlib.aclosing(watcher.changes()) as reports:
                await anext(reports)
                ours = await measure(path, save, reports, saves)
        median, least = statistics.median(ours), statistics.median(floor)
        print(
            f"{name:10} {least:9.1f} {max(floor):8.1f} {median:9.1f} {max(ours):8.1f} {median / least:6.1f}"
            f"  {settle * 1000 / median:.0%}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--saves", type=int, default=30, help="saves of each kind (default 30)")
    asyncio.run(run(parser.parse_args().saves))


if __name__ == "__main__":
    main()
