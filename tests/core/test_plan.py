"""What one pass would do, and what it must never do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from reconciler.core.backoff import Failure
from reconciler.core.memory import Memory, Rejection, Written, note_missing
from reconciler.core.model import Action, Cause, Hold
from reconciler.core.options.version import Version
from reconciler.core.plan import Given, Policy, make_plan, surroundings
from tests.support.build import SERVER, a_desired, a_live, a_memory, a_runtime_path, a_stream, owned

if TYPE_CHECKING:
    from reconciler.core.change import Plan
    from reconciler.core.model import Desired, LiveConfig, RuntimePath, Stream

NOW = 1000.0


def plan(
    desired: Desired,
    live: LiveConfig,
    memory: Memory | None = None,
    *,
    runtime: tuple[RuntimePath, ...] = (),
    policy: Policy | None = None,
    now: float = NOW,
    fresh: frozenset[str] = frozenset(),
) -> Plan:
    return make_plan(
        Given(
            server=SERVER,
            desired=desired,
            live=live,
            runtime={path.name: path for path in runtime},
            memory=memory or Memory(),
            policy=policy or Policy(),
            now=now,
            fresh=fresh,
        )
    )


def long_gone(*streams: Stream) -> Memory:
    """Ours, and missing from the file for longer than any grace."""
    return replace(a_memory(*streams), missing_since={stream.name: NOW - 3600 for stream in streams})


def writes(made: Plan) -> list[tuple[Action, str]]:
    return [(change.action, change.name) for change in made.changes]


class TestAStreamThatIsWanted:
    def test_is_created_when_the_server_does_not_have_it(self) -> None:
        stream = a_stream("gate")
        made = plan(a_desired(stream), a_live())
        assert writes(made) == [(Action.CREATE, "gate")]
        assert made.changes[0].cause is Cause.FILE
        assert made.changes[0].effect == "adds"

    def test_needs_nothing_when_the_server_shows_it_in_its_own_spelling(self) -> None:
        stream = a_stream("gate", {"source": "rtsp://h/1", "recordDeleteAfter": "168h"})
        made = plan(
            a_desired(stream), a_live({"gate": {"source": "rtsp://h/1", "recordDeleteAfter": "7d"}}), a_memory(stream)
        )
        assert writes(made) == []
        assert made.in_sync == {"gate"}

    def test_is_adopted_silently_when_an_equal_path_is_there_already(self) -> None:
        stream = a_stream("gate")
        made = plan(a_desired(stream), a_live({"gate": stream.options}))
        assert writes(made) == []
        assert made.adopted == (stream,)

    def test_is_a_conflict_when_a_different_path_of_that_name_is_not_ours(self) -> None:
        made = plan(a_desired(a_stream("gate")), a_live({"gate": {"source": "rtsp://h/other"}}))
        assert writes(made) == []
        assert [held.hold for held in made.held] == [Hold.CONFLICT]
        assert [field.option for field in made.conflicts[0].fields] == ["source"]
        assert made.foreign == ("gate",)

    def test_takes_a_different_path_over_when_told_to_adopt(self) -> None:
        stream = a_stream("gate", adopt=True)
        made = plan(a_desired(stream), a_live({"gate": {"source": "rtsp://h/other"}}))
        assert writes(made) == [(Action.UPDATE, "gate")]

    def test_is_updated_when_the_file_changed(self) -> None:
        before, after = a_stream("gate", {"record": False}), a_stream("gate", {"record": True})
        made = plan(a_desired(after), a_live({"gate": before.options}), a_memory(before))
        assert [(c.cause, c.effect) for c in made.changes] == [(Cause.FILE, "in place")]
        assert [(f.option, f.before, f.after) for f in made.changes[0].fields] == [("record", False, True)]
        assert made.drifted == frozenset()

    def test_says_beforehand_that_an_update_cuts_readers(self) -> None:
        before, after = a_stream("gate", {"maxReaders": 1}), a_stream("gate", {"maxReaders": 2})
        runtime = (a_runtime_path("gate", readers=3),)
        made = plan(a_desired(after), a_live({"gate": before.options}), a_memory(before), runtime=runtime)
        assert made.changes[0].effect == "restarts, 3 readers"

    def test_gets_a_field_removed_from_the_file_back_to_its_default(self) -> None:
        before, after = a_stream("gate", {"maxReaders": 5}), a_stream("gate", {})
        made = plan(a_desired(after), a_live({"gate": before.options}), a_memory(before))
        assert [(f.option, f.before, f.after) for f in made.changes[0].fields] == [("maxReaders", 5, 0)]

    def test_is_put_back_when_a_foreign_hand_edited_any_of_its_fields(self) -> None:
        stream = a_stream("gate", {"record": True})
        made = plan(a_desired(stream), a_live({"gate": {"record": True, "maxReaders": 9}}), a_memory(stream))
        assert [(c.action, c.cause) for c in made.changes] == [(Action.UPDATE, Cause.DRIFT)]
        assert made.drifted == {"gate"}

    def test_deleted_by_a_foreign_hand_is_drift_but_lost_with_the_server_is_not(self) -> None:
        stream = a_stream("gate")
        memory = a_memory(stream)
        assert plan(a_desired(stream), a_live(), memory).drifted == {"gate"}
        restored = plan(a_desired(stream), a_live(), replace(memory, lost=True))
        assert restored.drifted == frozenset()
        assert [change.cause for change in restored.changes] == [Cause.RESTORE]


class TestAStreamThatIsNotWantedAnyMore:
    def test_is_deleted_at_once_when_disabled(self) -> None:
        stream = a_stream("gate", enabled=False)
        made = plan(a_desired(stream, a_stream("other")), a_live({"gate": stream.options}), a_memory(stream))
        assert (Action.DELETE, "gate") in writes(made)

    def test_waits_out_its_grace_when_it_left_the_file(self) -> None:
        gone, stays = a_stream("gone"), a_stream("stays")
        desired, live = a_desired(stays), a_live({s.name: s.options for s in (gone, stays)})
        memory = note_missing(a_memory(gone, stays), desired, NOW)
        held = plan(desired, live, memory, policy=Policy(prune_after=5)).held
        assert [(h.hold, h.change.name, h.until) for h in held] == [(Hold.GRACE, "gone", NOW + 5)]
        assert writes(plan(desired, live, memory, policy=Policy(prune_after=5), now=NOW + 5)) == [
            (Action.DELETE, "gone")
        ]

    def test_that_comes_back_within_its_grace_was_never_gone(self) -> None:
        stream, other = a_stream("gate"), a_stream("other")
        missing = note_missing(a_memory(stream, other), a_desired(other), NOW)
        back = note_missing(missing, a_desired(stream, other), NOW + 2)
        assert back.missing_since == {}

    def test_is_never_deleted_while_its_entry_in_the_file_is_broken(self) -> None:
        stream = a_stream("gate")
        memory = long_gone(stream)
        made = plan(a_desired(a_stream("other"), set_aside=["gate"]), a_live({"gate": stream.options}), memory)
        assert writes(made) == [(Action.CREATE, "other")]
        assert made.held == ()

    def test_is_forgotten_when_the_server_does_not_have_it_either(self) -> None:
        stream = a_stream("gate")
        assert plan(a_desired(), a_live(), long_gone(stream)).gone == ("gate",)

    def test_is_not_forgotten_before_its_grace_is_over(self) -> None:
        # The write of a daemon that was killed may yet arrive; the path would then be nobody's.
        stream = a_stream("gate")
        memory = note_missing(a_memory(stream), a_desired(), NOW)
        assert plan(a_desired(), a_live(), memory, policy=Policy(prune_after=5)).gone == ()
        assert plan(a_desired(), a_live(), memory, policy=Policy(prune_after=5), now=NOW + 5).gone == ("gate",)

    def test_is_never_deleted_when_it_is_not_ours(self) -> None:
        made = plan(a_desired(), a_live({"theirs": {}, "all_others": {}, "~^x": {"sourceOnDemand": True}}))
        assert (made.changes, made.held) == ((), ())
        assert set(made.foreign) == {"theirs", "all_others", "~^x"}


class TestDeletingEverything:
    def test_is_held_however_long_the_streams_are_gone(self) -> None:
        streams = [a_stream(name) for name in "abc"]
        made = plan(a_desired(), a_live({s.name: s.options for s in streams}), long_gone(*streams))
        assert writes(made) == []
        assert [held.hold for held in made.held] == [Hold.GUARD] * 3

    def test_is_held_for_a_single_camera_too(self) -> None:
        stream = a_stream("only")
        made = plan(a_desired(), a_live({"only": stream.options}), long_gone(stream))
        assert [held.hold for held in made.held] == [Hold.GUARD]

    def test_does_not_hold_back_what_is_created(self) -> None:
        old, new = a_stream("old"), a_stream("new")
        made = plan(a_desired(new), a_live({"old": old.options}), long_gone(old))
        assert writes(made) == [(Action.CREATE, "new")]
        assert [held.hold for held in made.held] == [Hold.GUARD]

    def test_goes_when_every_stream_was_disabled_by_hand(self) -> None:
        streams = [a_stream(name, enabled=False) for name in "abc"]
        made = plan(a_desired(*streams), a_live({s.name: s.options for s in streams}), a_memory(*streams))
        assert writes(made) == [(Action.DELETE, name) for name in "abc"]

    def test_goes_when_the_operator_said_so(self) -> None:
        stream = a_stream("only")
        policy = Policy(allow_delete_all=True)
        made = plan(a_desired(), a_live({"only": stream.options}), long_gone(stream), policy=policy)
        assert writes(made) == [(Action.DELETE, "only")]


class TestHolding:
    def test_a_paused_stream_is_compared_but_not_written(self) -> None:
        made = plan(a_desired(a_stream("gate", paused=True)), a_live())
        assert [held.hold for held in made.held] == [Hold.PAUSED]

    def test_a_failed_stream_waits_its_back_off_and_the_others_go(self) -> None:
        memory = Memory(failures={"bad": Failure(2, NOW + 3, "timeout")})
        made = plan(a_desired(a_stream("bad"), a_stream("good")), a_live(), memory)
        assert writes(made) == [(Action.CREATE, "good")]
        assert [(held.change.name, held.hold, held.until) for held in made.held] == [("bad", Hold.BACK_OFF, NOW + 3)]
        assert writes(plan(a_desired(a_stream("bad")), a_live(), memory, now=NOW + 3)) == [(Action.CREATE, "bad")]

    @pytest.mark.parametrize("change", ["spec", "version", "foreign path"])
    def test_a_rejected_spec_stays_so_until_something_that_may_matter_changes(self, change: str) -> None:
        stream, live = a_stream("gate"), a_live({"theirs": {}})
        memory = Memory(rejections={"gate": Rejection(stream.digest, surroundings(live, ()), "no such thing")})
        made = plan(a_desired(stream), live, memory)
        assert [(held.hold, held.message) for held in made.held] == [(Hold.REJECTED, "no such thing")]
        if change == "spec":
            stream = a_stream("gate", {"source": "rtsp://h/2"})
        live = a_live(
            {} if change == "foreign path" else {"theirs": {}},
            version=Version(1, 19, 3) if change == "version" else live.version,
        )
        assert writes(plan(a_desired(stream), live, memory)) == [(Action.CREATE, "gate")]

    def test_a_quarantined_spec_is_released_by_nothing_but_its_own_change(self) -> None:
        stream = a_stream("gate")
        memory = Memory(rejections={"gate": Rejection(stream.digest, None, "the server died")})
        assert writes(plan(a_desired(stream), a_live(version=Version(1, 19, 3)), memory)) == []

    def test_an_option_too_new_for_the_server_is_that_streams_matter_alone(self) -> None:
        new, plain = a_stream("new", {"source": "rtsp://h/1", "alwaysAvailable": True}), a_stream("plain")
        made = plan(a_desired(new, plain), a_live(version=Version(1, 12, 0)))
        assert writes(made) == [(Action.CREATE, "plain")]
        assert [(held.change.name, held.hold) for held in made.held] == [("new", Hold.REJECTED)]

    def test_what_was_just_written_is_trusted_while_the_server_does_not_show_it(self) -> None:
        stream = a_stream("gate")
        memory = replace(a_memory(stream), written={"gate": Written(stream.digest, NOW - 1)})
        made = plan(a_desired(stream), a_live(), memory, policy=Policy(settle=2))
        assert made.changes == ()
        assert made.settling == frozenset({"gate"})
        assert writes(plan(a_desired(stream), a_live(), memory, policy=Policy(settle=2), now=NOW + 2)) != []

    def test_a_newer_form_is_written_although_the_older_was_just_written(self) -> None:
        old, new = a_stream("gate", {"maxReaders": 1}), a_stream("gate", {"maxReaders": 2})
        memory = replace(a_memory(old), written={"gate": Written(old.digest, NOW)})
        assert writes(plan(a_desired(new), a_live({"gate": old.options}), memory)) == [(Action.UPDATE, "gate")]


class TestOrder:
    def test_is_deletes_then_what_was_just_edited_then_updates_then_creates(self) -> None:
        dead = a_stream("z-dead", enabled=False)
        edited, fresh = a_stream("edited", {"maxReaders": 2}), a_stream("z-fresh")
        live = a_live({"z-dead": dead.options, "edited": {"maxReaders": 1}, "kept": {}})
        desired = a_desired(a_stream("a-new"), edited, fresh, dead, a_stream("kept", {}))
        memory = Memory(inventory=owned(dead, a_stream("edited", {"maxReaders": 1}), a_stream("kept", {})))
        made = plan(desired, live, memory, fresh=frozenset({"z-fresh"}))
        assert writes(made) == [
            (Action.DELETE, "z-dead"),
            (Action.CREATE, "z-fresh"),
            (Action.UPDATE, "edited"),
            (Action.CREATE, "a-new"),
        ]


class TestSecrets:
    def test_never_show_in_a_plan(self) -> None:
        before = a_stream("gate", {"source": "rtsp://u:hunter2secret@h/1", "srtReadPassphrase": "hunter2secret"})
        after = a_stream("gate", {"source": "rtsp://u:hunter3secret@h/1", "srtReadPassphrase": "hunter3secret"})
        made = plan(a_desired(after), a_live({"gate": before.options}), a_memory(before))
        assert len(made.changes[0].fields) == 2
        assert "hunter" not in repr(made)


class TestTheDigest:
    def test_names_the_changes_and_nothing_else(self) -> None:
        one = plan(a_desired(a_stream("a")), a_live())
        same = plan(a_desired(a_stream("a")), a_live({"theirs": {}}), now=NOW + 9)
        other = plan(a_desired(a_stream("a", {"maxReaders": 1})), a_live())
        assert one.digest == same.digest != other.digest
