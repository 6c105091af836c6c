"""The decision: what one pass would do to one server. Pure; the heart of the whole thing.

Compared is the whole path as the server prints it, against what it would print for the desired options
(`options.effective`), so no declared value loops and no foreign edit of an owned path goes unseen.

Not guaranteed: a plan says nothing about paths that are neither wanted nor in the inventory, beyond naming them
foreign; it never contains a change to one of them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reconciler.core.change import Change, Conflict, Held, Plan
from reconciler.core.difference import field_changes
from reconciler.core.model import Action, Cause, Hold
from reconciler.core.options.effective import effective
from reconciler.core.options.rules import check_path
from reconciler.core.options.table import is_hot

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from reconciler.core.change import FieldChange
    from reconciler.core.memory import Memory
    from reconciler.core.model import Desired, LiveConfig, Options, RuntimePath, Stream

__all__ = ["Expectations", "Given", "Policy", "make_plan", "surroundings"]


@dataclass(frozen=True, slots=True)
class Policy:
    """Seconds. `settle`: for so long a 200 is trusted although the server does not show the change yet."""

    prune_after: float = 5.0
    settle: float = 2.0
    allow_delete_all: bool = False


class Expectations:
    """What the server would print for each stream, kept as long as spec, defaults and version stay the same."""

    def __init__(self) -> None:
        self._live_defaults: tuple[object, object] | None = None
        self._by_name: dict[str, tuple[str, Options]] = {}

    def of(self, stream: Stream, live: LiveConfig) -> Options:
        """Return the whole path object expected for `stream`, without `name`."""
        basis = (live.defaults, live.version)
        if self._live_defaults != basis:
            self._live_defaults = basis
            self._by_name.clear()
        known = self._by_name.get(stream.name)
        if known is None or known[0] != stream.digest:
            known = (stream.digest, effective(stream.options, live.defaults, live.version))
            self._by_name[stream.name] = known
        return known[1]

    def confirm(self, stream: Stream, actual: Options) -> None:
        """Keep what the server shows in place of an equal expectation: of ten thousand paths one copy is enough."""
        self._by_name[stream.name] = (stream.digest, actual)


@dataclass(frozen=True, slots=True)
class Given:
    """All that one decision rests on. `now` is monotonic seconds.

    `fresh` names streams edited last: their changes go before the others of a long plan.
    """

    server: str
    desired: Desired
    live: LiveConfig
    runtime: Mapping[str, RuntimePath]
    memory: Memory
    policy: Policy
    now: float
    fresh: Collection[str] = frozenset()
    expectations: Expectations = field(default_factory=Expectations)


def make_plan(given: Given) -> Plan:
    """Return what would make the server equal to the desired state."""
    return _Planner(given).plan()


def surroundings(live: LiveConfig, owned: Collection[str]) -> str:
    """Name everything on the server that is not ours: version, defaults, foreign paths (see `memory.Rejection`)."""
    foreign = {name: live.paths[name] for name in live.paths if name not in owned}
    text = json.dumps([str(live.version), live.defaults, foreign], sort_keys=True, default=dict)
    return hashlib.sha256(text.encode()).hexdigest()


class _Planner:
    """One run of `make_plan`: collects what each stream needs, then orders it."""

    def __init__(self, given: Given) -> None:
        self.given, self.server = given, given.server
        self.desired, self.live, self.memory, self.now = given.desired, given.live, given.memory, given.now
        self.ready: list[Change] = []
        self.held: list[Held] = []
        self.conflicts: list[Conflict] = []
        self.in_sync: set[str] = set()
        self.settling: set[str] = set()
        self.drifted: set[str] = set()
        self.adopted: list[Stream] = []
        self._surroundings: str | None = None
        placed = [name for name, own in self.memory.inventory.items() if own.digest]
        self.lost = self.memory.lost or (len(placed) > 1 and not any(name in self.live.paths for name in placed))

    def plan(self) -> Plan:
        def order(change: Change) -> tuple[bool, bool, bool, bool, str]:
            return _order(change, self.given.fresh, self.memory.failures)

        wanted = {s.name: s for s in self.desired.streams.values() if s.server == self.server and s.enabled}
        for stream in wanted.values():
            self._want(stream)
        gone = tuple(self._remove_unwanted(wanted))
        ours = (wanted.keys() | self.memory.inventory.keys()) - {conflict.name for conflict in self.conflicts}
        return Plan(
            server=self.server,
            changes=tuple(sorted(self.ready, key=order)),
            held=tuple(sorted(self.held, key=lambda held: order(held.change))),
            conflicts=tuple(self.conflicts),
            in_sync=frozenset(self.in_sync),
            adopted=tuple(self.adopted),
            settling=frozenset(self.settling),
            gone=gone,
            foreign=tuple(name for name in self.live.paths if name not in ours),
            drifted=frozenset(self.drifted),
        )

    def _want(self, stream: Stream) -> None:
        """Compare one wanted stream with the server."""
        actual = self.live.paths.get(stream.name)
        owned = self.memory.inventory.get(stream.name)
        if actual is None:
            if self._just_written(stream.name, stream.digest):
                self.settling.add(stream.name)
                return
            self._propose(Change(Action.CREATE, stream.name, self.server, self._cause(stream), stream=stream))
            return
        expected = self.given.expectations.of(stream, self.live)
        if fields := field_changes(actual, expected):
            if self._just_written(stream.name, stream.digest):
                self.settling.add(stream.name)
                return
            change = self._update(stream, fields, self._cause(stream))
            if owned is None and not stream.adopt:
                self.conflicts.append(Conflict(stream.name, fields))
                message = (
                    "a path of this name is there, is not ours, and differs: set `adopt: yes`, or rename the stream"
                )
                self.held.append(Held(change, Hold.CONFLICT, message))
            else:
                self._propose(change)
            return
        self.given.expectations.confirm(stream, actual)
        if self._just_written_otherwise(stream):
            self.settling.add(stream.name)
            return
        self.in_sync.add(stream.name)
        if owned is None or owned.digest != stream.digest:
            self.adopted.append(stream)

    def _update(self, stream: Stream, fields: tuple[FieldChange, ...], cause: Cause) -> Change:
        restarts = not all(is_hot(self.live.version, change.option) for change in fields)
        return Change(
            Action.UPDATE,
            stream.name,
            self.server,
            cause,
            fields=fields,
            restarts=restarts,
            readers=self._readers(stream.name),
            stream=stream,
        )

    def _cause(self, stream: Stream) -> Cause:
        """Say why `stream` needs a write. Our record of the last write tells an edit of the file from a foreign one."""
        owned = self.memory.inventory.get(stream.name)
        if owned is None or owned.digest != stream.digest:
            return Cause.FILE
        return Cause.RESTORE if self.lost and stream.name not in self.live.paths else Cause.DRIFT

    def _propose(self, change: Change) -> None:
        """Let a change go, or hold it with its reason."""
        if change.cause is Cause.DRIFT:
            self.drifted.add(change.name)
        self.held.append(held) if (held := self._hold(change)) else self.ready.append(change)

    def _hold(self, change: Change) -> Held | None:
        stream = change.stream or self.desired.streams.get(change.name)
        if stream is not None and stream.paused:
            return Held(change, Hold.PAUSED, "paused in the file: remove `paused: yes` to let it go")
        if change.stream is not None and (refusal := self._refusal(change.stream)):
            return Held(change, Hold.REJECTED, refusal)
        failure = self.memory.failures.get(change.name)
        if failure is not None and failure.not_before > self.now:
            message = f"failed {failure.attempts} times, last: {failure.message}"
            return Held(change, Hold.BACK_OFF, message, failure.not_before)
        return None

    def _refusal(self, stream: Stream) -> str | None:
        """Say why this server would refuse, or has refused, the stream as it is."""
        rejection = self.memory.rejections.get(stream.name)
        if rejection is not None and rejection.digest == stream.digest:
            if rejection.surroundings is None:
                return rejection.message
            if self._surroundings is None:
                self._surroundings = surroundings(self.live, self.memory.inventory.keys())
            if rejection.surroundings == self._surroundings:
                return rejection.message
        violations = check_path(stream.name, stream.options, self.live.defaults, self.live.version)
        return "; ".join(violation.message for violation in violations) or None

    def _remove_unwanted(self, wanted: Mapping[str, Stream]) -> Iterator[str]:
        """Propose deletes of owned paths nobody wants; yield the names that are gone already."""
        vanished: list[Change] = []
        stopped: list[Change] = []
        for name in sorted(self.memory.inventory.keys() - wanted.keys()):
            stream = self.desired.streams.get(name)
            if stream is None and name in self.desired.set_aside:
                continue
            if name not in self.live.paths:
                # A write of a daemon that was killed may still be on its way: what is not there yet is not gone yet.
                if not self._just_written(name, "") and (stream is not None or self._grace_end(name) <= self.now):
                    yield name
                continue
            if self._just_written(name, ""):
                self.settling.add(name)
                continue
            change = Change(
                Action.DELETE, name, self.server, Cause.FILE, restarts=True, readers=self._readers(name), stream=None
            )
            (vanished if stream is None else stopped).append(change)
        for change in stopped:
            self._propose(change)
        owned_here = (self.memory.inventory.keys() & self.live.paths.keys()) - self.settling
        policy = self.given.policy
        everything = bool(vanished) and len(vanished) + len(stopped) == len(owned_here)
        for change in vanished:
            grace_end = self._grace_end(change.name)
            if grace_end > self.now:
                message = (
                    f"gone from the file; deleted {self.given.policy.prune_after:g} s after that unless it comes back"
                )
                self.held.append(Held(change, Hold.GRACE, message, grace_end))
            elif everything and not policy.allow_delete_all:
                self.held.append(Held(change, Hold.GUARD, _DELETE_ALL.format(count=len(owned_here))))
            else:
                self._propose(change)

    def _grace_end(self, name: str) -> float:
        return self.memory.missing_since.get(name, self.now) + self.given.policy.prune_after

    def _just_written(self, name: str, digest: str) -> bool:
        written = self.memory.written.get(name)
        return written is not None and written.digest == digest and self.now - written.at < self.given.policy.settle

    def _just_written_otherwise(self, stream: Stream) -> bool:
        """Say whether what the server shows may be older than our last write: a delete, or another form."""
        written = self.memory.written.get(stream.name)
        return (
            written is not None and written.digest != stream.digest and self._just_written(stream.name, written.digest)
        )

    def _readers(self, name: str) -> int:
        path = self.given.runtime.get(name)
        return path.readers if path else 0


_DELETE_ALL = (
    "would delete all {count} paths that are ours, so none is deleted: keep one stream in the file, set `enabled: no` "
    "on each, or stop the daemon and run `reconciler apply --allow-delete-all`"
)


def _order(change: Change, fresh: Collection[str], failures: Collection[str]) -> tuple[bool, bool, bool, bool, str]:
    """Put what failed before last: it may hang again. Then deletes first, as they free what others need
    (mediamtx-api 4.6), what was just edited before the rest, and updates before creates.
    """
    deletes, updates = change.action is Action.DELETE, change.action is Action.UPDATE
    return (change.name in failures, not deletes, change.name not in fresh, not updates, change.name)
