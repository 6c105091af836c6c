"""How a server prints back what it was given: the form in which declared and live values are compared.

Source: mediamtx-api 2.2. Durations and sizes are in `quantities` and re-exported here.

Not guaranteed: values a version refuses have no canonical form; `canonical` raises on them where it must parse, and
gives back the rest unchanged (`decoding` and `rules` say what is refused).
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from reconciler.core.options.quantities import format_duration, format_size, parse_duration, parse_size
from reconciler.core.options.table import Kind
from reconciler.core.options.version import Version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.core.model import Json
    from reconciler.core.options.table import OptionSpec

__all__ = [
    "REDACTED",
    "REDACTED_FROM",
    "WRITE_ONLY",
    "canonical",
    "format_duration",
    "format_size",
    "parse_duration",
    "parse_network",
    "parse_size",
    "struct_fields",
]

REDACTED: Final = "<redacted>"
REDACTED_FROM: Final = Version(1, 20, 1)
WRITE_ONLY: Final = frozenset({"publishPass", "readPass"})
"""Options that a server from `REDACTED_FROM` on prints as `REDACTED` when they are not empty."""
_SORTS_NETWORKS_BEFORE: Final = Version(1, 16, 0)
_FORWARD_TOKENS_FROM: Final = Version(1, 20, 1)
_TRACK: Final[Mapping[str, Json]] = {"codec": "", "sampleRate": 0, "channelCount": 0, "muLaw": False}
_FORWARD: Final[Mapping[str, Json]] = {"dest": "", "destFingerprint": "", "whipBearerToken": ""}
_FORWARD_FIRST: Final[Mapping[str, Json]] = {"dest": ""}
_V4_MAPPED_BITS: Final = 96


def struct_fields(kind: Kind, version: Version) -> Mapping[str, Json]:
    """Return the fields of one element of a list of structs, with their zero values."""
    if kind is Kind.TRACKS:
        return _TRACK
    return _FORWARD if version >= _FORWARD_TOKENS_FROM else _FORWARD_FIRST


def canonical(spec: OptionSpec, value: Json, version: Version) -> Json:
    """Return `value` exactly as `version` prints it back; ValueError with the server's text if it cannot be parsed."""
    kind = spec.kind
    if kind is Kind.DURATION and isinstance(value, str):
        return format_duration(parse_duration(value, version), version)
    if kind is Kind.SIZE and isinstance(value, str):
        return format_size(parse_size(value))
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list):
        return _list(kind, value, version)
    if value and spec.name in WRITE_ONLY and version >= REDACTED_FROM:
        return REDACTED
    return value


def _number(value: float) -> Json:
    return int(value) if value.is_integer() else value


def _list(kind: Kind, items: list[Json], version: Version) -> Json:
    if kind in (Kind.TRACKS, Kind.FORWARD):
        fields = struct_fields(kind, version)
        return [_struct(item, fields) for item in items]
    if kind is Kind.LIST_CIDR:
        networks = [parse_network(str(item)) for item in items]
        return list(sorted(networks) if version < _SORTS_NETWORKS_BEFORE else networks)
    return [_number(item) if isinstance(item, float) else item for item in items]


def _struct(item: Json, fields: Mapping[str, Json]) -> Json:
    if not isinstance(item, dict):
        return dict(fields) if item is None else item
    given = {key: value for key, value in item.items() if value is not None}
    return {**fields, **given}


def parse_network(text: str) -> str:
    """Return an address or network as printed: `1.2.3.4/32`, host bits cleared, IPv4 in IPv6 unwrapped.

    ValueError with the server's text for anything else.
    """
    address, slash, bits = text.partition("/")
    # Python also takes zones and netmasks written out, which Go does not.
    plain = "%" not in address and (not slash or (bits.isascii() and bits.isdigit()))
    try:
        network = ipaddress.ip_network(text if plain else "", strict=False)
    except ValueError:
        raise ValueError(f"unable to parse IP/CIDR '{text}'") from None
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= _V4_MAPPED_BITS:
        inner = network.network_address.ipv4_mapped
        if inner is not None:
            return f"{inner}/{network.prefixlen - _V4_MAPPED_BITS}"
    return str(network)
