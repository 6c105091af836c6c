"""Who is let in, and how the others are turned away, by version."""

from __future__ import annotations

import base64
import hashlib

import pytest

from reconciler.core.options.version import NEWEST, Version
from reconciler.mediamtx.simulator import Response, User
from tests.support.simulator import Bench

USERS = [User("admin", "right"), User("viewer", "look", api=False)]
ASKS = 'Basic realm="mediamtx"'


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


def ask(authorization: str | None, version: Version = NEWEST, users: list[User] = USERS) -> Response:
    bench = Bench(version=version, users=users)
    return bench.ask("GET", "/v3/paths/list", headers={"authorization": authorization} if authorization else {})


@pytest.mark.parametrize("authorization", [basic("admin:right"), "Bearer admin:right"])
def test_a_known_user_is_let_in(authorization: str) -> None:
    assert ask(authorization).status == 200


def test_without_users_everybody_is() -> None:
    assert ask(None, users=[]).status == 200


def test_a_password_may_be_kept_as_its_hash() -> None:
    digest = base64.b64encode(hashlib.sha256(b"right").digest()).decode()
    users = [User("admin", f"sha256:{digest}")]
    assert ask(basic("admin:right"), users=users).status == 200
    assert ask(basic(f"admin:sha256:{digest}"), users=users).status == 401


@pytest.mark.parametrize("authorization", [None, "Basic !!!", basic("no colon"), basic(":"), "Digest x"])
def test_who_has_no_login_is_asked_for_one_at_once(authorization: str | None) -> None:
    answer = ask(authorization)
    assert (answer.status, answer.headers["www-authenticate"], answer.delay) == (401, ASKS, 0)


@pytest.mark.parametrize(
    "authorization", [basic("admin:wrong"), basic("nobody:right"), basic("viewer:look"), "Bearer admin:wrong"]
)
@pytest.mark.parametrize(
    ("version", "delay"), [(Version(1, 9, 3), 2.0), (Version(1, 19, 0), 2.0), (Version(1, 19, 1), 1.0)], ids=str
)
def test_a_wrong_login_is_answered_late(authorization: str, version: Version, delay: float) -> None:
    bench = Bench(version=version, users=USERS)
    bench.simulator.chance = lambda: 0.25  # from 1.19.1 on: of up to 4 s
    answer = bench.ask("GET", "/v3/paths/list", headers={"authorization": authorization})
    assert (answer.status, "www-authenticate" in answer.headers, answer.delay) == (401, False, delay)


@pytest.mark.parametrize(
    ("version", "asks"),
    [(Version(1, 15, 1), True), (Version(1, 15, 2), False), (Version(1, 17, 1), False), (Version(1, 18, 0), True)],
    ids=str,
)
def test_a_token_counts_as_a_wrong_login_in_some_versions(version: Version, *, asks: bool) -> None:
    answer = ask("Bearer abc", version)
    assert ("www-authenticate" in answer.headers, answer.delay) == (asks, 0 if asks else 2)


@pytest.mark.parametrize(
    ("version", "body"),
    [
        (Version(1, 15, 4), b""),
        (Version(1, 15, 5), b'{"status":"error","error":"authentication error"}'),
    ],
    ids=str,
)
def test_what_is_said_depends_on_the_version(version: Version, body: bytes) -> None:
    assert ask(None, version).body == body


def test_a_refused_write_changes_nothing() -> None:
    bench = Bench(users=USERS)
    assert bench.replace("gate").status == 401
    assert bench.simulator.configured() == {}
    assert bench.simulator.writes == {}


def test_a_users_password_is_not_in_what_is_printed_of_him() -> None:
    assert "right" not in repr(USERS)
