"""What holds of plans, whatever is desired, live and remembered."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.memory import Memory
from reconciler.core.model import Action, Hold, LiveConfig
from reconciler.core.options.effective import built_in_defaults, effective
from reconciler.core.options.version import NEWEST, Version
from reconciler.core.plan import Given, Policy, make_plan
from tests.support.build import SERVER, a_desired, a_stream, owned
from tests.support.world import SILENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.core.change import Plan
    from reconciler.core.model import Desired, Options, Stream

NAMES = ["a", "b", "c", "d", "e"]
VERSIONS = [Version(1, 9, 3), Version(1, 12, 0), Version(1, 17, 1), Version(1, 20, 0), NEWEST]
NOW = 10_000.0

names = st.sampled_from(NAMES)
versions = st.sampled_from(VERSIONS)
forms = st.fixed_dictionaries(
    {"source": st.sampled_from([f"{SILENT}/one", f"{SILENT}/two", "publisher"])},
    optional={
        "maxReaders": st.integers(0, 2),
        "record": st.booleans(),
        "recordDeleteAfter": st.sampled_from(["0s", "168h", "7d", "1h30m"]),
        "runOnReady": st.sampled_from(["", "true"]),
    },
)


streams = st.builds(
    a_stream, names, forms, enabled=st.booleans(), adopt=st.booleans(), paused=st.sampled_from([False, False, True])
)
desires = st.builds(
    lambda wanted, aside: a_desired(*wanted, set_aside=aside),
    st.lists(streams, unique_by=lambda stream: stream.name, max_size=5),
    st.sets(names, max_size=2),
)
lives = st.dictionaries(st.sampled_from([*NAMES, "theirs", "all_others"]), forms, max_size=7)


def live_config(paths: Mapping[str, Options], version: Version) -> LiveConfig:
    defaults = {name: value for name, value in built_in_defaults(version).items() if name != "name"}
    return LiveConfig(version, defaults, {name: effective(form, defaults, version) for name, form in paths.items()})


def plan_of(desired: Desired, live: LiveConfig, memory: Memory) -> Plan:
    gone_for_long = {name: 0.0 for name in memory.inventory if name not in desired.streams}
    memory = replace(memory, missing_since=gone_for_long)
    return make_plan(Given(SERVER, desired, live, {}, memory, Policy(), NOW))


def applied(plan: Plan, live: LiveConfig, memory: Memory) -> tuple[LiveConfig, Memory]:
    """What a server that takes everything, and a daemon that notes it, are left with."""
    paths, inventory = dict(live.paths), dict(memory.inventory)
    for stream in plan.adopted:
        inventory |= owned(stream)
    for name in plan.gone:
        inventory.pop(name)
    for change in plan.changes:
        if change.stream is None:
            del paths[change.name]
        else:
            paths[change.name] = effective(change.stream.options, live.defaults, live.version)
            inventory |= owned(change.stream)
    return replace(live, paths=paths), replace(memory, inventory=inventory)


class TestAPlan:
    @given(desires, lives, st.lists(st.builds(a_stream, names, forms), max_size=5), versions)
    @settings(max_examples=300, deadline=None)
    def test_applied_leaves_nothing_to_do_and_touches_nothing_of_others(
        self, desired: Desired, paths: dict[str, Any], inventory: list[Stream], version: Version
    ) -> None:
        live, memory = live_config(paths, version), Memory(inventory=owned(*inventory))
        first = plan_of(desired, live, memory)
        after, remembered = applied(first, live, memory)

        for name, form in live.paths.items():
            asked = desired.streams.get(name)
            ours = name in memory.inventory
            if not ours and (asked is None or not asked.enabled or not asked.adopt):
                assert after.paths.get(name) == form
            if asked is not None and asked.enabled:
                assert name in after.paths
            if name in desired.set_aside and asked is None:
                assert after.paths[name] == form

        held = {h.change.name for h in first.held}
        for stream in desired.streams.values():
            if stream.enabled and stream.name not in held:
                assert after.paths[stream.name] == effective(stream.options, live.defaults, version)

        second = plan_of(desired, after, remembered)
        # What was held because it was everything may go once something else is there; then it is over.
        late = [change for change in second.changes if change.name in held and change.action is Action.DELETE]
        assert list(second.changes) == late
        assert all(h.hold is Hold.GUARD for h in first.held if h.change.name in {change.name for change in late})
        last, remembered = applied(second, after, remembered)
        assert plan_of(desired, last, remembered).changes == ()

    @given(desires, lives, st.lists(st.builds(a_stream, names, forms), max_size=5))
    @settings(max_examples=100, deadline=None)
    def test_is_the_same_for_the_same_facts(
        self, desired: Desired, paths: dict[str, Any], inventory: list[Stream]
    ) -> None:
        live, memory = live_config(paths, NEWEST), Memory(inventory=owned(*inventory))
        assert plan_of(desired, live, memory) == plan_of(desired, live, memory)
