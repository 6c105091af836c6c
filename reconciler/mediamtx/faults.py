"""What went wrong between us and a MediaMTX, as one of our own errors, with the likely way out.

Two questions decide the type: was anything sent, and was it answered? A write that was sent and not answered may have
happened, so it is ambiguous; anything that failed before is transient; an answer speaks for itself.

Every text names the address, never a login, and is the same for the same fault, so that a log can tell a new fault
from an old one. Texts that come from the server or a library are redacted first.

Not guaranteed: a hint is the most frequent cause, not a finding.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import httpx

from reconciler.core.options.table import option_table
from reconciler.errors import (
    AmbiguousError,
    CredentialsError,
    NotFoundError,
    ProtocolError,
    RejectedError,
    ServerError,
    TransientError,
)
from reconciler.logs import mask_url
from reconciler.mediamtx.wire import error_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.model import Json, Options
    from reconciler.logs import Redactor

__all__ = ["Attempt", "Endpoint", "is_missing", "not_answered", "not_understood", "refused"]

_LONGEST: Final = 256
"""Characters kept of a text that came from the server."""

_ADDRESSES: Final = frozenset({"source", "sourceRedirect", "fallback"})
_QUOTED_URL: Final = re.compile(r"(?s)(?<=')[A-Za-z][A-Za-z0-9+.\-]*://.*(?=')")
"""The text may be about another path than ours; its URL ends at the last quote, whatever is in it."""

_FIREWALL = "if this runs as a systemd service, its IPAddressDeny= may forbid the address: add it to IPAddressAllow="
_SCHEMES = "is it http:// on one side and https:// on the other (apiEncryption in MediaMTX, url here)?"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One server's API as it may be shown: `address` is scheme, host and port."""

    server: str
    address: str
    host: str
    has_login: bool

    @property
    def is_this_machine(self) -> bool:
        """Whether the address can only be of the machine we run on."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request. `patience`: seconds to wait for its answer; `sent`: options which the server may repeat to us."""

    endpoint: Endpoint
    method: str
    target: str
    patience: float
    sent: Options = field(default_factory=dict, repr=False)

    @property
    def is_write(self) -> bool:
        """Whether it may change something."""
        return self.method != "GET"

    @property
    def what(self) -> str:
        """Method and path, as one would try it by hand."""
        return f"{self.method} {self.target.partition('?')[0]}"

    def lost(self, text: str) -> ServerError:
        """Something was sent, and no usable answer came."""
        kind = AmbiguousError if self.is_write else TransientError
        return kind(self.endpoint.server, f"{self.endpoint.address} {text} ({self.what})")

    def failed(self, text: str) -> TransientError:
        """Nothing was done."""
        return TransientError(self.endpoint.server, f"{self.endpoint.address} {text}")


def not_answered(error: httpx.HTTPError | OSError, attempt: Attempt, redactor: Redactor) -> ServerError:
    """Return our error for a request that ended without an answer. `TimeoutError` is our own patience running out."""
    match error:
        case httpx.ConnectTimeout():
            hint = "is the host up?" if attempt.endpoint.is_this_machine else f"is the host up? Or {_FIREWALL}"
            return attempt.failed(f"does not answer at all: {hint}")
        case httpx.ConnectError():
            return attempt.failed(_why_not_connected(error, redactor))
        case httpx.PoolTimeout():
            return attempt.failed("is still busy with our earlier requests")
        case httpx.TimeoutException() | TimeoutError():
            return attempt.lost(
                f"did not answer within {attempt.patience:g} s: its API may be stuck (MediaMTX before 1.20.1 can lock"
                " itself up when its file is reloaded during a write; only a restart of MediaMTX helps then)"
            )
        case httpx.RemoteProtocolError() if "without sending complete" in str(error):
            return _untrusted(attempt, "broke off in the middle of its answer")
        case httpx.RemoteProtocolError() if "without sending" not in str(error):
            return _untrusted(attempt, f"did not answer in HTTP: {_SCHEMES} Or is it another program's port?")
        case httpx.DecodingError():
            return _untrusted(attempt, "sent an answer that cannot be unpacked")
        case _:
            return attempt.lost("dropped the connection: MediaMTX may be restarting")


def refused(response: httpx.Response, attempt: Attempt, redactor: Redactor) -> ServerError:
    """Return our error for an answer that is not a success."""
    server, address = attempt.endpoint.server, attempt.endpoint.address
    status, text = response.status_code, error_text(response.content)
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        return CredentialsError(server, f"{address} refused our login: {_about_logins(attempt.endpoint)}")
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return attempt.lost(f"answered {status}")
    if text is None:
        return _untrusted(attempt, f"answered {status}: {_about_strangers(response)}", answered=True)
    if text == "terminated":
        return attempt.failed("is shutting down")
    shown = _harmless(text, attempt.sent, redactor)
    if status == httpx.codes.BAD_REQUEST and attempt.is_write:
        return RejectedError(server, shown)
    if status == httpx.codes.NOT_FOUND and attempt.is_write:
        return NotFoundError(server, shown)
    return ProtocolError(server, f"{address} answered {status} ({attempt.what}): {shown}")


def is_missing(response: httpx.Response, attempt: Attempt) -> bool:
    """Tell whether the server says that what was asked for is not there.

    To a write it must say so in MediaMTX's own words: a 404 of anything else that listens there says nothing.
    """
    not_found = response.status_code == httpx.codes.NOT_FOUND
    return not_found and (not attempt.is_write or error_text(response.content) is not None)


def not_understood(why: str, attempt: Attempt) -> ServerError:
    """Return our error for an answer that says success and is not what MediaMTX says then."""
    return _untrusted(attempt, f"gave an answer that cannot be used: {why}. Is it MediaMTX?")


def _untrusted(attempt: Attempt, text: str, *, answered: bool = False) -> ServerError:
    if attempt.is_write and not answered:
        return attempt.lost(text)
    return ProtocolError(attempt.endpoint.server, f"{attempt.endpoint.address} {text} ({attempt.what})")


def _why_not_connected(error: httpx.ConnectError, redactor: Redactor) -> str:
    causes = list(_causes(error))
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return "cannot be found: its host name is not known here (url)"
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"showed a certificate that is not trusted here ({cause.verify_message}):"
                " name the authority that signed it (tls.ca_file)"
            )
        if isinstance(cause, ssl.SSLError):
            return f"did not agree on TLS ({cause.reason or 'no reason given'}): {_SCHEMES}"
        if isinstance(cause, ConnectionRefusedError):
            return "refused the connection: is MediaMTX running there, with `api: yes` and this apiAddress?"
        if isinstance(cause, PermissionError):
            return f"may not be reached from here: {_FIREWALL}"
    reasons = [cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror]
    return f"cannot be reached: {redactor.text(reasons[-1] if reasons else 'no reason given')}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk from an exception to what it was made from, the outermost first."""
    yield error
    inner = error.__cause__ or error.__context__
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _causes(member)
    if inner is not None:
        yield from _causes(inner)


def _about_logins(endpoint: Endpoint) -> str:
    if endpoint.has_login:
        return "username and password must be those of a user of MediaMTX (authInternalUsers) with the permission `api`"
    if endpoint.is_this_machine:
        return "MediaMTX asks for one: set username and password"
    return (
        "by itself MediaMTX opens its API to its own machine only (127.0.0.1 and ::1):"
        " add a user with the permission `api` to its authInternalUsers, and set username and password"
    )


def _about_strangers(response: httpx.Response) -> str:
    """Explain an answer that has not the form of MediaMTX's errors."""
    if response.is_redirect:
        return "it redirects elsewhere: set the address it redirects to (url)"
    if b"HTTPS" in response.content[:_LONGEST]:
        return "it wants https:// (url)"
    return "is MediaMTX's API there (`api: yes`), or another program?"


def _harmless(text: str, sent: Options, redactor: Redactor) -> str:
    """Take all secrets out of a text of the server's, which likes to repeat what it was sent; then shorten it."""
    for value in sorted(_secrets(sent), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", _shown(value).replace("\\", r"\\"), text)
    text = _QUOTED_URL.sub(lambda match: mask_url(match[0]), text)
    text = " ".join(redactor.text(text).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _shown(value: str) -> str:
    return mask_url(value) if "://" in value else "***"


def _secrets(options: Options) -> set[str]:
    """Return every text within options that may hold a secret, those not in the table included."""
    table = option_table()
    found: set[str] = set()
    for name, value in options.items():
        if name not in table or table[name].secret:
            # An address without a login is what the user has to see to understand the server's words.
            found.update(text for text in _texts(value) if name not in _ADDRESSES or "@" in text)
    return found - {""}


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
