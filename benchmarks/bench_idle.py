"""What a daemon costs that has nothing to do: memory, and processor while it observes and resyncs.

Against a simulated server whose file already holds all paths, so that nothing is written. The figures of 1,000 and
10,000 streams are set in relation to an empty file's, in one run: `python -m benchmarks.bench_idle [seconds]`.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

SIZES = (0, 1_000, 10_000)
SECONDS = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def measure(count: int, directory: Path, seconds: float) -> tuple[float, float]:
    """Return the share of a core and the resident megabytes of a daemon with `count` streams."""
    streams = {f"cam{number:05}": {"source": f"rtsp://192.0.2.1/{number}"} for number in range(count)}
    server, daemon = free_port(), free_port()
    (directory / "mediamtx.yml").write_text(json.dumps({"paths": streams}))
    settings = {"listen": f"127.0.0.1:{daemon}", "state_dir": str(directory / "state")}
    desired = {"server": {"url": f"http://127.0.0.1:{server}"}, "daemon": settings, "streams": streams}
    (directory / "streams.yaml").write_text(json.dumps(desired))
    run = [sys.executable, "-m", "reconciler", "-c"]
    simulate = [*run, str(directory / "mediamtx.yml"), "simulate", "--listen", f"127.0.0.1:{server}"]
    with subprocess.Popen(simulate, stdout=subprocess.DEVNULL) as simulator:
        with subprocess.Popen([*run, str(directory / "streams.yaml"), "run"], stderr=subprocess.DEVNULL) as process:
            wait_until_in_sync(daemon, count)
            time.sleep(5)
            before = cpu_seconds(process.pid)
            time.sleep(seconds)
            share = (cpu_seconds(process.pid) - before) / seconds
            memory = resident_mb(process.pid)
            process.terminate()
        simulator.terminate()
    return share, memory


def wait_until_in_sync(port: int, count: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/streams?limit=1", timeout=30) as answer:
                first = json.load(answer)["streams"]
            if not count or (first and first[0]["sync"] == "in_sync"):
                return
        except OSError:
            pass
        time.sleep(0.5)
    raise TimeoutError("the daemon does not come into sync")


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    base: tuple[float, float] | None = None
    print(f"{'streams':>8} {'core':>8} {'MB':>8} {'core x':>8} {'MB x':>8}")
    for count in SIZES:
        with tempfile.TemporaryDirectory() as directory:
            share, memory = measure(count, Path(directory), seconds)
        base = base or (share, memory)
        print(f"{count:8} {share:8.2%} {memory:8.0f} {share / (base[0] or 0.001):8.1f} {memory / base[1]:8.1f}")


if __name__ == "__main__":
    main()
