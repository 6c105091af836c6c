"""The watcher's decisions, without hints and in virtual time: when it looks, how long it waits, what it reports."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import pytest

from reconciler.daemon import hints, watch
from reconciler.daemon.signature import FileSignature, content_digest, take
from reconciler.daemon.watch import SETTLE_REPLACED, Watcher
from tests.support.saves import SAVES, atomic, in_place, mount_config_map, swap_config_map

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable
    from pathlib import Path

pytestmark = pytest.mark.looptime

_P = ParamSpec("_P")
_T = TypeVar("_T")

POLL, SETTLE, MAX_SETTLE = 2.0, 0.25, 2.0
QUIET = 20.0


class LoopClock:
    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def time(self) -> float:
        return 0.0


async def inline(function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
    return function(*args, **kwargs)


def now() -> float:
    return asyncio.get_running_loop().time()


def at(seconds: float, action: Callable[..., object], *args: object) -> None:
    asyncio.get_running_loop().call_at(seconds, action, *args)


def delete(path: Path) -> None:
    path.unlink()


@dataclass
class Reports:
    """What the watcher has reported: when, the time it gave as that of the change, and the main file's text then."""

    path: Path
    watcher: Watcher
    times: list[float] = field(default_factory=list)
    noticed: list[float] = field(default_factory=list)
    texts: list[str | None] = field(default_factory=list)
    on_report: Callable[[], None] = lambda: None
    busy: float = 0.0

    async def watch_for(self, seconds: float) -> None:
        """Watch for so long, from an own start to an own end."""
        watching = asyncio.create_task(self._collect())
        await asyncio.wait((watching,), timeout=seconds)
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        assert asyncio.all_tasks() == {asyncio.current_task()}

    async def _collect(self) -> None:
        async with contextlib.aclosing(self.watcher.changes()) as changes:
            async for noticed in changes:
                self.times.append(now())
                self.noticed.append(noticed)
                try:
                    self.texts.append(self.path.read_text())
                except OSError:
                    self.texts.append(None)
                self.on_report()
                await asyncio.sleep(self.busy)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    directory = tmp_path / "etc"
    directory.mkdir()
    path = directory / "streams.yaml"
    path.write_text("before\n")
    return path


@pytest.fixture
def reports(path: Path) -> Reports:
    watcher = Watcher(
        path,
        clock=LoopClock(),
        sleep=asyncio.sleep,
        poll=POLL,
        settle=SETTLE,
        max_settle=MAX_SETTLE,
        hints=False,
        offload=inline,
    )
    return Reports(path, watcher)


class TestFirstReport:
    async def test_comes_at_once(self, reports: Reports) -> None:
        await reports.watch_for(QUIET)
        assert (reports.times, reports.noticed, reports.texts) == ([0], [0], ["before\n"])

    async def test_comes_at_once_when_the_file_is_absent(self, path: Path, reports: Reports) -> None:
        delete(path)
        await reports.watch_for(QUIET)
        assert reports.times == [0]

    async def test_of_an_absent_file_is_followed_by_one_when_it_is_there(self, path: Path, reports: Reports) -> None:
        delete(path)
        at(5, in_place, path, "first\n")
        await reports.watch_for(QUIET)
        assert reports.texts == [None, "first\n"]


class TestTimes:
    async def test_a_write_in_place_is_reported_once_it_has_held_still(self, path: Path, reports: Reports) -> None:
        at(1, in_place, path, "after\n")
        await reports.watch_for(QUIET)
        assert reports.times == pytest.approx([0, POLL + SETTLE])
        assert reports.noticed == pytest.approx([0, POLL])

    async def test_a_file_put_in_place_of_another_is_reported_much_sooner(self, path: Path, reports: Reports) -> None:
        at(1, atomic, path, "after\n")
        await reports.watch_for(QUIET)
        assert reports.times == pytest.approx([0, POLL + SETTLE_REPLACED])

    async def test_a_replaced_file_that_is_still_written_must_hold_still_as_one_in_place(
        self, path: Path, reports: Reports
    ) -> None:
        at(1, atomic, path, "af")
        at(POLL + SETTLE_REPLACED / 2, in_place, path, "after\n")
        await reports.watch_for(QUIET)
        assert reports.times[1] >= POLL + SETTLE
        assert reports.texts == ["before\n", "after\n"]

    async def test_an_empty_file_put_in_place_of_another_is_given_the_full_time(
        self, path: Path, reports: Reports
    ) -> None:
        at(1, atomic, path, "")
        at(POLL + 0.2, in_place, path, "after\n")
        await reports.watch_for(QUIET)
        assert reports.texts == ["before\n", "after\n"]

    async def test_a_truncated_file_is_not_reported_before_its_content_is_there(
        self, path: Path, reports: Reports
    ) -> None:
        at(POLL - 0.1, in_place, path, "")
        at(POLL + 0.2, in_place, path, "after\n")
        await reports.watch_for(QUIET)
        assert reports.texts == ["before\n", "after\n"]

    async def test_a_write_in_pieces_is_reported_once_and_whole(self, path: Path, reports: Reports) -> None:
        for piece in range(1, 11):
            at(1.9 + piece * 0.1, in_place, path, "x" * piece)
        await reports.watch_for(QUIET)
        assert reports.texts == ["before\n", "x" * 10]

    async def test_a_writer_that_never_rests_cannot_put_off_the_report(self, path: Path, reports: Reports) -> None:
        for piece in range(1, 101):
            at(piece * 0.1, in_place, path, "x" * piece)
        await reports.watch_for(QUIET)
        assert reports.times[1] == pytest.approx(POLL + MAX_SETTLE)
        assert reports.texts[-1] == "x" * 100

    async def test_a_write_while_the_content_is_read_is_waited_for(
        self, path: Path, reports: Reports, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        texts = iter(["before\n", "half", "after\n"])

        def disturbed(file: str) -> str:
            digest = content_digest(file)
            if text := next(texts, None):
                path.write_text(text)
            return digest

        monkeypatch.setattr(watch, "content_digest", disturbed)
        at(1, atomic, path, "first\n")
        await reports.watch_for(QUIET)
        assert reports.texts == ["before\n", "after\n"]
        assert reports.times[1] > POLL + SETTLE

    async def test_changes_while_the_reader_is_busy_are_reported_as_one(self, path: Path, reports: Reports) -> None:
        reports.busy = 10
        for second in range(1, 10):
            at(second, atomic, path, f"{second}\n")
        await reports.watch_for(QUIET)
        assert reports.texts == ["before\n", "9\n"]


class TestSaves:
    @pytest.mark.parametrize("save", SAVES.values(), ids=SAVES.keys())
    async def test_each_style_is_reported_once_with_the_new_content(
        self, path: Path, reports: Reports, save: Callable[[Path, str], None]
    ) -> None:
        at(1, save, path, "one\ntwo\n")
        at(11, save, path, "three\n")
        await reports.watch_for(QUIET)
        assert reports.texts == ["before\n", "one\ntwo\n", "three\n"]

    async def test_a_config_map_swap_is_reported(self, tmp_path: Path, path: Path, reports: Reports) -> None:
        mounted = tmp_path / "mount"
        mount_config_map(mounted, "streams.yaml", "one\n", path)
        at(11, swap_config_map, mounted, "streams.yaml", "two\n")
        await reports.watch_for(QUIET)
        assert reports.texts == ["one\n", "two\n"]

    async def test_content_of_equal_length_with_the_old_times_put_back_is_reported(
        self, path: Path, reports: Reports
    ) -> None:
        def save() -> None:
            status = path.stat()
            path.write_text("after!\n")
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

        at(1, save)
        await reports.watch_for(QUIET)
        assert reports.texts == ["before\n", "after!\n"]

    async def test_a_deleted_file_is_reported_once_and_again_when_it_is_back(
        self, path: Path, reports: Reports
    ) -> None:
        at(1, path.unlink)
        at(11, in_place, path, "back\n")
        await reports.watch_for(QUIET)
        assert reports.texts == ["before\n", None, "back\n"]

    async def test_a_deleted_directory_is_reported_and_again_when_it_is_back(
        self, path: Path, reports: Reports
    ) -> None:
        def put_back() -> None:
            path.parent.mkdir()
            path.write_text("back\n")

        at(1, shutil.rmtree, path.parent)
        at(11, put_back)
        await reports.watch_for(QUIET)
        assert reports.texts == ["before\n", None, "back\n"]

    @pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to(path)])
    async def test_something_else_in_the_place_of_the_file_is_reported_and_not_waited_for(
        self, path: Path, reports: Reports, make: Callable[[Path], None]
    ) -> None:
        def put() -> None:
            path.unlink()
            make(path)

        reports.path = path.parent  # reading a FIFO here would hang
        at(1, put)
        await reports.watch_for(QUIET)
        assert len(reports.times) == 2


class TestNoChange:
    @pytest.mark.parametrize(
        "action",
        [
            lambda path: path.touch(),
            lambda path: path.chmod(0o600),
            lambda path: in_place(path, "before\n"),
            lambda path: atomic(path, "before\n"),
            lambda path: (path.parent / "other").write_text("x"),
            lambda path: os.link(path, path.with_name("hard-link")),
        ],
        ids=["touch", "chmod", "same content in place", "same content renamed", "another file", "hard link"],
    )
    async def test_is_not_reported(self, path: Path, reports: Reports, action: Callable[[Path], None]) -> None:
        at(1, action, path)
        await reports.watch_for(QUIET)
        assert len(reports.times) == 1

    async def test_a_change_undone_before_it_settled_is_not_reported(self, path: Path, reports: Reports) -> None:
        at(1, in_place, path, "after\n")
        at(POLL + 0.1, in_place, path, "before\n")
        await reports.watch_for(QUIET)
        assert len(reports.times) == 1

    async def test_a_touch_does_not_hide_the_change_after_it(self, path: Path, reports: Reports) -> None:
        at(1, path.touch)
        at(5, in_place, path, "after\n")
        await reports.watch_for(QUIET)
        assert reports.texts == ["before\n", "after\n"]


class TestCoarseTimeStamps:
    @pytest.fixture(autouse=True)
    def coarse(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A file system that keeps no times at all: only a new length or inode is seen."""

        def timeless(signature: FileSignature) -> FileSignature:
            return replace(signature, mtime_ns=0, ctime_ns=0)

        def take_coarsely(files: Iterable[str], globs: Iterable[str]) -> dict[str, FileSignature]:
            return {file: timeless(signature) for file, signature in take(files, globs).items()}

        monkeypatch.setattr(watch, "take", take_coarsely)

    async def test_a_second_write_that_looks_like_the_first_is_found_a_poll_later(
        self, path: Path, reports: Reports
    ) -> None:
        at(1, in_place, path, "first write\n")
        at(POLL + SETTLE + 0.1, in_place, path, "other write\n")
        await reports.watch_for(QUIET)
        assert reports.texts == ["before\n", "first write\n", "other write\n"]
        assert reports.times[2] <= reports.times[1] + 2 * POLL


class TestPoke:
    async def test_is_answered_at_once_without_any_change(self, reports: Reports) -> None:
        at(5, reports.watcher.poke)
        await reports.watch_for(QUIET)
        assert reports.times == [0, 5]
        assert reports.noticed == [0, 5]

    async def test_while_the_reader_is_busy_is_answered_once_afterwards(self, reports: Reports) -> None:
        reports.busy = 10
        at(5, reports.watcher.poke)
        at(6, reports.watcher.poke)
        await reports.watch_for(25)
        assert reports.times == [0, 10]

    async def test_waits_for_a_save_under_way_and_is_answered_together_with_it(
        self, path: Path, reports: Reports
    ) -> None:
        at(5, in_place, path, "")
        at(5, reports.watcher.poke)
        at(5.1, in_place, path, "after\n")
        await reports.watch_for(QUIET)
        assert reports.texts == ["before\n", "after\n"]

    async def test_is_answered_even_when_the_save_under_way_changed_nothing(self, path: Path, reports: Reports) -> None:
        at(5, path.touch)
        at(6.1, reports.watcher.poke)
        await reports.watch_for(QUIET)
        assert len(reports.times) == 2


class TestFollowing:
    @pytest.fixture
    def extra(self, path: Path) -> Path:
        extra = path.parent / "streams.d" / "extra.yaml"
        extra.parent.mkdir()
        extra.write_text("extra\n")
        # As if it had been there long before the watcher was started.
        time.sleep(0.05)
        return extra

    @pytest.fixture
    def followed(self, extra: Path, reports: Reports) -> Reports:
        reports.on_report = lambda: reports.watcher.follow([str(reports.path), str(extra)], [f"{extra.parent}/*.yaml"])
        return reports

    async def test_files_read_by_the_first_load_are_not_a_change(self, followed: Reports) -> None:
        await followed.watch_for(QUIET)
        assert followed.times == [0]

    async def test_a_change_of_a_followed_file_is_reported(self, extra: Path, followed: Reports) -> None:
        at(5, atomic, extra, "changed\n")
        await followed.watch_for(QUIET)
        assert followed.times == pytest.approx([0, 6 + SETTLE_REPLACED])

    async def test_a_file_that_a_pattern_newly_matches_is_reported(self, extra: Path, followed: Reports) -> None:
        at(5, in_place, extra.with_name("new.yaml"), "new\n")
        await followed.watch_for(QUIET)
        assert followed.times == pytest.approx([0, 6 + SETTLE])

    async def test_a_matched_file_that_goes_is_reported_once(self, extra: Path, followed: Reports) -> None:
        at(5, extra.unlink)
        await followed.watch_for(QUIET)
        assert len(followed.times) == 2

    async def test_relative_paths_and_patterns_are_those_of_the_working_directory(
        self, extra: Path, reports: Reports, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(extra.parent.parent)
        reports.on_report = lambda: reports.watcher.follow(["streams.d/extra.yaml"], ["streams.d/*.yaml"])
        at(5, atomic, extra, "changed\n")
        at(9, in_place, extra.with_name("new.yaml"), "new\n")
        await reports.watch_for(QUIET)
        assert len(reports.times) == 3

    async def test_a_file_that_no_pattern_matches_is_not_reported(self, extra: Path, followed: Reports) -> None:
        at(5, in_place, extra.with_name("new.txt"), "new\n")
        await followed.watch_for(QUIET)
        assert followed.times == [0]

    async def test_a_file_not_followed_any_more_is_not_reported(self, extra: Path, followed: Reports) -> None:
        at(5, followed.watcher.follow, [], [])
        at(7, atomic, extra, "changed\n")
        await followed.watch_for(QUIET)
        assert followed.times == [0]

    async def test_a_file_changed_after_it_was_read_and_before_it_was_followed_is_reported(
        self, extra: Path, reports: Reports
    ) -> None:
        def load_while_it_is_edited() -> None:
            if len(reports.times) == 1:
                in_place(extra, "changed\n")
            reports.watcher.follow([str(extra)], [])

        reports.on_report = load_while_it_is_edited
        await reports.watch_for(QUIET)
        assert reports.times == [0, 0]

    async def test_an_absent_followed_file_is_reported_when_it_comes(self, extra: Path, reports: Reports) -> None:
        absent = extra.with_name("secret")
        reports.on_report = lambda: reports.watcher.follow([str(absent)], [])
        at(5, in_place, absent, "secret\n")
        await reports.watch_for(QUIET)
        assert len(reports.times) == 2

    async def test_following_the_same_again_costs_no_report(self, extra: Path, followed: Reports) -> None:
        at(5, in_place, extra, "changed\n")
        at(10, followed.on_report)
        await followed.watch_for(QUIET)
        assert len(followed.times) == 2

    async def test_a_path_that_cannot_be_one_does_no_harm(self, path: Path, reports: Reports) -> None:
        reports.on_report = lambda: reports.watcher.follow(["/nul\0byte"], ["/nul\0*/[", "["])
        at(5, in_place, path, "after\n")
        await reports.watch_for(QUIET)
        assert reports.texts == ["before\n", "after\n"]


class TestHintsThatFail:
    @pytest.fixture
    def watcher(self, path: Path) -> Watcher:
        return Watcher(path, clock=LoopClock(), sleep=asyncio.sleep, poll=POLL, offload=inline)

    @pytest.mark.parametrize(
        "error",
        [
            OSError(28, "OS file watch limit reached"),
            PermissionError(13, "Permission denied"),
            ExceptionGroup("unhandled errors", [RuntimeError("internal")]),
        ],
    )
    async def test_polling_goes_on_and_the_trouble_is_logged_once(
        self,
        path: Path,
        watcher: Watcher,
        error: Exception,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        async def failing(*_: str, **__: object) -> AsyncGenerator[object, None]:
            for nothing in tuple[object, ...]():
                yield nothing
            raise error

        monkeypatch.setattr(hints, "awatch", failing)
        reports = Reports(path, watcher)
        at(100, in_place, path, "after\n")
        await reports.watch_for(200)
        assert reports.texts == ["before\n", "after\n"]
        assert caplog.messages == ["file change notification does not work here, changes are found by polling"]


class TestEnding:
    async def test_closing_the_generator_leaves_no_task(self, path: Path) -> None:
        changes = Watcher(path, clock=LoopClock(), sleep=asyncio.sleep, hints=False).changes()
        await anext(changes)
        await changes.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    async def test_it_can_be_watched_again(self, path: Path) -> None:
        watcher = Watcher(path, clock=LoopClock(), sleep=asyncio.sleep, hints=False, offload=inline)
        for _ in range(2):
            async with contextlib.aclosing(watcher.changes()) as changes:
                await anext(changes)
