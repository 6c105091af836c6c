"""Logins go into the URL and nothing else of it changes; references are resolved, and told from one another."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from reconciler.spec import load_document
from reconciler.spec.secrets import SystemSecrets
from tests.support.spec import KEY, desired, messages

if TYPE_CHECKING:
    from tests.support.spec import Folder

PASSWORD = "p@ss w/rd?#%:é"
ENCODED = "p%40ss%20w%2Frd%3F%23%25%3A%C3%A9"


def login(source: str, password: str = "${env:P}") -> str:
    return f"streams:\n  gate: {{source: '{source}', username: ad min, password: '{password}'}}\n"


@pytest.mark.parametrize(
    "rest",
    ["10.0.0.1", "10.0.0.1:554/a/../b//c", "[fe80::1]:554/x?y=a@b&c=%41", "CAM.Example/Live", "10.0.0.1/?user=a:b@c"],
)
def test_the_login_is_encoded_into_the_url_and_the_rest_of_it_is_untouched(folder: Folder, rest: str) -> None:
    stream = folder.stream(login(f"rtsp://{rest}"), environ={"P": PASSWORD})
    assert stream.options["source"] == f"rtsp://ad%20min:{ENCODED}@{rest}"


def test_secrets_are_known_for_redaction_and_kept_out_of_the_document(folder: Folder) -> None:
    loaded = folder.load(login("rtsp://10.0.0.1/live"), {"P": PASSWORD})
    assert PASSWORD in loaded.secrets
    assert "${env:P}" in loaded.document
    assert PASSWORD not in loaded.document
    assert PASSWORD not in repr(loaded)
    assert ENCODED not in repr(loaded)


def test_a_password_within_a_url_is_known_for_redaction_in_both_spellings(folder: Folder) -> None:
    loaded = folder.load("streams: {gate: {source: 'rtsp://admin:p%40ss-word@10.0.0.1/live'}}\n")
    assert {"p%40ss-word", "p@ss-word"} <= set(loaded.secrets)


def test_references_come_from_the_environment_credentials_and_files(folder: Folder) -> None:
    folder.write("credentials/gate", "from-credential\n")
    folder.write("secret.txt", "from-file\r\n")
    stream = folder.stream(
        "streams:\n  gate:\n    source: publisher\n"
        "    runOnReady: ${env:E} ${cred:gate} ${file:%s} $MTX_PATH $G1 $$x $${env:E}\n" % (folder.path / "secret.txt"),
        environ={"E": "from-environment", "CREDENTIALS_DIRECTORY": str(folder.path / "credentials")},
    )
    assert stream.options["runOnReady"] == "from-environment from-credential from-file $MTX_PATH $G1 $x ${env:E}"


def test_a_file_of_a_secret_is_watched_also_while_it_is_missing(folder: Folder) -> None:
    secret = folder.path / "secret.txt"
    text = login("rtsp://10.0.0.1/live", f"${{file:{secret}}}")
    assert str(secret) in folder.load(text).files
    secret.write_text("there\n")
    assert str(secret) in folder.load(text).files


@pytest.mark.parametrize(("content", "clause"), [(b"", "is empty"), (b"\xff", "not text"), (b"x" * 70_000, "larger")])
def test_a_file_that_holds_no_secret_is_said_to(folder: Folder, content: bytes, clause: str) -> None:
    secret = folder.write("secret.txt", content)
    loaded = folder.load(login("rtsp://10.0.0.1/live", f"${{file:{secret}}}"))
    assert [clause in message for message in messages(loaded)] == [True]
    assert loaded.problems[0].secret_missing


def test_a_fifo_is_not_waited_for(folder: Folder) -> None:
    os.mkfifo(folder.path / "secret")
    loaded = folder.load(login("rtsp://10.0.0.1/live", f"${{file:{folder.path}/secret}}"))
    assert "is not a regular file" in messages(loaded)[0]
    os.mkfifo(folder.path / "more.yaml")
    assert "is not a regular file" in messages(folder.load("include: [more.yaml]\nstreams: {}\n"))[0]


def test_a_missing_secret_sets_only_its_own_stream_aside(folder: Folder) -> None:
    loaded = folder.load(login("rtsp://10.0.0.1/live") + "  yard: {source: publisher}\n")
    assert desired(loaded).streams.keys() == {"yard"}
    assert [problem.secret_missing for problem in desired(loaded).set_aside["gate"].problems] == [True]


def test_the_digest_follows_the_secret_and_the_key(folder: Folder) -> None:
    text = login("rtsp://10.0.0.1/live")
    one = folder.stream(text, environ={"P": "first-one"}).digest
    assert folder.stream(text, environ={"P": "first-one"}).digest == one
    assert folder.stream(text, environ={"P": "second-one"}).digest != one
    other_key = desired(folder.load(text, {"P": "first-one"}, key=b"o" * 32)).streams["gate"].digest
    assert other_key != one


def test_the_document_means_the_same_as_the_file(folder: Folder) -> None:
    loaded = folder.load(login("rtsp://10.0.0.1/live"), {"P": PASSWORD})
    again = load_document(loaded.document, secrets=SystemSecrets({"P": PASSWORD}), digest_key=KEY)
    assert desired(again).streams == desired(loaded).streams


def test_the_login_of_a_server_stays_out_of_what_is_shown(folder: Folder) -> None:
    loaded = folder.load("server: {username: r, password: '${env:P}'}\nstreams: {}\n", {"P": PASSWORD})
    assert desired(loaded).servers["default"].password == PASSWORD
    assert PASSWORD in loaded.secrets
    assert PASSWORD not in repr(loaded)


@pytest.mark.parametrize(
    "text",
    [
        "streams: {gate: {source: publisher, record: '${env:P}'}}",
        "streams: {gate: {source: publisher, recordDeleteAfter: 'x${env:P}\"y'}}",
        "streams: {gate: {source: publisher, rtspUDPSourcePortRange: ['${env:P}']}}",
        "streams: {gate: {maxReaders: 'hunter2-Xq9', source: 'rtsp://admin:hunter2-Xq9@cam/1'}}",
        "streams: {gate: {source: 'rtsp://cam/1', username: a, password: hunter2-Xq9, recordFormat: hunter2-Xq9}}",
        "streams: {gate: {'rtsp://admin:hunter2-Xq9@cam/1': }}",
        "streams: {'rtsp://admin:hunter2-Xq9@cam/1': {}}",
        "streams: {'rtsp://admin:hunter2-Xq9@cam/1': , 'rtsp://admin:hunter2-Xq9@cam/1': }",
        "'rtsp://admin:hunter2-Xq9@cam/1': {}\nstreams: {}",
    ],
)
def test_a_problem_repeats_no_secret_wherever_it_was_put(folder: Folder, text: str) -> None:
    loaded = folder.load(text, {"P": "hunter2-Xq9"})
    assert messages(loaded) != []
    assert "hunter2-Xq9" not in "".join(messages(loaded))
    assert "hunter2-Xq9" not in repr(loaded)
    if loaded.desired is not None:
        aside = loaded.desired.set_aside["gate"]
        assert "hunter2-Xq9" not in "".join(map(str, aside.problems))


def test_a_problem_still_quotes_what_is_no_secret(folder: Folder) -> None:
    loaded = folder.load("streams: {gate: {source: publisher, maxReaders: many}}", {"P": "hunter2-Xq9"})
    assert messages(loaded) == ["1:49: streams.gate.maxReaders: must be a whole number, not 'many'"]
