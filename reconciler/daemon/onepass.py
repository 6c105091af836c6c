"""One look, and at most one pass, without a daemon: what `reconciler plan` and `reconciler apply` do.

`plan` reads the state directory beside a running daemon and writes nothing anywhere. `apply` takes the state
directory's lock, so it refuses to work beside a daemon.

Not guaranteed: `apply` does not wait for the grace of removals: whoever runs it has asked for it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reconciler.core.plan import Given, Policy, make_plan
from reconciler.daemon.applying import Applier, ChangeResult, Ending
from reconciler.daemon.clock import SystemClock
from reconciler.daemon.notebook import Notebook
from reconciler.daemon.place import find_place
from reconciler.errors import ConfigError, ServerError
from reconciler.mediamtx.client import Client
from reconciler.spec import SystemSecrets, load
from reconciler.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from reconciler.core.change import Plan
    from reconciler.core.model import Desired, LiveConfig, ServerSpec
    from reconciler.core.problem import Problem
    from reconciler.core.seams import Clock
    from reconciler.logs import Redactor

__all__ = ["Outlook", "apply_once", "make_plans"]

_ROUNDS = 3
"""How often a pass that could not be finished is read and tried again before it counts as failed."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """The plan of each server that could be read, the error of each that could not, and the files' problems."""

    plans: Mapping[str, Plan]
    errors: Mapping[str, ServerError] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


async def make_plans(config: Path, *, environ: Mapping[str, str], redactor: Redactor) -> Outlook:
    """Return what a pass would do now; nothing is written.

    Raises:
        ConfigError: the file cannot be used as a whole.
        StoreError: the state directory cannot be read.
    """
    return await _outlook(config, environ=environ, redactor=redactor, apply=None, policy=Policy())


async def apply_once(
    config: Path,
    *,
    environ: Mapping[str, str],
    redactor: Redactor,
    report: Callable[[ChangeResult], None],
    allow_delete_all: bool = False,
) -> Outlook:
    """Make one pass over every server; `report` is called after each write. Returns what is left to do.

    Raises:
        ConfigError: the file cannot be used as a whole.
        StateDirectoryBusyError: a daemon is at work and does this itself.
    """
    policy = Policy(prune_after=0.0, allow_delete_all=allow_delete_all)
    return await _outlook(config, environ=environ, redactor=redactor, apply=report, policy=policy)


async def _outlook(
    config: Path,
    *,
    environ: Mapping[str, str],
    redactor: Redactor,
    apply: Callable[[ChangeResult], None] | None,
    policy: Policy,
) -> Outlook:
    secrets = SystemSecrets(environ)
    directory = find_place(config, environ=environ, secrets=secrets).directory
    store = Store.peek(directory) if apply is None else Store.open(directory)
    try:
        loaded = load(config, secrets=secrets, digest_key=store.digest_key, last_good=store.last_good())
        redactor.learn(*loaded.secrets)
        if loaded.desired is None:
            raise ConfigError(loaded.problems)
        if apply is not None:
            store.keep_last_good(loaded.document)
        plans: dict[str, Plan] = {}
        errors: dict[str, ServerError] = {}
        for name, spec in loaded.desired.servers.items():
            one = _OnePass(spec, loaded.desired, store, redactor, policy)
            try:
                plans[name] = await one.run(apply)
            except ServerError as error:
                errors[name] = error
        return Outlook(plans, errors, loaded.problems)
    finally:
        store.close()


class _OnePass:
    """One server, once."""

    def __init__(self, spec: ServerSpec, desired: Desired, store: Store, redactor: Redactor, policy: Policy) -> None:
        self._spec, self._desired, self._policy = spec, desired, policy
        self._clock: Clock = SystemClock()
        self._notebook = Notebook(spec.name, store=store, clock=self._clock, draw=random.random)
        self._client = Client(spec, clock=self._clock, redactor=redactor)

    async def run(self, report: Callable[[ChangeResult], None] | None) -> Plan:
        """Return the plan; with `report`, what is left of it after writing."""
        try:
            plan, live = await self._look()
            if report is None:
                return plan
            for _ in range(_ROUNDS):
                applier = Applier(self._client, self._notebook, report)
                ending = await applier.apply(plan, live, interrupted=lambda: False, beat=lambda: None)
                if ending is Ending.DONE:
                    break
                plan, live = await self._look()
            plan, _ = await self._look()
            return plan
        finally:
            await self._client.aclose()

    async def _look(self) -> tuple[Plan, LiveConfig]:
        observation = await self._client.observe()
        live = await self._client.read_config(observation.facts)
        plan = make_plan(
            Given(
                server=self._spec.name,
                desired=self._desired,
                live=live,
                runtime=observation.runtime,
                memory=self._notebook.memory(self._desired),
                policy=self._policy,
                now=self._clock.monotonic(),
            )
        )
        return plan, live
