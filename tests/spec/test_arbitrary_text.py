"""Whatever the file holds, loading ends with problems and never with an exception; what loads, loads again."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.spec import Loaded, SystemSecrets, load, load_document
from tests.support.spec import KEY

SECRETS = SystemSecrets({"GATE_PASSWORD": "hunter2-Xq9"})
VALID = """\
version: 1
server: {url: http://127.0.0.1:9997, username: r, password: "${env:GATE_PASSWORD}", tls: {verify: no}, timeout: 5s}
defaults: {rtspTransport: tcp, labels: {site: hq}, health: {start_grace: 10s}}
profiles:
  recorded: {record: yes, recordSegmentDuration: 1h, recordDeleteAfter: 7d}
streams:
  gate:
    source: rtsp://10.0.0.1:554/live
    username: admin
    password: ${env:GATE_PASSWORD}
    profile: recorded
    camera_id: c1
    maxReaders: 10
  yard: {source: "rtsps://10.0.0.2/s", enabled: no, labels: {floor: 1}, description: "a b"}
  push: {source: publisher, forward: [{dest: "rtmp://h/x"}], runOnReady: "echo $MTX_PATH $$ ${file:/none}"}
  cast: {source: "udp://239.0.0.1:1234", recordMaxPartSize: 50M}
include: [streams.d/*.yaml]
daemon: {listen: "127.0.0.1:9810", resync: 30s, observe: 2s, prune_after: 5s}
guard: {max_disruptive: 30%, window: 10m}
health: {start_grace: 15s, stall_after: 10s, on_stall: report}
"""
PIECES = st.sampled_from(
    [
        *("~", "null", "{}", "[]", "{a: b}", "-1", "1e999", ".nan", "0x10", "9" * 70, "9" * 400 + "s", "٣", "²"),
        *("${env:", "${env:}", "${cred:../x}", "${file:/}", '"${file:/a\\0b}"', "${x:y}", "$$", "$G1", "*a", "&a "),
        *("<<: ", "!!str ", "? ", "- ", ": ", "\t", "\0", "\r\n", "\ufeff", "\u0085", "\u2028", "\x7f", "😀", "'", '"'),
        *("~(", "all", "rtsp://[::1", "rtsp://u:p@h:99999/x", "rtsp://%zz", "../..", "/x", "[zz]:1", "a" * 300),
    ]
)


def read(data: bytes) -> Loaded:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "streams.yaml"
        file.write_bytes(data)
        return load(file, secrets=SECRETS, digest_key=KEY, last_good=data.decode(errors="replace"))


def check(data: bytes) -> None:
    loaded = read(data)
    assert loaded.desired is not None or loaded.problems
    if loaded.desired is None:
        return
    again = load_document(loaded.document, secrets=SECRETS, digest_key=KEY)
    assert again.desired is not None, again.problems
    own = {name: stream for name, stream in loaded.desired.streams.items() if not stream.problems}
    assert {name: stream for name, stream in again.desired.streams.items() if name in own} == own
    assert again.desired.servers == loaded.desired.servers
    assert again.desired.settings == loaded.desired.settings


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    check(data)


@settings(deadline=None)
@given(st.text(alphabet="ab:-{}[],&*!|>'\"%@#? \n\t0.~<$", max_size=60))
def test_any_text_that_resembles_yaml(text: str) -> None:
    check(text.encode())


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_valid_file_with_anything_put_in_or_taken_out(data: st.DataObject) -> None:
    text = VALID
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 20)))
        text = text[:start] + data.draw(st.one_of(st.just(""), PIECES)) + text[end:]
    check(text.encode())


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_valid_file_with_another_value(data: st.DataObject) -> None:
    lines = VALID.splitlines()
    number = data.draw(st.sampled_from([i for i, line in enumerate(lines) if ": " in line]))
    places = [i + 2 for i in range(len(lines[number])) if lines[number].startswith(": ", i)]
    start = data.draw(st.sampled_from(places))
    end = min([i for i, c in enumerate(lines[number]) if i >= start and c in ",}]"] or [len(lines[number])])
    lines[number] = lines[number][:start] + data.draw(PIECES) + lines[number][end:]
    check("\n".join(lines).encode())


def test_the_file_they_start_from_is_valid() -> None:
    problems = [problem for problem in read(VALID.encode()).problems if problem.stream not in (None, "push")]
    assert problems == []
