from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reconciler.daemon.signature import content_digest, directories, replaced_whole, sign, take
from tests.support.saves import atomic

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "streams.yaml"
    file.write_text("streams: {}\n")
    return file


def bind_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


TROUBLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "absent": (lambda _: None, "ENOENT"),
    "directory": (lambda path: path.mkdir(), "directory"),
    "FIFO": (os.mkfifo, "special file"),
    "socket": (bind_socket, "special file"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "special file"),
    "link to itself": (lambda path: path.symlink_to(path), "ELOOP"),
    "dangling link": (lambda path: path.symlink_to("nowhere"), "ENOENT"),
}


@pytest.mark.parametrize(("make", "trouble"), TROUBLE.values(), ids=TROUBLE.keys())
def test_what_is_no_regular_file_is_named_by_both_looks_without_waiting(
    tmp_path: Path, make: Callable[[Path], object], trouble: str
) -> None:
    path = tmp_path / "x"
    make(path)
    assert sign(str(path)).trouble == trouble
    assert sign(str(path)).identity is None
    assert content_digest(str(path)) == trouble


def test_a_path_through_a_file_and_one_that_cannot_be_one_are_named(file: Path) -> None:
    assert sign(f"{file}/x").trouble == "ENOTDIR"
    assert sign("nul\0byte").trouble == "ValueError"
    assert content_digest("nul\0byte") == "ValueError"


def test_a_fifo_put_in_the_files_place_between_look_and_opening_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    regular = file.stat()
    monkeypatch.setattr(Path, "stat", lambda *_, **__: regular)
    assert content_digest(str(fifo)) == "special file"


def test_the_digest_is_that_of_the_bytes(file: Path) -> None:
    assert content_digest(str(file)) == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_file_over_the_limit_is_known_by_size_and_time_only(file: Path) -> None:
    first = content_digest(str(file), limit=5)
    assert first.startswith("too large: 12 bytes")
    os.utime(file, ns=(0, 0))
    assert content_digest(str(file), limit=5) != first
    assert content_digest(str(file), limit=12) == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_file_that_may_not_be_read_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert content_digest(str(file)) == "EACCES"


def test_links_are_followed(tmp_path: Path, file: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(file)
    assert sign(str(link)) == sign(str(file))


def test_patterns_are_expanded_anew_each_time_and_listed_once(tmp_path: Path, file: Path) -> None:
    pattern = f"{tmp_path}/*.yaml"
    assert list(take([str(file)], [pattern, pattern])) == [str(file)]
    (tmp_path / "a.yaml").touch()
    assert list(take([str(file)], [pattern])) == [str(file), str(tmp_path / "a.yaml")]


class TestReplacedWhole:
    def looks(self, file: Path, action: Callable[[Path], object]) -> bool:
        before = take([str(file)], [])
        action(file)
        return replaced_whole(before, take([str(file)], []))

    def test_holds_for_a_rename_over_it(self, file: Path) -> None:
        assert self.looks(file, lambda path: atomic(path, "after\n"))

    def test_holds_when_only_the_mode_changed(self, file: Path) -> None:
        assert self.looks(file, lambda path: path.chmod(0o600))

    @pytest.mark.parametrize(
        "action",
        [
            lambda path: path.write_text("after\n"),
            lambda path: path.write_text(""),
            lambda path: path.unlink(),
            lambda path: atomic(path, ""),
        ],
        ids=["written in place", "emptied", "removed", "replaced by an empty one"],
    )
    def test_does_not_hold_for_what_may_be_half_done(self, file: Path, action: Callable[[Path], object]) -> None:
        assert not self.looks(file, action)

    def test_does_not_hold_for_a_file_that_was_not_there(self, file: Path) -> None:
        file.unlink()
        assert not self.looks(file, lambda path: path.write_text("after\n"))

    def test_does_not_hold_when_another_file_came(self, file: Path) -> None:
        before = take([str(file)], [])
        atomic(file, "after\n")
        file.with_name("b.yaml").write_text("half")
        assert not replaced_whole(before, take([str(file)], [f"{file.parent}/*.yaml"]))


class TestDirectories:
    def test_are_those_of_the_name_and_of_where_its_links_lead(self, tmp_path: Path) -> None:
        real, named = tmp_path / "real", tmp_path / "named"
        real.mkdir()
        named.mkdir()
        (real / "x").touch()
        (named / "x").symlink_to(real / "x")
        assert set(directories([str(named / "x")], [])) == {str(real), str(named)}

    def test_of_a_pattern_are_the_part_before_its_first_wildcard(self, tmp_path: Path) -> None:
        assert set(directories([], [f"{tmp_path}/*.yaml", f"{tmp_path}/*/a/b?.yaml"])) == {str(tmp_path)}

    def test_that_are_absent_or_no_directories_are_left_out(self, file: Path) -> None:
        assert directories([f"{file}/x", "/nowhere/at/all", "nul\0byte/x"], ["/nowhere/*"]) == {}

    def test_carry_an_identity_that_tells_a_replaced_one(self, tmp_path: Path) -> None:
        directory = tmp_path / "d"
        directory.mkdir()
        before = directories([str(directory / "x")], [])
        directory.rename(tmp_path / "old")
        directory.mkdir()
        assert directories([str(directory / "x")], []) != before
