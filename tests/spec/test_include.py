"""More streams from other files: same rules, each name once, each file once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.spec import desired, messages

if TYPE_CHECKING:
    from tests.support.spec import Folder

MAIN = "include: [streams.d/*.yaml]\nprofiles: {recorded: {record: yes}}\nstreams: {}\n"


def test_streams_of_included_files_use_the_main_files_profiles(folder: Folder) -> None:
    folder.write("streams.d/hq.yaml", "streams:\n  gate: {source: publisher, profile: recorded}\n")
    loaded = folder.load(MAIN)
    assert messages(loaded) == []
    assert desired(loaded).streams["gate"].options["record"] is True
    assert desired(loaded).streams["gate"].position.file == str(folder.path / "streams.d/hq.yaml")


def test_all_that_was_read_and_where_more_may_appear_is_told(folder: Folder) -> None:
    file = folder.write("streams.d/hq.yaml", "streams: {}\n")
    loaded = folder.load(MAIN)
    assert loaded.files == (str(folder.path / "streams.yaml"), str(file))
    assert loaded.globs == (str(folder.path / "streams.d/*.yaml"),)


def test_a_pattern_may_match_nothing_yet(folder: Folder) -> None:
    assert messages(folder.load(MAIN)) == []


def test_a_file_reached_twice_is_read_once(folder: Folder) -> None:
    file = folder.write("streams.d/hq.yaml", "streams:\n  gate: {source: publisher}\n")
    (folder.path / "streams.d/same.yaml").symlink_to(file)
    loaded = folder.load("include: [streams.d/*.yaml, streams.d/hq.yaml]\nstreams: {}\n")
    assert messages(loaded) == []
    assert desired(loaded).streams.keys() == {"gate"}


def test_a_pattern_that_matches_the_main_file_does_not_include_it_again(folder: Folder) -> None:
    assert messages(folder.load("include: ['*.yaml']\nstreams: {gate: {source: publisher}}\n")) == []


def test_a_name_in_two_files_is_told_with_both_places(folder: Folder) -> None:
    folder.write("streams.d/a.yaml", "streams:\n  gate: {source: publisher}\n")
    folder.write("streams.d/b.yaml", "streams:\n\n  gate: {source: publisher}\n")
    (told,) = messages(folder.load(MAIN))
    assert told.startswith(f"{folder.path}/streams.d/b.yaml:3:3: streams.gate: ")
    assert f"{folder.path}/streams.d/a.yaml:2" in told


def test_an_emptied_included_file_changes_nothing(folder: Folder) -> None:
    folder.write("streams.d/a.yaml", "")
    assert folder.load(MAIN).desired is None


def test_the_digest_follows_every_file(folder: Folder) -> None:
    folder.write("streams.d/a.yaml", "streams: {}\n")
    before = folder.load(MAIN).digest
    assert folder.load(MAIN).digest == before
    folder.write("streams.d/a.yaml", "streams: {}  #\n")
    assert folder.load(MAIN).digest != before


def test_an_absent_main_file_is_a_problem_and_no_exception(folder: Folder) -> None:
    loaded = folder.load()
    assert loaded.desired is None
    assert messages(loaded) == ["1:1: does not exist: create it, or name another one with -c"]
    assert loaded.files == (str(folder.path / "streams.yaml"),)


def test_a_name_that_no_file_can_have_is_a_problem(folder: Folder) -> None:
    loaded = folder.load('include: ["a\\0b"]\nstreams: {}\n')
    assert loaded.desired is None
