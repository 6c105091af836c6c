"""A stream that cannot be used now is kept in its last good form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.spec import SystemSecrets, load_document
from tests.support.spec import KEY, desired, messages

if TYPE_CHECKING:
    from tests.support.spec import Folder

GOOD = "streams:\n  gate: {source: publisher, maxReaders: 3}\n  yard: {source: publisher}\n"
BAD = "streams:\n  gate: {source: publisher, maxReaders: three}\n  yard: {source: publisher, record: yes}\n"


def test_the_last_good_form_is_carried_over_with_the_problems_of_the_present_one(folder: Folder) -> None:
    good = folder.load(GOOD)
    loaded = folder.load(BAD, last_good=good.document)
    gate = desired(loaded).streams["gate"]
    assert gate.options["maxReaders"] == 3
    assert gate.problems == desired(loaded).set_aside["gate"].problems != ()
    assert gate.digest == desired(good).streams["gate"].digest
    assert desired(loaded).streams["yard"].options["record"] is True


def test_it_is_carried_over_again_and_again(folder: Folder) -> None:
    document = folder.load(GOOD).document
    for _ in range(3):
        document = folder.load(BAD, last_good=document).document
    assert desired(folder.load(BAD, last_good=document)).streams["gate"].options["maxReaders"] == 3


def test_without_an_earlier_form_it_is_only_set_aside(folder: Folder) -> None:
    loaded = folder.load(BAD)
    assert "gate" not in desired(loaded).streams
    assert "gate" in desired(loaded).set_aside


def test_a_stream_that_was_taken_out_does_not_come_back(folder: Folder) -> None:
    loaded = folder.load("streams: {yard: {source: publisher}}\n", last_good=folder.load(GOOD).document)
    assert desired(loaded).streams.keys() == {"yard"}
    assert desired(loaded).set_aside == {}


def test_a_document_is_whole_in_itself(folder: Folder) -> None:
    folder.write("more.yaml", "streams:\n  shed: {source: publisher}\n")
    loaded = folder.load(
        "include: [more.yaml]\nserver: {url: 'http://10.0.0.1:9997', timeout: 3s}\ndaemon: {resync: 1m}\n"
        "defaults: {rtspTransport: tcp}\nprofiles: {p: {record: yes}}\n"
        "streams:\n  gate: {source: publisher, profile: p, labels: {a: 1}}\n"
    )
    again = load_document(loaded.document, secrets=SystemSecrets({}), digest_key=KEY)
    assert messages(again) == []
    assert desired(again) == desired(loaded)


@pytest.mark.parametrize("character", ["\\x7f", "\\x85", "\\u2028", "\\ufeff", "\\U0001F600", "\\t", "\\n"])
def test_no_character_makes_a_document_unreadable(folder: Folder, character: str) -> None:
    loaded = folder.load(f'streams: {{gate: {{source: publisher, description: "a{character}b"}}}}\n')
    again = load_document(loaded.document, secrets=SystemSecrets({}), digest_key=KEY)
    assert desired(again) == desired(loaded)


@pytest.mark.parametrize("document", ["", "{", "[]", "null", "5", '{"streams": null}', '{"streams": []}', "\ud800"])
def test_a_damaged_document_is_as_good_as_none(folder: Folder, document: str) -> None:
    loaded = folder.load(BAD, last_good=document)
    assert desired(loaded).streams.keys() == {"yard"}
    assert load_document(document, secrets=SystemSecrets({}), digest_key=KEY).problems
