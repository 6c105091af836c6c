"""A server whose settings cannot work concerns nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.core.model import ServerSpec, Tls
from reconciler.daemon.unusable import make_client
from reconciler.errors import TransientError
from reconciler.logs import Redactor
from tests.support.build import FakeClock

if TYPE_CHECKING:
    from reconciler.daemon.seams import ServerClient


def client(spec: ServerSpec) -> ServerClient:
    return make_client(spec, clock=FakeClock(), redactor=Redactor(), on_request=lambda *_: None)


async def test_a_missing_certificate_is_said_at_each_look_and_ends_nothing() -> None:
    spec = ServerSpec("nvr", "https://127.0.0.1:1", tls=Tls(ca_file="/nowhere/ca.pem"))
    unusable = client(spec)
    for _ in range(2):
        with pytest.raises(TransientError, match=r"tls\.ca_file: /nowhere/ca\.pem"):
            await unusable.observe()
    await unusable.aclose()


async def test_a_password_in_an_impossible_address_is_not_repeated() -> None:
    unusable = client(ServerSpec("nvr", "ftp://admin:hunter2secret@nowhere"))
    with pytest.raises(TransientError) as caught:
        await unusable.observe()
    assert "hunter2" not in str(caught.value)


async def test_settings_that_can_work_give_a_real_client() -> None:
    usable = client(ServerSpec("nvr", "http://127.0.0.1:1"))
    with pytest.raises(TransientError, match="refused the connection"):
        await usable.observe()
    await usable.aclose()
