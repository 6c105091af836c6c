"""The simulator answers as the recorded real servers did, step by step."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.mediamtx.simulator import CrashedError, Response, Simulator, User
from tests.support.build import FakeClock
from tests.support.recordings import VERSIONS, Group, Step, is_gos_text, recording, trimmed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.options.version import Version

LEFT_OUT = {
    "/v3/rtspsessions": "sessions are not simulated",
    "/v3/rtspconns": "sessions are not simulated",
    "/v3/recordings": "recordings are not simulated",
    "/v3/config/global": "config/global is not simulated",
}
"""What the simulator does not do: a client of ours never asks for it."""

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_ZERO = "0001-01-01T00:00:00Z"


def cases() -> Iterator[Any]:
    for version in VERSIONS:
        for group in recording(version).groups:
            if group.name != "poison":
                yield pytest.param(version, group, id=f"{version}-{group.name}")


def is_left_out(step: Step) -> bool:
    return any(step.path.startswith(route) for route in LEFT_OUT)


def a_simulator(version: Version, group: Group) -> Simulator:
    users = [
        User(str(user["user"]), str(user["pass"]), any(p["action"] == "api" for p in user.get("permissions", ())))
        for user in group.users or ()
    ]
    boot = {name: dict(options or {}) for name, options in group.paths.items()}
    return Simulator(clock=FakeClock(), version=version, boot=boot, users=users)


def normalised(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: normalised(item) for key, item in value.items()}
    if isinstance(value, list):
        return [normalised(item) for item in value]
    if isinstance(value, str) and _TIME.fullmatch(value) and value != _ZERO:
        return "<time>"
    return value


def body_of(answer: Response) -> Any:
    if "json" in answer.headers.get("content-type", ""):
        return normalised(json.loads(answer.body))
    return answer.body.decode()


def differences(step: Step, answer: Response) -> list[str]:
    where = f"step {step.number} {step.method} {step.path} {step.raw or ''} ({step.note})"
    if answer.status != step.status:
        return [f"{where}: {answer.status} {answer.body[:200]!r} instead of {step.status} {step.answer.get('body')}"]
    if is_gos_text(step.error):
        return []
    found = []
    kind = answer.headers.get("content-type", "").partition(";")[0] or None
    wanted = (step.answer.get("content_type") or "").partition(";")[0] or None
    if kind != wanted:
        found.append(f"{where}: content type {kind} instead of {wanted}")
    body = trimmed(body_of(answer), step)
    if body != step.answer.get("body"):
        found.append(f"{where}: {body} instead of {step.answer.get('body')}")
    for header, value in (step.answer.get("headers") or {}).items():
        if answer.headers.get(header.lower()) != value:
            found.append(f"{where}: {header}: {answer.headers.get(header.lower())} instead of {value}")
    return found


@pytest.mark.parametrize(("version", "group"), list(cases()))
def test_a_group_is_answered_as_it_was_recorded(version: Version, group: Group) -> None:
    simulator = a_simulator(version, group)
    found: list[str] = []
    for step in group.steps:
        if step.fresh_server:
            simulator = a_simulator(version, group)
        headers = {"content-type": "application/json"} | {k.lower(): v for k, v in (step.headers or {}).items()}
        for number in range(step.repeat):
            path = step.path.replace("{i}", f"{number:03}")
            answer = simulator.handle(step.method, path, headers, (step.raw or "").encode())
            if not is_left_out(step):
                found += differences(step, answer)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_a_server_dies_of_the_values_that_killed_the_real_one(version: Version) -> None:
    group = recording(version).group("poison")
    for step in group.steps:
        simulator = a_simulator(version, group)
        died = False
        try:
            simulator.handle(step.method, step.path, {}, (step.raw or "").encode())
        except CrashedError:
            died = True
        assert died == step.fatal, f"step {step.number} {step.raw}"
