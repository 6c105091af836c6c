"""Asks the running daemon over HTTP, with the standard library alone: a command that only asks must start at once.

Not guaranteed: whoever answers at the address is taken to be the daemon once it answers as one does.
"""

from __future__ import annotations

import json
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from reconciler.errors import DaemonUnreachableError, ReconcilerError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["Address", "ask", "find_address", "parse_address"]

_DEFAULT_HOST, _DEFAULT_PORT = "127.0.0.1", 9810
_TIMEOUT = 10.0
_FIRST_ERROR = 400
_JSON = frozenset({"application/json", "application/problem+json"})
_CONFIG_FILES = ("streams.yaml", "/etc/reconciler/streams.yaml")


class Address(NamedTuple):
    """Where the daemon listens."""

    host: str
    port: int

    def __str__(self) -> str:
        """`127.0.0.1:9810`, `[::1]:9810`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """Read `host`, `host:port`, `[::1]:port`, `:port` or `http://host:port`.

    Raises:
        ValueError: it is none of these.
    """
    text = text.strip()
    try:
        parts = urlsplit(text if "://" in text else f"//{text}", scheme="http")
        host, port = parts.hostname or _DEFAULT_HOST, parts.port
        understood = parts.scheme == "http" and parts.netloc and not parts.path.strip("/") and not parts.username
    except ValueError:
        understood = False
    if not understood:
        raise ValueError(f"{text!r} is not an address: write host:port, such as {_DEFAULT_HOST}:{_DEFAULT_PORT}")
    return Address(host, _DEFAULT_PORT if port is None else port)


def find_address(config: str | Path | None, environ: Mapping[str, str]) -> Address:
    """Find where the daemon listens: `$RECONCILER_ADDRESS`, else `daemon.listen` of the file, else the default.

    `config` is the file given on the command line; without one, the file is looked for where `run` looks.

    Raises:
        SettingsError: `$RECONCILER_ADDRESS` is not an address.
    """
    if given := environ.get("RECONCILER_ADDRESS"):
        try:
            return parse_address(given)
        except ValueError as error:
            raise SettingsError(f"$RECONCILER_ADDRESS: {error}") from error
    named = config or environ.get("RECONCILER_CONFIG")
    for path in [Path(named)] if named else [Path(name) for name in _CONFIG_FILES]:
        try:
            content = path.read_bytes()
        except OSError:
            continue
        return _listen_of(content) or Address(_DEFAULT_HOST, _DEFAULT_PORT)
    return Address(_DEFAULT_HOST, _DEFAULT_PORT)


def _listen_of(content: bytes) -> Address | None:
    """Read `daemon.listen` of a streams.yaml, without reading its thousands of streams."""
    lines = content.decode("utf-8", "replace").splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("daemon:")]
    if not starts:
        return None
    section = [lines[starts[0]]]
    for line in lines[starts[0] + 1 :]:
        if line and not line[0].isspace() and line[0] not in "#}":
            break
        section.append(line)
    if not any("listen" in line for line in section):
        return None
    import yaml  # noqa: PLC0415 - half of the time this command may take to start

    try:
        # Every scalar stays text: 9810 and 127.0.0.1:9810 alike.
        found = yaml.load("\n".join(section), yaml.BaseLoader)["daemon"]["listen"]  # noqa: S506 - makes only text
        return parse_address(found)
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError):
        return None  # `validate` tells what is wrong with it


def ask(address: Address, path: str) -> dict[str, Any]:
    """GET `path` and return the JSON object that is answered.

    Raises:
        DaemonUnreachableError: nobody answers at `address`, or not as the daemon does.
        ReconcilerError: the daemon answers that it cannot; the text is its own.
    """
    connection = HTTPConnection(address.host, address.port, timeout=_TIMEOUT)
    try:
        connection.request("GET", path, headers={"Accept": "application/json"})
        answer = connection.getresponse()
        status, content_type, body = answer.status, answer.headers.get_content_type(), answer.read()
    except (OSError, HTTPException) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise DaemonUnreachableError(
            f"no reconciler answers at {address} ({why}): start it with `reconciler run` or "
            "`systemctl start reconciler`, or say where it listens with --address or $RECONCILER_ADDRESS"
        ) from error
    finally:
        connection.close()
    value = _json(body) if content_type in _JSON else None
    if isinstance(value, dict) and status < _FIRST_ERROR:
        return value
    if isinstance(value, dict) and "detail" in value:
        raise ReconcilerError(str(value["detail"]))
    raise DaemonUnreachableError(
        f"what answers at {address} is not a reconciler: say where it listens with --address or $RECONCILER_ADDRESS"
    )


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
