"""A full disk costs notes, not cameras."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from reconciler.core.model import Owned
from reconciler.daemon.patience import PatientStore
from reconciler.errors import StoreError
from reconciler.store import Store, WantedTimes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Disk:
    """A store whose writes fail while `full`."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        self.store = Store.open(directory)
        for method in ("own", "disown", "keep_last_good", "keep_wanted_times"):
            self._guard(method, monkeypatch)

    def _guard(self, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
        write = getattr(self.store, method)

        def guarded(*arguments: object) -> None:
            if self.full:
                raise StoreError("state.db: no space left")
            write(*arguments)

        monkeypatch.setattr(self.store, method, guarded)


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk = Disk(tmp_path, monkeypatch)
    yield disk
    disk.store.close()


def entry(name: str) -> Owned:
    return Owned(name, "nvr", "digest", 1.0, "file changed")


def test_what_cannot_be_written_is_known_all_the_same(disk: Disk) -> None:
    patient = PatientStore(disk.store)
    patient.own([entry("a"), entry("b")])
    disk.full = True
    patient.own([entry("c")])
    patient.disown("nvr", ["a"])
    patient.keep_last_good("{}")
    patient.keep_wanted_times({"c": WantedTimes(1.0, None)})
    assert patient.inventory("nvr").keys() == {"b", "c"}
    assert patient.last_good() == "{}"
    assert patient.wanted_times().keys() == {"c"}
    assert disk.store.inventory("nvr").keys() == {"a", "b"}


def test_everything_is_written_as_soon_as_there_is_room(disk: Disk, caplog: pytest.LogCaptureFixture) -> None:
    patient = PatientStore(disk.store)
    patient.own([entry("a")])
    disk.full = True
    with caplog.at_level(logging.INFO):
        for name in "bcd":
            patient.own([entry(name)])
        patient.disown("nvr", ["a"])
        patient.keep_last_good("{}")
        assert patient.trouble == "state.db: no space left"
        disk.full = False
        patient.own([entry("e")])
    assert patient.trouble == ""
    assert disk.store.inventory("nvr").keys() == {"b", "c", "d", "e"}
    assert disk.store.last_good() == "{}"
    assert len(caplog.records) == 2  # once that it fails, once that it works again


def test_a_name_taken_back_and_owned_again_is_owned(disk: Disk) -> None:
    patient = PatientStore(disk.store)
    disk.full = True
    patient.own([entry("a")])
    patient.disown("nvr", ["a"])
    patient.own([entry("a")])
    disk.full = False
    patient.disown("nvr", [])
    assert disk.store.inventory("nvr").keys() == {"a"}
