"""A client for a server whose settings cannot work: a certificate file that is missing, an address that is none.

The other servers, and the daemon, have nothing to do with that: the server is shown as unreachable with the reason,
and served as soon as its settings are mended in the file.

Not guaranteed: a file that is put in place later is not noticed; the settings must be saved again, or the daemon
started anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reconciler.errors import SettingsError, TransientError
from reconciler.mediamtx.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.core.model import ServerSpec
    from reconciler.core.seams import Clock
    from reconciler.daemon.seams import ServerClient
    from reconciler.logs import Redactor

__all__ = ["make_client"]


def make_client(
    spec: ServerSpec, *, clock: Clock, redactor: Redactor, on_request: Callable[[str, str, float], None]
) -> ServerClient:
    """Return a client of the server, or one that says at each call why there can be none."""
    try:
        return Client(spec, clock=clock, redactor=redactor, on_request=on_request)
    except SettingsError as error:
        return _Unusable(spec.name, redactor.text(str(error)))


class _Unusable:
    """Fails every call."""

    def __init__(self, server: str, message: str) -> None:
        self._server, self._message = server, message

    async def _fail(self, *_: object, **__: object) -> Any:
        raise TransientError(self._server, self._message)

    observe = read_config = replace = delete = _fail

    async def aclose(self) -> None:
        """There is nothing to let go of."""
