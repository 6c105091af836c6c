"""A plan in its three forms, to the letter."""

from __future__ import annotations

import json

import pytest

from reconciler.cli.render import render, render_result
from reconciler.core.change import Change, Conflict, FieldChange, Held, Plan
from reconciler.core.model import Action, Cause, Hold
from reconciler.core.plan import Given, Policy, make_plan
from reconciler.core.problem import Position, Problem
from reconciler.daemon.applying import ChangeResult, Result
from reconciler.daemon.onepass import Outlook
from reconciler.errors import TransientError
from reconciler.logs import Redactor
from tests.support.build import a_desired, a_live, a_memory, a_stream

SECRET = "hunter2-and-more"

CREATE = Change(
    Action.CREATE,
    "gate",
    "default",
    Cause.FILE,
    stream=a_stream("gate", {"source": "rtsp://admin:letmein@10.0.0.12/1", "record": True}),
)
UPDATE = Change(
    Action.UPDATE,
    "front-door",
    "default",
    Cause.DRIFT,
    fields=(
        FieldChange("maxReaders", 5, 10),
        FieldChange("source", "rtsp://admin:***@10.0.0.11/1", "rtsp://admin:***@10.0.0.11/2"),
    ),
    restarts=True,
    readers=2,
    stream=a_stream("front-door"),
)
HOT = Change(
    Action.UPDATE,
    "yard",
    "default",
    Cause.FILE,
    fields=(FieldChange("record", before=False, after=True),),
    readers=3,
    stream=a_stream("yard"),
)
DELETE = Change(Action.DELETE, "shed", "default", Cause.FILE, restarts=True, readers=1)
CLASH = Change(
    Action.UPDATE,
    "lobby",
    "default",
    Cause.FILE,
    fields=(FieldChange("source", "publisher", "rtsp://10.0.0.14/1"),),
    restarts=True,
    stream=a_stream("lobby"),
)
PLAN = Plan(
    server="default",
    changes=(DELETE, UPDATE, HOT, CREATE),
    held=(
        Held(Change(Action.DELETE, "attic", "default", Cause.FILE), Hold.GRACE, "gone from the file"),
        Held(CLASH, Hold.CONFLICT, "a path of this name is there"),
    ),
    conflicts=(Conflict("lobby", CLASH.fields),),
    in_sync=frozenset({"a", "b"}),
    foreign=("all_others",),
)
PROBLEM = Problem(Position("streams.yaml", 12, 5), "streams.cellar.sorce", "unknown key", "cellar")
EVERYTHING = Outlook({"default": PLAN}, {"south": TransientError("south", "does not answer")}, (PROBLEM,))


def test_text() -> None:
    assert render(EVERYTHING, "text").splitlines() == [
        "streams.yaml:12:5: streams.cellar.sorce: unknown key",
        "server default:",
        "- delete shed  (file changed; removes, 1 reader)",
        "~ update front-door  (drift; restarts, 2 readers)",
        "    maxReaders: 5 -> 10",
        '    source: "rtsp://admin:***@10.0.0.11/1" -> "rtsp://admin:***@10.0.0.11/2"',
        "~ update yard  (file changed; in place)",
        "    record: false -> true",
        "+ create gate  (file changed; adds)",
        '    source: "rtsp://admin:***@10.0.0.12/1"',
        "! held: delete attic  (grace: gone from the file)",
        "! held: update lobby  (conflict: a path of this name is there)",
        '    source: "publisher" -> "rtsp://10.0.0.14/1"',
        "server south: does not answer",
        (
            "1 to create, 2 to update, 1 to delete, 2 held, 3 readers cut off, 2 in sync, 1 foreign left alone, "
            "1 problem in the files, 1 server not read"
        ),
    ]


def test_markdown() -> None:
    assert render(EVERYTHING, "markdown").splitlines() == [
        (
            "**reconciler plan:** 1 to create, 2 to update, 1 to delete, 2 held, 3 readers cut off, 2 in sync, "
            "1 foreign left alone, 1 problem in the files, 1 server not read"
        ),
        "",
        "Problems in the files; the streams concerned are set aside:",
        "",
        "- `streams.yaml:12:5: streams.cellar.sorce: unknown key`",
        "",
        "Servers that could not be read:",
        "",
        "- south: does not answer",
        "",
        f"Server `default`, plan `{PLAN.digest}`:",
        "",
        "| what | stream | why | effect | options |",
        "|---|---|---|---|---|",
        "| delete | `shed` | file changed | removes, 1 reader |  |",
        (
            "| update | `front-door` | drift | restarts, 2 readers | `maxReaders: 5 -> 10`<br>"
            '`source: "rtsp://admin:***@10.0.0.11/1" -> "rtsp://admin:***@10.0.0.11/2"` |'
        ),
        "| update | `yard` | file changed | in place | `record: false -> true` |",
        '| create | `gate` | file changed | adds | `source: "rtsp://admin:***@10.0.0.12/1"` |',
        "| held: delete | `attic` | file changed | grace: gone from the file |  |",
        (
            "| held: update | `lobby` | file changed | conflict: a path of this name is there | "
            '`source: "publisher" -> "rtsp://10.0.0.14/1"` |'
        ),
    ]


def test_json() -> None:
    rendered = json.loads(render(EVERYTHING, "json"))
    (server,) = rendered["servers"]
    assert rendered["version"] == 1
    assert rendered["summary"] == {
        "delete": 1,
        "update": 2,
        "create": 1,
        "restarts": 2,
        "readers_cut": 3,
        "held": 2,
        "in_sync": 2,
        "foreign": 1,
        "problems": 1,
        "errors": 1,
    }
    assert rendered["errors"] == [{"server": "south", "message": "does not answer"}]
    assert rendered["problems"] == [
        {
            "file": "streams.yaml",
            "line": 12,
            "column": 5,
            "path": "streams.cellar.sorce",
            "message": "unknown key",
            "stream": "cellar",
            "severity": "error",
        }
    ]
    assert {key: server[key] for key in ("server", "digest", "in_sync", "foreign")} == {
        "server": "default",
        "digest": PLAN.digest,
        "in_sync": ["a", "b"],
        "foreign": ["all_others"],
    }
    assert [change["stream"] for change in server["changes"]] == ["shed", "front-door", "yard", "gate"]
    assert server["changes"][2] == {
        "action": "update",
        "stream": "yard",
        "cause": "file changed",
        "effect": "in place",
        "restarts": False,
        "readers": 3,
        "source": "rtsp://127.0.0.1:5999/yard",
        "fields": [{"option": "record", "before": False, "after": True}],
    }
    assert server["changes"][3]["source"] == "rtsp://admin:***@10.0.0.12/1"
    assert server["changes"][0]["source"] is None
    assert [(held["stream"], held["hold"], held["reason"]) for held in server["held"]] == [
        ("attic", "grace", "gone from the file"),
        ("lobby", "conflict", "a path of this name is there"),
    ]
    assert server["conflicts"] == [
        {
            "stream": "lobby",
            "fields": [{"option": "source", "before": "publisher", "after": "rtsp://10.0.0.14/1"}],
        }
    ]


def test_nothing_to_do_is_said_in_words() -> None:
    calm = Outlook({"default": Plan("default", in_sync=frozenset({"gate"}))})
    assert render(calm, "text") == "nothing to do, 1 in sync"
    assert render(calm, "markdown") == "**reconciler plan:** nothing to do, 1 in sync"


def test_a_server_that_cannot_be_read_is_not_said_to_be_in_order() -> None:
    dark = Outlook({}, {"default": TransientError("default", "does not answer")})
    assert render(dark, "text").splitlines() == [
        "server default: does not answer",
        "nothing is known: no server could be read",
    ]


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
class TestSecrets:
    def test_a_plan_shows_none(self, form: str) -> None:
        before = [
            a_stream("gate", {"source": "rtsp://u:old-password@cam/1"}),
            a_stream("talk", {"source": "publisher", "srtReadPassphrase": "old-passphrase"}),
        ]
        after = [
            a_stream("gate", {"source": f"rtsp://u:{SECRET}@cam/1"}),
            a_stream("talk", {"source": "publisher", "srtReadPassphrase": SECRET}),
            a_stream("new", {"source": f"rtsp://u:{SECRET}@cam/2"}),
        ]
        plan = make_plan(
            Given(
                server="default",
                desired=a_desired(*after),
                live=a_live({stream.name: stream.options for stream in before}),
                runtime={},
                memory=a_memory(*before),
                policy=Policy(),
                now=0.0,
            )
        )
        shown = render(Outlook({"default": plan}), form)
        assert {change.name for change in plan.changes} == {"gate", "talk", "new"}
        assert "srtReadPassphrase" in shown
        for secret in (SECRET, "old-password", "old-passphrase"):
            assert secret not in shown

    def test_a_servers_text_that_repeats_one_is_redacted_and_stays_well_formed(self, form: str) -> None:
        redactor = Redactor()
        redactor.learn(SECRET)
        error = TransientError("south", f'said password="{SECRET}" and rtsp://u:{SECRET}@cam/')
        shown = render(Outlook({}, {"south": error}), form, redactor.text)
        assert SECRET not in shown
        if form == "json":
            assert json.loads(shown)["errors"][0]["server"] == "south"


@pytest.mark.parametrize(("name", "shown"), [("a|b", "a\\|b"), ("a`b", "a'b"), ("a\nb", "a b")])
def test_nothing_breaks_out_of_a_markdown_table(name: str, shown: str) -> None:
    change = Change(Action.DELETE, name, "default", Cause.FILE, restarts=True)
    assert f"| delete | `{shown}` |" in render(Outlook({"default": Plan("default", changes=(change,))}), "markdown")


def test_results_of_writes_are_one_line_each() -> None:
    assert render_result(ChangeResult(UPDATE, Result.OK)) == ("~ updated front-door (restarts, 2 readers)", False)
    assert render_result(ChangeResult(DELETE, Result.OK)) == ("- deleted shed (removes, 1 reader)", False)
    assert render_result(ChangeResult(CREATE, Result.REJECTED, "invalid source")) == (
        "! could not create gate: invalid source",
        True,
    )
