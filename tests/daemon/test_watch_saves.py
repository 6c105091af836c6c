"""The watcher on the real file system with real notification: saves are reported without waiting for a poll."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

import pytest

from reconciler.daemon.watch import Watcher
from tests.support.saves import SAVES, atomic, in_place, mount_config_map, swap_config_map

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

NEVER = 3600.0
"""A poll that does not come: what is reported was hinted at."""
SOON = 0.2
GUARD = 30.0


class SystemClock:
    def monotonic(self) -> float:
        return time.monotonic()

    def time(self) -> float:
        return time.time()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    directory = tmp_path / "etc"
    directory.mkdir()
    path = directory / "streams.yaml"
    in_place(path, "before\n")
    return path


def watcher_of(path: Path, poll: float = NEVER) -> Watcher:
    return Watcher(path, clock=SystemClock(), sleep=asyncio.sleep, poll=poll)


@contextlib.asynccontextmanager
async def watching(watcher: Watcher) -> AsyncGenerator[AsyncGenerator[float, None], None]:
    """The watcher's reports after the first one, until the end of the test's guard time."""
    async with asyncio.timeout(GUARD), contextlib.aclosing(watcher.changes()) as changes:
        await anext(changes)
        yield changes
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


def content(path: Path) -> str:
    return path.read_text() if path.exists() else "absent"


async def until_seen(text: str, path: Path, changes: AsyncGenerator[float, None]) -> None:
    """Take reports until one finds `text`; a save in several steps may be reported in more than one."""
    async for _ in changes:
        if content(path) == text:
            return


@pytest.mark.parametrize("save", SAVES.values(), ids=SAVES.keys())
async def test_saves_of_each_style_are_reported(path: Path, save: Callable[[Path, str], None]) -> None:
    # Notification is blind in the moment in which one directory is gone and the next one is not there yet.
    poll = SOON if save is SAVES["directory replaced"] else NEVER
    async with watching(watcher_of(path, poll)) as changes:
        for text in ("one\n", "two\nthree\n", "four\n"):
            save(path, text)
            await until_seen(text, path, changes)


async def test_fifty_atomic_saves_in_a_row_end_on_the_last_content(path: Path) -> None:
    async with watching(watcher_of(path)) as changes:
        for number in range(50):
            atomic(path, f"{number}\n")
            await asyncio.sleep(0)
        await until_seen("49\n", path, changes)


async def test_fifty_atomic_saves_each_awaited_are_all_reported(path: Path) -> None:
    async with watching(watcher_of(path)) as changes:
        for number in range(50):
            atomic(path, f"{number}\n")
            await anext(changes)
            assert content(path) == f"{number}\n"


async def test_a_config_map_swap_is_reported(tmp_path: Path, path: Path) -> None:
    mounted = tmp_path / "mount"
    mount_config_map(mounted, "streams.yaml", "one\n", path)
    async with watching(watcher_of(mounted / "streams.yaml")) as changes:
        for text in ("two\n", "three\n"):
            swap_config_map(mounted, "streams.yaml", text)
            await until_seen(text, mounted / "streams.yaml", changes)


async def test_a_file_deleted_and_put_back_is_reported_twice(path: Path) -> None:
    async with watching(watcher_of(path)) as changes:
        path.unlink()  # noqa: ASYNC240 - the user's doing, not the loop's
        await until_seen("absent", path, changes)
        in_place(path, "back\n")
        await until_seen("back\n", path, changes)


async def test_a_file_absent_at_the_start_is_reported_when_it_comes(path: Path) -> None:
    path.unlink()  # noqa: ASYNC240 - see above
    async with watching(watcher_of(path)) as changes:
        atomic(path, "first\n")
        await until_seen("first\n", path, changes)


async def test_a_directory_absent_at_the_start_is_found_by_polling(tmp_path: Path) -> None:
    path = tmp_path / "later" / "streams.yaml"
    async with watching(watcher_of(path, SOON)) as changes:
        path.parent.mkdir()
        in_place(path, "first\n")
        await until_seen("first\n", path, changes)


async def test_files_in_followed_directories_are_reported(path: Path) -> None:
    included = path.parent / "streams.d"
    included.mkdir()
    watcher = watcher_of(path)
    async with watching(watcher) as changes:
        watcher.follow([], [f"{included}/*.yaml"])
        # The first report may come before the directory is armed; the second can only come through it.
        for name in ("one.yaml", "two.yaml"):
            in_place(included / name, "x\n")
            await anext(changes)


async def test_a_poke_is_answered_without_any_change(path: Path) -> None:
    watcher = watcher_of(path)
    async with watching(watcher) as changes:
        watcher.poke()
        await anext(changes)


async def test_without_the_right_to_list_the_directory_polling_remains(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    async with watching(watcher_of(path, SOON)) as changes:
        atomic(path, "after\n")
        await until_seen("after\n", path, changes)
