"""How long a file of 10,000 streams takes to load: python -m benchmarks.bench_validate

As a ratio, because machines differ and are noisy: to the bare events of libyaml for the same bytes, which no loader can
save. The aim is 0.8 s.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from reconciler.spec import SystemSecrets, load, load_document

if TYPE_CHECKING:
    from collections.abc import Callable

STREAMS = 10_000
ROUNDS = 5
HEAD = """\
server: {url: http://127.0.0.1:9997}
defaults: {rtspTransport: tcp, labels: {site: hq}}
profiles:
  recorded: {record: yes, recordSegmentDuration: 1h, recordDeleteAfter: 7d}
streams:
"""
STREAM = """\
  building-{building}/camera-{number}:
    source: rtsp://10.{building}.{third}.{fourth}:554/Streaming/Channels/101
    username: admin
    password: ${{env:CAMERA_PASSWORD}}
    profile: recorded
    camera_id: camera-{number}
    labels: {{floor: {building}}}
"""


def the_file() -> str:
    streams = (
        STREAM.format(building=number % 100, number=number, third=number // 250 % 250, fourth=number % 250)
        for number in range(STREAMS)
    )
    return HEAD + "".join(streams)


def best(call: Callable[[], object]) -> float:
    """CPU seconds of the fastest of some rounds; the machine's other work is in the slower ones."""
    took = []
    for _ in range(ROUNDS):
        start = time.process_time()
        call()
        took.append(time.process_time() - start)
    return min(took)


def events(data: bytes) -> None:
    for _ in yaml.parse(data, yaml.CSafeLoader):
        pass


def main() -> None:
    secrets = SystemSecrets({"CAMERA_PASSWORD": "hunter2-Xq9"})
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "streams.yaml"
        file.write_text(the_file(), encoding="utf-8")
        loaded = load(file, secrets=secrets, digest_key=b"k")
        assert not loaded.problems
        bare = best(lambda: events(file.read_bytes()))
        whole = best(lambda: load(file, secrets=secrets, digest_key=b"k"))
        again = best(lambda: load_document(loaded.document, secrets=secrets, digest_key=b"k"))
    print(f"{STREAMS} streams, {len(the_file()) / 1e6:.1f} MB; CPU seconds, best of {ROUNDS}")
    print(f"bare events of the parser   {bare:6.2f}")
    print(f"load                        {whole:6.2f}   {whole / bare:5.1f} x")
    print(f"load of the last good state {again:6.2f}   {again / bare:5.1f} x")


if __name__ == "__main__":
    main()
