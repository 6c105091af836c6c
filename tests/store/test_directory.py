"""Where the state is kept, and that only its owner can get at it."""

from __future__ import annotations

import os
import stat
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reconciler.errors import StateDirectoryBusyError, StoreError
from reconciler.store import Store, state_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.store.conftest import RunPython

HOLD = """
import sys
from pathlib import Path
from reconciler.store import Store
store = Store.open(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
store.close()
print("released", flush=True)
sys.stdin.read()
"""


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestPlace:
    @pytest.mark.parametrize(
        ("setting", "environ", "place"),
        [
            ("/srv/x", {"STATE_DIRECTORY": "/var/lib/reconciler"}, "/srv/x"),
            (None, {"STATE_DIRECTORY": "/var/lib/reconciler", "XDG_STATE_HOME": "/xdg"}, "/var/lib/reconciler"),
            (None, {"STATE_DIRECTORY": "/var/lib/a:/var/lib/b"}, "/var/lib/a"),
            (None, {"XDG_STATE_HOME": "/xdg", "HOME": "/home/u"}, "/xdg/reconciler"),
            (None, {"XDG_STATE_HOME": "relative", "HOME": "/home/u"}, "/home/u/.local/state/reconciler"),
            ("", {"HOME": "/home/u"}, "/home/u/.local/state/reconciler"),
        ],
    )
    def test_is_the_settings_then_systemds_then_the_users(
        self, setting: str | None, environ: dict[str, str], place: str
    ) -> None:
        assert state_directory(setting, environ) == Path(place)

    def test_may_be_below_a_home(self) -> None:
        assert state_directory("~/state", {}) == Path.home() / "state"

    def test_below_a_home_that_is_nobodys_is_an_error_that_says_so(self) -> None:
        with pytest.raises(
            StoreError, match=r"^~nobody-at-all/x: there is no such home directory: .*daemon\.state_dir"
        ):
            state_directory("~nobody-at-all/x", {})


class TestModes:
    @pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777])
    def test_are_for_the_owner_alone_whatever_the_umask(self, tmp_path: Path, mask: int) -> None:
        directory = tmp_path / "state"
        with umask(mask), closing(Store.open(directory)) as store:
            store.keep_last_good("x" * 100_000)
            assert mode(directory) == 0o700
            files = {path.name: mode(path) for path in directory.iterdir()}
        assert files == {"lock": 0o600, "state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600}

    def test_of_what_an_earlier_version_left_open_are_closed(self, tmp_path: Path) -> None:
        directory = tmp_path / "state"
        Store.open(directory).close()
        directory.chmod(0o755)
        for file in directory.iterdir():
            file.chmod(0o644)
        with closing(Store.open(directory)):
            assert mode(directory) == 0o700
            assert {mode(path) for path in directory.iterdir()} == {0o600}

    def test_of_a_directory_with_other_things_in_it_are_not_touched(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o755)
        (tmp_path / "letters").mkdir()
        with pytest.raises(StoreError, match=r"holds other things \(letters\): choose a directory of its own"):
            Store.open(tmp_path)
        assert mode(tmp_path) == 0o755
        assert [path.name for path in tmp_path.iterdir()] == ["letters"]

    def test_that_are_closed_already_allow_other_things(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o700)
        (tmp_path / "letters").mkdir()
        Store.open(tmp_path).close()

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can work in another user's directory")
    def test_and_owner_suit_the_directorys_user_when_root_was_there_first(
        self, unprivileged_directory: Path, python: RunPython
    ) -> None:
        store = Store.open(unprivileged_directory)
        store.keep_last_good("by root")
        assert {path.stat().st_uid for path in unprivileged_directory.iterdir()} == {65534}
        store.close()
        process = python(HOLD, unprivileged_directory, unprivileged=True)
        output, _ = process.communicate()
        assert output.splitlines() == ["held", "released"]


class TestTrouble:
    def test_a_file_in_the_place_of_the_directory(self, tmp_path: Path) -> None:
        (tmp_path / "state").write_text("")
        with pytest.raises(StoreError, match=r"/state: File exists: choose another one with daemon\.state_dir"):
            Store.open(tmp_path / "state")

    @pytest.mark.parametrize("name", ["lock", "state.db"])
    def test_a_link_in_the_place_of_a_file_is_not_followed(self, tmp_path: Path, name: str) -> None:
        directory, other = tmp_path / "state", tmp_path / "precious"
        directory.mkdir(mode=0o700)
        other.write_text("precious")
        (directory / name).symlink_to(other)
        with pytest.raises(StoreError, match=f"/{name}: is no plain file"):
            Store.open(directory)
        assert other.read_text() == "precious"

    def test_a_directory_that_cannot_be_written(self, unprivileged_directory: Path, python: RunPython) -> None:
        unprivileged_directory.chmod(0o500)
        output, _ = python(HOLD, unprivileged_directory, unprivileged=True).communicate()
        last = output.splitlines()[-1]
        assert last.startswith(f"reconciler.errors.StoreError: {unprivileged_directory}/lock: Permission denied: ")
        assert last.endswith("(daemon.state_dir)")


class TestLock:
    def test_names_the_process_that_holds_it(self, tmp_path: Path, python: RunPython) -> None:
        holder = python(HOLD, tmp_path / "state")
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(
            StateDirectoryBusyError, match=rf"/state is in use by pid {holder.pid}: one daemon"
        ) as caught:
            Store.open(tmp_path / "state")
        assert caught.value.pid == holder.pid

    def test_goes_with_a_process_that_is_killed(self, tmp_path: Path, python: RunPython) -> None:
        holder = python(HOLD, tmp_path / "state")
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        holder.kill()
        holder.wait()
        Store.open(tmp_path / "state").close()

    def test_is_let_go_when_the_store_is_closed(self, tmp_path: Path) -> None:
        Store.open(tmp_path / "state").close()
        store = Store.open(tmp_path / "state")
        store.close()
        store.close()

    def test_is_let_go_when_the_store_could_not_be_opened(self, tmp_path: Path) -> None:
        (tmp_path / "state.db").mkdir()
        for _ in range(2):
            with pytest.raises(StoreError, match=r"state\.db: is no plain file"):
                Store.open(tmp_path)

    def test_is_not_in_the_way_of_those_who_only_look(self, tmp_path: Path) -> None:
        with closing(Store.open(tmp_path / "state")) as store:
            store.keep_last_good("seen")
            with closing(Store.peek(tmp_path / "state")) as peeked:
                assert peeked.last_good() == "seen"

    def test_of_an_unnamed_holder_is_reported_too(self, tmp_path: Path) -> None:
        with closing(Store.open(tmp_path / "state")):
            (tmp_path / "state" / "lock").write_text("")
            with pytest.raises(StateDirectoryBusyError, match="in use by another process") as caught:
                Store.open(tmp_path / "state")
        assert caught.value.pid is None
