"""What becomes of a save: a newer desired state, or the last good one and a word about why."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from reconciler.daemon.intake import Intake
from reconciler.logs import Redactor
from reconciler.spec import SystemSecrets
from reconciler.store import Store
from tests.support.build import FakeClock
from tests.support.spec import Folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reconciler.core.model import Desired

TWO = "streams: {a: {source: 'rtsp://h/a'}, b: {source: 'rtsp://h/b'}}"


class Desk:
    """An intake of a folder, with a store; `anew` is the daemon after a restart."""

    def __init__(self, directory: Path) -> None:
        self.folder, self.clock, self.redactor = Folder(directory), FakeClock(), Redactor()
        self.environ: dict[str, str] = {}
        self._state = directory / "state"
        self.store = Store.open(self._state)
        self.intake = self._make()

    def _make(self) -> Intake:
        return Intake(
            self.folder.path / "streams.yaml",
            store=self.store,
            secrets=SystemSecrets(self.environ),
            redactor=self.redactor,
            clock=self.clock,
            adjust=self.adjust,
        )

    @staticmethod
    def adjust(desired: Desired) -> Desired:
        return desired

    def anew(self) -> None:
        self.store.close()
        self.store = Store.open(self._state)
        self.intake = self._make()
        self.intake.resume()

    async def save(self, text: str, noticed_at: float = 0.0) -> None:
        self.folder.write("streams.yaml", text)
        await self.intake.read(noticed_at)

    def names(self) -> set[str]:
        assert self.intake.generation is not None
        return set(self.intake.generation.desired.streams)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.store.close()


class TestAFileThatIsGood:
    async def test_is_the_desired_state(self, desk: Desk) -> None:
        await desk.save(TWO, noticed_at=7.0)
        generation = desk.intake.generation
        assert generation is not None
        assert (generation.number, generation.noticed_at, generation.fresh) == (1, 7.0, frozenset())
        assert desk.names() == {"a", "b"}
        assert desk.intake.config.ok

    async def test_names_what_it_changed(self, desk: Desk) -> None:
        await desk.save(TWO)
        await desk.save("streams: {a: {source: 'rtsp://h/other'}, c: {source: publisher}}", noticed_at=9.0)
        generation = desk.intake.generation
        assert generation is not None
        assert (generation.number, generation.noticed_at, generation.fresh) == (2, 9.0, frozenset("abc"))

    async def test_that_says_the_same_at_other_lines_is_no_newer_state(self, desk: Desk) -> None:
        await desk.save(TWO)
        await desk.save("\n\n# moved down\n" + TWO, noticed_at=9.0)
        generation = desk.intake.generation
        assert generation is not None
        assert (generation.number, generation.noticed_at) == (1, 0.0)
        assert generation.desired.streams["a"].position.line == 4

    async def test_leaves_the_last_word_to_the_command_line(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        def elsewhere(desired: Desired) -> Desired:
            servers = {name: replace(spec, url="http://127.0.0.1:1") for name, spec in desired.servers.items()}
            return replace(desired, servers=servers)

        monkeypatch.setattr(desk.intake, "_adjust", elsewhere)
        await desk.save(TWO)
        assert desk.intake.generation is not None
        assert [s.url for s in desk.intake.generation.desired.servers.values()] == ["http://127.0.0.1:1"]


class TestAFileThatCannotBeUsed:
    @pytest.mark.parametrize("text", ["", "streams: [", "streams: [a]", "%", "streams: {a: {}, a: {}}"])
    async def test_leaves_the_last_good_state_in_force(self, desk: Desk, text: str) -> None:
        await desk.save(TWO)
        before = desk.intake.generation
        await desk.save(text)
        assert desk.intake.generation is before
        assert not desk.intake.config.ok
        assert desk.intake.config.problems
        assert "the last good state stays in force" in desk.intake.config.message

    async def test_leaves_it_in_force_over_a_restart_too(self, desk: Desk) -> None:
        await desk.save(TWO)
        await desk.save("streams: [")
        desk.anew()
        await desk.save("streams: [")
        assert desk.names() == {"a", "b"}

    async def test_may_be_gone(self, desk: Desk) -> None:
        await desk.save(TWO)
        (desk.folder.path / "streams.yaml").unlink()
        await desk.intake.read(0.0)
        assert desk.names() == {"a", "b"}
        assert not desk.intake.config.ok

    async def test_is_nothing_to_work_on_at_the_very_first_start(self, desk: Desk) -> None:
        desk.intake.resume()
        await desk.save("streams: [")
        assert desk.intake.generation is None
        assert "no earlier state" in desk.intake.config.message

    async def test_mended_to_what_it_was_is_no_newer_state(self, desk: Desk) -> None:
        await desk.save(TWO)
        await desk.save("streams: [")
        await desk.save(TWO)
        assert desk.intake.generation is not None
        assert desk.intake.generation.number == 1
        assert desk.intake.config.ok


class TestAStreamThatCannotBeUsed:
    async def test_stays_in_its_last_good_form_and_the_others_go_on(self, desk: Desk) -> None:
        await desk.save(TWO)
        await desk.save("streams: {a: {source: 'rtsp://h/a', sorce: x}, c: {source: publisher}}")
        assert desk.names() == {"a", "c"}
        assert desk.intake.generation is not None
        assert desk.intake.generation.desired.streams["a"].problems
        assert "1 problems" in desk.intake.config.message

    async def test_stays_so_over_a_restart(self, desk: Desk) -> None:
        await desk.save(TWO)
        broken = "streams: {a: {source: 'rtsp://h/a', sorce: x}, b: {source: 'rtsp://h/b'}}"
        await desk.save(broken)
        desk.anew()
        await desk.save(broken)
        assert desk.names() == {"a", "b"}

    async def test_is_told_once_for_as_long_as_it_lasts(self, desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
        broken = "streams: {a: {source: 'rtsp://h/a', sorce: x}}"
        with caplog.at_level(logging.ERROR):
            await desk.save(broken)
            await desk.save(broken)
            assert len(caplog.records) == 1
            await desk.save(TWO)
            await desk.save(broken)
            assert len(caplog.records) == 2

    async def test_is_told_of_twenty_times_at_most(self, desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
        streams = ", ".join(f"s{number}: {{source: publisher, sorce: x}}" for number in range(50))
        with caplog.at_level(logging.ERROR):
            await desk.save(f"streams: {{{streams}}}")
        assert len(caplog.records) == 21
        assert "30 more" in caplog.records[-1].message


class TestSecrets:
    async def test_are_learnt_for_redaction_from_the_file_and_from_the_last_good_state(self, desk: Desk) -> None:
        desk.environ["CAMERA"] = "xyzzy-plugh-1"
        text = "streams: {a: {source: 'rtsp://h/a', username: admin, password: '${env:CAMERA}'}}"
        await desk.save(text)
        assert "xyzzy" not in desk.redactor.text("it was xyzzy-plugh-1")
        desk.redactor = Redactor()
        desk.anew()
        assert "xyzzy" not in desk.redactor.text("it was xyzzy-plugh-1")

    async def test_that_have_gone_set_their_stream_aside_and_nothing_else(self, desk: Desk) -> None:
        desk.environ["CAMERA"] = "xyzzy-plugh-1"
        text = "streams: {a: {source: 'rtsp://h/a', username: u, password: '${env:CAMERA}'}, b: {source: 'rtsp://h/b'}}"
        await desk.save(text)
        del desk.environ["CAMERA"]
        desk.anew()
        await desk.save(text)
        assert desk.names() == {"b"}
        assert desk.intake.generation is not None
        assert set(desk.intake.generation.desired.set_aside) == {"a"}
