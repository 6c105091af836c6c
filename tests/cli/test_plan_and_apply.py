"""`reconciler plan` and `reconciler apply` against a simulated server in a process of its own."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.cli.exits import Exit
from reconciler.store import Store
from tests.support.commands import get

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.commands import Cli

SECRET = "hunter2-and-more"


@pytest.fixture
def save(tmp_path: Path, simulated: str, cli: Cli) -> Any:
    """Write streams.yaml for the simulated server."""
    assert cli is not None  # the working directory

    def write(streams: dict[str, Any], **top: Any) -> None:
        whole = {"server": {"url": simulated}, "streams": streams, **top}
        (tmp_path / "streams.yaml").write_text(json.dumps(whole))

    return write


def camera(name: str = "gate", **options: Any) -> dict[str, Any]:
    return {"source": f"rtsp://127.0.0.1:5999/{name}", **options}


def paths(server: str) -> dict[str, Any]:
    return {item["name"]: item for item in get(f"{server}/v3/config/paths/list")["items"]}


class TestPlan:
    def test_says_what_would_be_done_and_does_nothing(
        self, cli: Cli, save: Any, simulated: str, tmp_path: Path
    ) -> None:
        save({"gate": camera()})
        ended = cli("plan")
        assert ended.code == Exit.CHANGES
        assert ended.out.startswith("+ create gate  (file changed; adds)\n")
        assert paths(simulated) == {}
        assert not (tmp_path / "xdg").exists()

    def test_ends_with_0_when_there_is_nothing_to_do(self, cli: Cli, save: Any) -> None:
        save({"gate": camera()})
        cli("apply")
        ended = cli("plan")
        assert (ended.code, ended.out) == (Exit.OK, "nothing to do, 1 in sync\n")

    def test_names_options_from_and_to(self, cli: Cli, save: Any) -> None:
        save({"gate": camera()})
        cli("apply")
        save({"gate": camera(maxReaders=3)})
        ended = cli("plan")
        assert ended.code == Exit.CHANGES
        assert ended.out.startswith("~ update gate  (file changed; restarts, 0 readers)\n    maxReaders: 0 -> 3\n")

    def test_tells_a_conflict_with_a_path_that_is_not_ours(self, cli: Cli, save: Any) -> None:
        save({"gate": camera()})
        cli("apply")
        os.environ["XDG_STATE_HOME"] += "-of-another"
        save({"gate": camera(maxReaders=3)})
        ended = cli("plan", "--format", "json")
        assert ended.code == Exit.CHANGES
        assert [(held["stream"], held["hold"]) for held in ended.json["servers"][0]["held"]] == [("gate", "conflict")]
        assert ended.json["servers"][0]["conflicts"][0]["fields"] == [{"option": "maxReaders", "before": 0, "after": 3}]

    def test_lists_problems_and_plans_the_rest(self, cli: Cli, save: Any) -> None:
        save({"gate": camera(), "yard": {"sorce": "x"}})
        ended = cli("plan")
        assert ended.code == Exit.ERROR
        assert "streams.yard.sorce: unknown key" in ended.out
        assert "+ create gate" in ended.out

    def test_of_a_file_that_cannot_be_used_only_the_problems(self, cli: Cli, save: Any, tmp_path: Path) -> None:
        save({})
        (tmp_path / "streams.yaml").write_text("streams: [\n")
        ended = cli("plan")
        assert (ended.code, ended.out) == (Exit.ERROR, "")
        assert ended.err.startswith("reconciler: streams.yaml:2:1: ")

    @pytest.mark.parametrize("form", ["text", "json", "markdown"])
    def test_a_server_that_does_not_answer_is_an_error(self, cli: Cli, tmp_path: Path, form: str) -> None:
        (tmp_path / "streams.yaml").write_text("server: {url: 'http://127.0.0.1:9'}\nstreams: {}\n")
        ended = cli("plan", "--format", form)
        assert ended.code == Exit.ERROR
        assert "127.0.0.1:9" in ended.out

    def test_shows_no_secret_wherever_it_comes_from(
        self, cli: Cli, save: Any, simulated: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CAMERA", SECRET)
        save({"gate": camera(username="admin", password="${env:CAMERA}")})
        for form in ("text", "json", "markdown"):
            ended = cli("plan", "--format", form, "--debug")
            assert ended.code == Exit.CHANGES
            assert "admin:***@" in ended.out
            assert SECRET not in ended.out + ended.err
        assert SECRET not in (applied := cli("apply", "--debug")).out + applied.err
        assert f"admin:{SECRET}@" in paths(simulated)["gate"]["source"]


class TestApply:
    def test_makes_the_changes_and_prints_each(self, cli: Cli, save: Any, simulated: str) -> None:
        save({"gate": camera(), "yard": camera("yard", record=True)})
        ended = cli("apply")
        assert ended.code == Exit.OK
        assert ended.out.splitlines() == [
            "+ created gate (adds)",
            "+ created yard (adds)",
            "nothing to do, 2 in sync",
        ]
        assert paths(simulated)["yard"]["record"] is True

    def test_removes_at_once_what_has_left_the_file(self, cli: Cli, save: Any, simulated: str) -> None:
        save({"gate": camera(), "yard": camera("yard")})
        cli("apply")
        save({"gate": camera()})
        ended = cli("apply")
        assert ended.code == Exit.OK
        assert ended.out.startswith("- deleted yard (removes, 0 readers)\n")
        assert set(paths(simulated)) == {"gate"}

    def test_does_not_remove_everything_unless_told_to(self, cli: Cli, save: Any, simulated: str) -> None:
        save({"gate": camera()})
        cli("apply")
        save({})
        held = cli("apply")
        assert held.code == Exit.CHANGES
        assert "! held: delete gate  (guard: " in held.out
        assert set(paths(simulated)) == {"gate"}
        assert cli("apply", "--allow-delete-all").code == Exit.OK
        assert paths(simulated) == {}

    def test_refuses_to_work_beside_a_daemon(self, cli: Cli, save: Any, tmp_path: Path) -> None:
        save({"gate": camera()})
        store = Store.open(tmp_path / "xdg" / "reconciler")
        try:
            ended = cli("apply")
        finally:
            store.close()
        assert (ended.code, ended.out) == (Exit.ERROR, "")
        assert f"in use by pid {os.getpid()}" in ended.err
