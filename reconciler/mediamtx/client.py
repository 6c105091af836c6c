"""Talks to the Control API of one MediaMTX: three reads, two writes, every failure as one of our own errors.

Reads ask for everything in one page and take nothing less (mediamtx-api 1.6). Writes are `replace`, which creates or
updates, and `delete`; one at a time, whoever asks, because the server does them one at a time anyway and older
versions lock up otherwise (mediamtx-api 4.5).

Patience: 3 s (or the server's `timeout`, if that is less) to connect; then `timeout` for each pause of the answer, and
1 ms more for each configured path when writing, of which the server needs about 0.07. A request as a whole may take one
and a half times that.

Not guaranteed: a write that returned is accepted, not yet visible (mediamtx-api 0.5). Nothing is tried twice here.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import quote

import httpx

from reconciler.core.model import LiveConfig, Observation, ServerFacts
from reconciler.core.options.table import infer_version
from reconciler.errors import RejectedError, ServerError
from reconciler.mediamtx import wire
from reconciler.mediamtx.connection import connect
from reconciler.mediamtx.faults import Attempt, is_missing, not_answered, not_understood, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reconciler.core.model import Options, RuntimePath, ServerSpec
    from reconciler.core.seams import Clock
    from reconciler.logs import Redactor

__all__ = ["Client"]

_CONNECT: Final = 3.0
_PER_PATH: Final = 0.001
_WHOLE: Final = 1.5
_LARGE: Final = 2_000_000
_EVERYTHING: Final = "?itemsPerPage=2147483647"

T = TypeVar("T")


class Client:
    """One MediaMTX.

    `on_request` is told of every request that ended: which call, "200" or "error", seconds.
    The methods may be called from several tasks of one event loop.
    """

    def __init__(
        self,
        spec: ServerSpec,
        *,
        clock: Clock,
        redactor: Redactor,
        on_request: Callable[[str, str, float], None] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Prepare everything and connect to nothing.

        Raises:
            SettingsError: the address, or a file of the TLS settings, cannot be used.
        """
        self._timeout = spec.timeout
        self._clock, self._redactor, self._on_request = clock, redactor, on_request
        self._http, self._endpoint = connect(spec, transport)
        self._writing = asyncio.Lock()
        self._last_config: tuple[bytes, LiveConfig] | None = None
        self._last_runtime: tuple[bytes, Mapping[str, RuntimePath]] | None = None

    async def observe(self) -> Observation:
        """Read who the server is and what runs on it.

        Raises:
            CredentialsError: our login was refused.
            TransientError: it could not be read; a ProtocolError when what was read cannot be trusted.
        """
        # Before 1.15.2 there is no such call. It is asked for each time all the same: an update of the server between
        # two observations must not stay unnoticed.
        info = await self._get("info", "/v3/info", may_be_missing=True)
        facts = ServerFacts(None, None) if info.missing else info.decoded(wire.decode_facts)
        listed = await self._get("paths_list", f"/v3/paths/list{_EVERYTHING}")
        fingerprint = await _aside(listed.body, lambda: _fingerprint(listed.body))
        if self._last_runtime is None or self._last_runtime[0] != fingerprint:
            runtime = await _aside(listed.body, lambda: listed.decoded(wire.decode_runtime))
            self._last_runtime = fingerprint, runtime
        return Observation(facts=facts, runtime=self._last_runtime[1], at=self._clock.monotonic())

    async def read_config(self, facts: ServerFacts) -> LiveConfig:
        """Read the configuration of all paths; the very same object as last time when the server says the same.

        Raises:
            CredentialsError: our login was refused.
            TransientError: it could not be read; a ProtocolError when what was read cannot be trusted.
        """
        defaults = await self._get("pathdefaults", "/v3/config/pathdefaults/get")
        listed = await self._get("config_list", f"/v3/config/paths/list{_EVERYTHING}")
        version = str(facts.version).encode()
        fingerprint = await _aside(listed.body, lambda: _fingerprint(version, defaults.body, listed.body))
        if self._last_config is not None and self._last_config[0] == fingerprint:
            return self._last_config[1]
        live = await _aside(listed.body, lambda: _live_config(facts, defaults, listed))
        self._last_config = fingerprint, live
        return live

    async def replace(self, name: str, options: Options, *, paths: int) -> None:
        """Create path `name`, or make it exactly `options` over the server's defaults; `paths` are configured now.

        Raises:
            RejectedError: the server, or JSON, has no such value: the same options will be refused again.
            AmbiguousError: it was sent, and whether it was done is unknown.
            TransientError: it was not done, and may work later.
            NotFoundError: the path is missing, and this server (before 1.8.2) creates none here.
            CredentialsError: our login was refused.
        """
        attempt = self._attempt("POST", f"/v3/config/paths/replace/{_quoted(name)}", paths, options)
        try:
            body = wire.encode_options(options)
        except (TypeError, ValueError):
            body = None
        if body is None:
            raise RejectedError(self._endpoint.server, "an option has a value that JSON cannot express (.inf, .nan)")
        await self._write("replace", attempt, body)

    async def delete(self, name: str, *, paths: int) -> None:
        """Delete path `name`; that it is not there is fine. `paths` are configured now.

        Raises:
            RejectedError: what is left would not be a valid configuration.
            AmbiguousError: it was sent, and whether it was done is unknown.
            TransientError: it was not done, and may work later.
            CredentialsError: our login was refused.
        """
        await self._write("delete", self._attempt("DELETE", f"/v3/config/paths/delete/{_quoted(name)}", paths), None)

    async def aclose(self) -> None:
        """Let go of all connections; the client cannot be used afterwards."""
        await self._http.aclose()

    def _attempt(self, method: str, target: str, paths: int = 0, sent: Options | None = None) -> Attempt:
        return Attempt(self._endpoint, method, target, self._timeout + _PER_PATH * paths, sent or {})

    async def _get(self, call: str, target: str, *, may_be_missing: bool = False) -> _Answer:
        return await self._ask(call, self._attempt("GET", target), None, may_be_missing=may_be_missing)

    async def _write(self, call: str, attempt: Attempt, body: bytes | None) -> None:
        async with self._writing:
            answer = await self._ask(call, attempt, body, may_be_missing=call == "delete")
        if not answer.missing and not wire.is_success(answer.body):
            raise not_understood("it is not that of a write that worked", attempt)

    async def _ask(self, call: str, attempt: Attempt, body: bytes | None, *, may_be_missing: bool) -> _Answer:
        started = self._clock.monotonic()
        outcome = await self._try(attempt, body, may_be_missing=may_be_missing)
        if self._on_request is not None:
            code = "error" if isinstance(outcome, ServerError) else "200"
            self._on_request(call, code, self._clock.monotonic() - started)
        # Raised here, where no library's exception is being handled: those hold the request, and with it our login.
        if isinstance(outcome, ServerError):
            raise outcome
        return outcome

    async def _try(self, attempt: Attempt, body: bytes | None, *, may_be_missing: bool) -> _Answer | ServerError:
        try:
            async with asyncio.timeout(attempt.patience * _WHOLE):
                response = await self._http.request(
                    attempt.method,
                    attempt.target,
                    content=body,
                    headers={"Content-Type": "application/json"} if body is not None else None,
                    timeout=httpx.Timeout(attempt.patience, connect=min(_CONNECT, self._timeout)),
                )
        except (httpx.HTTPError, OSError) as error:
            return not_answered(error, attempt, self._redactor)
        except httpx.InvalidURL:
            return RejectedError(self._endpoint.server, "the path's name is too long to be sent")
        if response.is_success:
            return _Answer(response.content, attempt)
        if may_be_missing and is_missing(response, attempt):
            return _Answer(response.content, attempt, missing=True)
        return refused(response, attempt, self._redactor)


@dataclass(frozen=True, slots=True)
class _Answer:
    """The body of an answer that says success, or `missing`, and what was asked."""

    body: bytes
    attempt: Attempt
    missing: bool = False

    def decoded(self, decode: Callable[[bytes], T]) -> T:
        """Return what `decode` makes of the body.

        Raises:
            ProtocolError: it is not what MediaMTX says.
        """
        try:
            return decode(self.body)
        except wire.UnexpectedAnswerError as error:
            why = str(error)
        raise not_understood(why, self.attempt)


def _live_config(facts: ServerFacts, defaults: _Answer, listed: _Answer) -> LiveConfig:
    shown = defaults.decoded(wire.decode_defaults)
    return LiveConfig(
        version=facts.version or infer_version(shown.keys(), shown),
        defaults=shown,
        paths=listed.decoded(lambda body: wire.decode_paths(body, shown)),
    )


async def _aside(body: bytes, work: Callable[[], T]) -> T:
    """Do what takes long with a large body in a thread: ten thousand paths would stop the event loop for 0.3 s."""
    return work() if len(body) < _LARGE else await asyncio.to_thread(work)


def _quoted(name: str) -> str:
    """Return a path name as one segment of a URL; a name of dots alone would otherwise be taken for a directory."""
    return quote(name, safe="") if name.strip(".") else name.replace(".", "%2E")


def _fingerprint(*parts: bytes) -> bytes:
    """Return sixteen bytes that stand for all parts, so that 20 MB need not be kept to tell whether they changed."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.digest()
