"""The JSON Schema of streams.yaml, from which editors complete and check while one types.

Built from the same tables as the loader: the option table, the own keys, the section models.

Not guaranteed: a schema cannot say everything the loader checks (references between parts, rules between options); it
refuses nothing the loader accepts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reconciler.core.options.table import Kind, option_table

if TYPE_CHECKING:
    from reconciler.core.model import Json
    from reconciler.core.options.table import OptionSpec

__all__ = ["json_schema"]

_TEXT: dict[str, Any] = {"type": "string"}
_SWITCH_WORDS = [
    word for base in ("yes", "no", "on", "off", "true", "false") for word in (base, base.title(), base.upper())
]
_NAME: dict[str, Any] = {"type": "string", "minLength": 1}
_SHARE: dict[str, Any] = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?\s*%$"}
_DURATION: dict[str, Any] = {"type": "string", "pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$"}
_MEDIAMTX_DURATION: dict[str, Any] = {"anyOf": [{"type": "string"}, {"const": 0}]}
_REFERENCE = "`${env:NAME}`, `${cred:NAME}` and `${file:/path}` are replaced, `$$` is a dollar."


def json_schema() -> dict[str, Json]:
    """Return the schema (draft 2020-12) of the file."""
    schema: dict[str, Json] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "streams.yaml",
        "description": "The cameras MediaMTX is to have.",
        **_object(
            {
                "version": {"const": 1},
                "server": {"$ref": "#/$defs/server"},
                "servers": {
                    "type": ["object", "null"],
                    "minProperties": 1,
                    "additionalProperties": {"$ref": "#/$defs/server"},
                },
                "defaults": {"anyOf": [{"$ref": "#/$defs/layer"}, {"type": "null"}]},
                "profiles": {
                    "type": ["object", "null"],
                    "additionalProperties": {"anyOf": [{"$ref": "#/$defs/layer"}, {"type": "null"}]},
                },
                "streams": {
                    "type": "object",
                    "additionalProperties": {"anyOf": [{"$ref": "#/$defs/stream"}, {"type": "null"}]},
                },
                "include": {"anyOf": [_NAME, {"type": "array", "items": _NAME}, {"type": "null"}]},
                "daemon": {"$ref": "#/$defs/daemon"},
                "guard": {"$ref": "#/$defs/guard"},
                "health": {"$ref": "#/$defs/health"},
            }
        ),
        "required": ["streams"],
        "$defs": {
            "server": _nullable(_server()),
            "daemon": _nullable(_daemon()),
            "guard": _nullable(
                _strict({"max_disruptive": {"anyOf": [_SHARE, {"type": "number"}]}, "window": _DURATION})
            ),
            "health": _nullable(_health()),
            "layer": _object({**_inherited_keys(), **_options(), "profile": _one_or_many()}),
            "stream": _object({**_inherited_keys(), **_stream_keys(), **_options()}),
        },
    }
    return schema


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "patternProperties": {"^x-": {}},
        "additionalProperties": False,
    }


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "type": ["object", "null"]}


def _one_or_many() -> dict[str, Any]:
    return {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}, {"type": "null"}]}


def _server() -> dict[str, Any]:
    addresses = _strict({key: _nothing_or(_NAME) for key in ("webrtc", "hls", "rtsp")})
    tls = _strict(
        {
            "verify": _switch(),
            "ca_file": _nothing_or(_NAME),
            "cert_file": _nothing_or(_NAME),
            "key_file": _nothing_or(_NAME),
        }
    )
    return _strict(
        {
            "url": {**_NAME, "description": "Where MediaMTX's Control API is.", "default": "http://127.0.0.1:9997"},
            "username": _nothing_or(_NAME),
            "password": {**_nothing_or(_NAME), "description": _REFERENCE},
            "public": addresses,
            "lane": {"const": "api"},
            "tls": tls,
            "timeout": _DURATION,
        }
    )


def _daemon() -> dict[str, Any]:
    return _strict(
        {
            "listen": {**_TEXT, "default": "127.0.0.1:9810"},
            "state_dir": _nothing_or(_NAME),
            "resync": {**_DURATION, "default": "30s"},
            "observe": {**_DURATION, "default": "2s"},
            "prune_after": {**_DURATION, "default": "5s"},
        }
    )


def _health() -> dict[str, Any]:
    return _strict(
        {
            "start_grace": {**_nothing_or(_DURATION), "default": "15s"},
            "stall_after": {**_nothing_or(_DURATION), "default": "10s"},
            "on_stall": {"enum": ["report", "restart", None]},
            "on_auth_failed": {"enum": ["park", "keep", None]},
        }
    )


def _strict(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _inherited_keys() -> dict[str, Any]:
    return {
        "enabled": _nothing_or(_switch()),
        "description": _nothing_or({"type": ["string", "integer"]}),
        "labels": {
            "type": ["object", "null"],
            "additionalProperties": {"type": ["string", "number", "boolean"]},
        },
        "username": _nothing_or(_NAME),
        "password": {**_nothing_or(_NAME), "description": _REFERENCE},
        "schedule": {},
        "health": {"$ref": "#/$defs/health"},
        "expect": {},
        "preflight": {},
        "server": _nothing_or({"type": ["string", "integer"]}),
        "paused": _nothing_or(_switch()),
    }


def _stream_keys() -> dict[str, Any]:
    return {
        "camera_id": _nothing_or({"type": ["string", "integer"]}),
        "profile": _one_or_many(),
        "adopt": _nothing_or(_switch()),
    }


def _options() -> dict[str, Any]:
    return {spec.name: _option(spec) for spec in option_table().values() if spec.name != "name"}


def _option(spec: OptionSpec) -> dict[str, Any]:
    schema = _nothing_or(_kind(spec))
    notes = [f"since MediaMTX {spec.since}"]
    if spec.deprecated_since is not None:
        instead = f": use {spec.replaced_by}" if spec.replaced_by else ""
        notes.append(f"deprecated since {spec.deprecated_since}{instead}")
    return {**schema, "description": "MediaMTX path option, " + ", ".join(notes)}


def _kind(spec: OptionSpec) -> dict[str, Any]:
    match spec.kind:
        case Kind.BOOL:
            return _switch()
        case Kind.INT | Kind.UINT | Kind.FLOAT:
            return {"type": "number"}
        case Kind.ENUM:
            return {"enum": [*spec.enum]}
        case Kind.DURATION:
            return _MEDIAMTX_DURATION
        case Kind.LIST_CIDR | Kind.LIST_FLOAT | Kind.LIST_UINT | Kind.TRACKS | Kind.FORWARD:
            return {"type": "array"}
        case Kind.STRING | Kind.SIZE:
            return _TEXT


def _switch() -> dict[str, Any]:
    return {"enum": [True, False, *_SWITCH_WORDS]}


def _nothing_or(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}
