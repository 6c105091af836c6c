"""What outlives the process, and that nothing which happens to the file goes unexplained."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from reconciler.core.model import Owned
from reconciler.errors import StoreError
from reconciler.store import Store, WantedTimes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.store.conftest import RunPython

WRITE_FOR_EVER = """
import itertools, sys
from pathlib import Path
from reconciler.core.model import Owned
from reconciler.store import Store, WantedTimes
store = Store.open(Path(sys.argv[1]))
names = [f"cam-{i}" for i in range(200)]
for turn in itertools.count(1):
    store.own([Owned(name, "s", str(turn), float(turn), "file changed") for name in names])
    store.keep_last_good(str(turn) * 5000)
    store.keep_wanted_times({name: WantedTimes(float(turn), None) for name in names})
    print(turn, flush=True)
"""


def an_entry(name: str, digest: str = "d1", server: str = "default") -> Owned:
    return Owned(name, server, digest, 1_700_000_000.5, "file changed")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def store(directory: Path) -> Iterator[Store]:
    with closing(Store.open(directory)) as opened:
        yield opened


class TestWhatIsKept:
    def test_is_empty_at_first(self, store: Store) -> None:
        assert store.inventory("default") == {}
        assert store.last_good() is None
        assert store.wanted_times() == {}

    def test_is_there_again_after_closing(self, directory: Path) -> None:
        times = {"gate": WantedTimes(1.5, None), "yard": WantedTimes(1.0, 2.0), "new": WantedTimes(None, None)}
        with closing(Store.open(directory)) as store:
            key = store.digest_key
            store.own([an_entry("gate"), an_entry("gate", server="other")])
            store.keep_last_good("streams: {}\né 😀 \ud800")
            store.keep_wanted_times(times)
        with closing(Store.open(directory)) as store:
            assert store.digest_key == key
            assert len(key) == 32
            assert store.inventory("default") == {"gate": an_entry("gate")}
            assert store.inventory("other") == {"gate": an_entry("gate", server="other")}
            assert store.last_good() == "streams: {}\né 😀 \ud800"
            assert store.wanted_times() == times

    def test_has_a_key_of_its_own_in_each_directory(self, tmp_path: Path) -> None:
        with closing(Store.open(tmp_path / "a")) as a, closing(Store.open(tmp_path / "b")) as b:
            assert a.digest_key != b.digest_key

    def test_an_entry_is_replaced_by_a_newer_one(self, store: Store) -> None:
        store.own([an_entry("gate", "d1"), an_entry("yard", "d1")])
        store.own(entry for entry in [an_entry("gate", "d2")])
        assert {name: entry.digest for name, entry in store.inventory("default").items()} == {
            "gate": "d2",
            "yard": "d1",
        }

    def test_disowning_concerns_one_server_and_the_names_given(self, store: Store) -> None:
        store.own([an_entry("gate"), an_entry("yard"), an_entry("gate", server="other")])
        store.disown("default", ["gate", "never-there"])
        assert set(store.inventory("default")) == {"yard"}
        assert set(store.inventory("other")) == {"gate"}

    def test_times_are_replaced_as_a_whole(self, store: Store) -> None:
        store.keep_wanted_times({"gate": WantedTimes(1.0, None), "yard": WantedTimes(1.0, None)})
        store.keep_wanted_times({"gate": WantedTimes(1.0, 2.0)})
        assert store.wanted_times() == {"gate": WantedTimes(1.0, 2.0)}

    def test_an_old_document_leaves_nothing_behind_in_the_file(self, directory: Path) -> None:
        with closing(Store.open(directory)) as store:
            store.keep_last_good("rtsp://admin:hunter-22@cam " * 1000)
            store.keep_last_good("rtsp://admin:${cred:cam}@cam")
        assert b"hunter-22" not in b"".join(path.read_bytes() for path in directory.iterdir())


class TestOneTransaction:
    def test_all_or_none(self, store: Store) -> None:
        def broken() -> Iterator[Owned]:
            yield an_entry("gate")
            yield Owned("yard", "default", None, 0.0, "")  # type: ignore[arg-type]

        with pytest.raises(StoreError, match="NOT NULL"):
            store.own(broken())
        assert store.inventory("default") == {}
        store.own([an_entry("gate")])
        assert set(store.inventory("default")) == {"gate"}

    def test_a_kill_in_the_middle_of_writing_leaves_whole_turns(self, directory: Path, python: RunPython) -> None:
        for _ in range(3):
            writer = python(WRITE_FOR_EVER, directory)
            assert writer.stdout is not None
            for _ in range(8):
                said = writer.stdout.readline()
            writer.kill()
            writer.wait()
            with closing(Store.open(directory)) as store:
                turns = {entry.digest for entry in store.inventory("s").values()}
                assert len(turns) == 1
                assert int(turns.pop()) >= int(said)
                document = store.last_good() or ""
                assert len(document) % 5000 == 0
                assert document == document[: len(document) // 5000] * 5000
                assert len(store.wanted_times()) == 200
                assert len(set(store.wanted_times().values())) == 1


class TestPeek:
    def test_of_an_absent_directory_is_empty_and_creates_nothing(self, directory: Path) -> None:
        with closing(Store.peek(directory)) as peeked, closing(Store.peek(directory)) as again:
            assert (peeked.inventory("default"), peeked.last_good(), dict(peeked.wanted_times())) == ({}, None, {})
            assert peeked.digest_key == again.digest_key
            assert len(peeked.digest_key) == 32
        assert not directory.exists()

    @pytest.mark.parametrize("content", [b"", None])
    def test_of_a_database_just_being_made_is_empty(self, directory: Path, content: bytes | None) -> None:
        directory.mkdir()
        if content is not None:
            (directory / "state.db").write_bytes(content)
        else:
            sqlite3.connect(directory / "state.db").close()
        with closing(Store.peek(directory)) as peeked:
            assert peeked.inventory("default") == {}

    def test_sees_one_moment_while_another_process_writes(self, directory: Path, python: RunPython) -> None:
        writer = python(WRITE_FOR_EVER, directory)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "1\n"
        threading.Thread(target=writer.stdout.read, daemon=True).start()
        for _ in range(5):
            with closing(Store.peek(directory)) as peeked:
                assert len({entry.digest for entry in peeked.inventory("s").values()}) == 1
                assert peeked.digest_key != bytes(32)

    def test_after_a_kill_sees_what_was_written_and_leaves_it_for_the_next_daemon(
        self, directory: Path, python: RunPython
    ) -> None:
        writer = python(WRITE_FOR_EVER, directory)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "1\n"
        writer.kill()
        writer.wait()
        with closing(Store.peek(directory)) as peeked:
            seen = peeked.inventory("s")
        assert len(seen) == 200
        with closing(Store.open(directory)) as store:
            assert store.inventory("s") == seen

    def test_writes_nothing_to_the_file(self, store: Store, directory: Path) -> None:
        store.own([an_entry("gate")])
        with closing(Store.peek(directory)) as peeked:
            peeked.own([an_entry("yard")])
        assert set(store.inventory("default")) == {"gate"}

    def test_of_a_corrupt_database_says_so_and_leaves_it(self, directory: Path) -> None:
        directory.mkdir()
        (directory / "state.db").write_bytes(b"no database" * 1000)
        with pytest.raises(StoreError, match=r"/state\.db: file is not a database: it is corrupt: restart the daemon"):
            Store.peek(directory)
        assert [path.name for path in directory.iterdir()] == ["state.db"]

    def test_of_another_users_directory_says_who_may(self, directory: Path, python: RunPython, tmp_path: Path) -> None:
        Store.open(directory).close()
        tmp_path.chmod(0o700)
        program = (
            "import sys; from pathlib import Path; from reconciler.store import Store; Store.peek(Path(sys.argv[1]))"
        )
        output, _ = python(program, directory, unprivileged=True).communicate()
        if "StoreError" not in output:
            pytest.skip("this test needs root, to have another user")
        assert output.splitlines()[-1].endswith("Permission denied: run this as the daemon's user")


class TestNewerSchema:
    @pytest.fixture(autouse=True)
    def _newer(self, directory: Path) -> None:
        Store.open(directory).close()
        with closing(sqlite3.connect(directory / "state.db")) as connection:
            connection.execute("PRAGMA user_version = 99")

    @pytest.mark.parametrize("way", [Store.open, Store.peek])
    def test_is_refused_and_left_alone(self, directory: Path, way: Callable[[Path], Store]) -> None:
        before = (directory / "state.db").read_bytes()
        with pytest.raises(
            StoreError, match=r"state\.db: written by a newer reconciler \(schema 99, .*upgrade, or use"
        ):
            way(directory)
        assert (directory / "state.db").read_bytes() == before


class TestCorruption:
    @pytest.mark.parametrize("content", [b"no database at all" * 300, b"SQLite format 3\x00" + b"\xff" * 8000])
    def test_sets_the_file_aside_with_its_log_and_begins_anew(
        self, directory: Path, content: bytes, caplog: pytest.LogCaptureFixture
    ) -> None:
        directory.mkdir()
        (directory / "state.db").write_bytes(content)
        (directory / "state.db-wal").write_bytes(b"its log")
        with closing(Store.open(directory, stamp=lambda: "t1")) as store:
            store.own([an_entry("gate")])
            assert set(store.inventory("default")) == {"gate"}
        assert (directory / "state.db.corrupt-t1").read_bytes() == content
        assert (directory / "state.db.corrupt-t1").stat().st_mode & 0o777 == 0o600
        assert "corrupt: it is set aside and a new one begun" in caplog.text

    def test_in_the_middle_is_found_too(self, directory: Path) -> None:
        with closing(Store.open(directory)) as store:
            store.own(an_entry(f"cam-{number}", "d" * 100) for number in range(2000))
        path = directory / "state.db"
        content = bytearray(path.read_bytes())
        content[8192:40960] = b"\xa5" * 32768
        path.write_bytes(content)
        with closing(Store.open(directory, stamp=lambda: "t1")) as store:
            assert store.inventory("default") == {}
        assert (directory / "state.db.corrupt-t1").exists()

    def test_while_running_is_an_error_that_says_what_to_do(self, directory: Path) -> None:
        with closing(Store.open(directory)) as store:
            store.own(an_entry(f"cam-{number}", "d" * 100) for number in range(2000))
        with closing(Store.open(directory)) as store:
            content = bytearray((directory / "state.db").read_bytes())
            content[4096:] = b"\xa5" * (len(content) - 4096)
            (directory / "state.db").write_bytes(content)
            store._connection.execute("PRAGMA shrink_memory")
            with pytest.raises(
                StoreError, match=r"state\.db: .*: it is corrupt: restart the daemon, which sets it aside"
            ):
                store.inventory("default")

    def test_a_table_of_another_program_in_its_place_is_an_error_that_says_what_to_do(self, directory: Path) -> None:
        directory.mkdir()
        with closing(sqlite3.connect(directory / "state.db")) as connection:
            connection.executescript("CREATE TABLE theirs (x); PRAGMA user_version = 1;")
        with pytest.raises(StoreError, match=r"state\.db: no such table: facts: .*move the file away"):
            Store.open(directory)


class TestFullDisk:
    def test_is_an_error_that_says_so_and_what_was_there_stays(self, store: Store) -> None:
        store.own([an_entry("gate")])
        store.keep_last_good("small")
        (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreError, match=r"/state\.db: database or disk is full: the disk is full: make room$"):
            store.keep_last_good("x" * 1_000_000)
        with pytest.raises(StoreError, match="disk is full"):
            store.own(an_entry(f"cam-{number}") for number in range(10_000))
        with pytest.raises(StoreError, match="disk is full"):
            store.keep_wanted_times({f"cam-{number}": WantedTimes(1.0, None) for number in range(10_000)})
        assert store.last_good() == "small"
        assert set(store.inventory("default")) == {"gate"}
        assert store.wanted_times() == {}

    def test_is_over_when_there_is_room_again(self, store: Store) -> None:
        (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreError):
            store.keep_last_good("x" * 1_000_000)
        store._connection.execute("PRAGMA max_page_count = 100000")
        store.keep_last_good("x" * 1_000_000)
        assert store.last_good() == "x" * 1_000_000


class TestMisuse:
    def test_after_closing_is_an_error_of_ours(self, directory: Path) -> None:
        store = Store.open(directory)
        store.close()
        with pytest.raises(StoreError, match="closed database"):
            store.last_good()

    def test_a_database_held_by_another_program_is_named(self, directory: Path) -> None:
        with closing(Store.open(directory)) as store:
            store._connection.execute("PRAGMA busy_timeout = 0")
            with closing(sqlite3.connect(directory / "state.db", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                with pytest.raises(StoreError, match="is locked: another program holds the database"):
                    store.keep_last_good("x")
                other.execute("ROLLBACK")
            store.keep_last_good("x")
