"""The sections of the file that are not streams, as pydantic models: server, daemon, guard, health.

pydantic stays inside this module: what leaves it are frozen facts of `core.model` and problems with their place.

Not guaranteed: pydantic's own texts and inputs never leave it either; they repeat what was written, passwords included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from reconciler.spec.quantities import address, seconds, share, yes_or_no
from reconciler.spec.report import did_you_mean
from reconciler.spec.yaml_reader import YamlList, YamlMap

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.spec.yaml_reader import Mark

__all__ = ["DaemonSection", "GuardSection", "HealthSection", "ServerSection", "read_section"]


def _at_least(low: float) -> Callable[[float], float]:
    def check(value: float) -> float:
        if value < low:
            raise ValueError(f"must be at least {low:g}s")
        return value

    return check


def _duration(low: float = 0.0) -> Any:
    return Annotated[float, BeforeValidator(lambda value: _at_least(low)(seconds(value)))]


_Switch = Annotated[bool, BeforeValidator(yes_or_no)]
_Text = Annotated[str, Field(min_length=1)]
Section = TypeVar("Section", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class TlsSection(_Strict):
    """`server.tls`."""

    verify: _Switch = True
    ca_file: _Text | None = None
    cert_file: _Text | None = None
    key_file: _Text | None = None


class PublicSection(_Strict):
    """`server.public`: the addresses viewers use."""

    webrtc: _Text | None = None
    hls: _Text | None = None
    rtsp: _Text | None = None


class ServerSection(_Strict):
    """`server`, or one of `servers`."""

    url: _Text = "http://127.0.0.1:9997"
    username: _Text | None = None
    password: _Text | None = None
    public: PublicSection = PublicSection()
    lane: Literal["api"] = "api"
    tls: TlsSection = TlsSection()
    timeout: _duration(1.0) = 10.0  # type: ignore[valid-type] # made once, above


class DaemonSection(_Strict):
    """`daemon`."""

    listen: Annotated[tuple[str, int], BeforeValidator(address)] = ("127.0.0.1", 9810)
    state_dir: _Text | None = None
    resync: _duration(1.0) = 30.0  # type: ignore[valid-type] # made once, above
    observe: _duration(0.2) = 2.0  # type: ignore[valid-type] # made once, above
    prune_after: _duration() = 5.0  # type: ignore[valid-type] # made once, above


class GuardSection(_Strict):
    """`guard`."""

    max_disruptive: Annotated[float, BeforeValidator(share)] = 0.3
    window: _duration(1.0) = 600.0  # type: ignore[valid-type] # made once, above


class HealthSection(_Strict):
    """`health`, of all streams or of one."""

    start_grace: _duration() | None = None  # type: ignore[valid-type] # made once, above
    stall_after: _duration(1.0) | None = None  # type: ignore[valid-type] # made once, above
    on_stall: Literal["report", "restart"] | None = None
    on_auth_failed: Literal["park", "keep"] | None = None


def read_section(
    model: type[Section], value: Any, at: Mark, path: str, complain: Callable[[Mark, str, str], None]
) -> Section | None:
    """Check `value` against `model`; None, with every problem told to `complain`, when it does not fit.

    An absent section (None) reads as an empty one.
    """
    if value is not None and not isinstance(value, YamlMap):
        complain(at, path, "must be a mapping")
        return None
    try:
        return model.model_validate(dict(value or {}))
    except ValidationError as error:
        for detail in error.errors(include_input=False, include_url=False):
            _tell(model, detail, value, at, path, complain)
        return None


def _tell(
    model: type[BaseModel], detail: Any, value: Any, at: Mark, path: str, complain: Callable[[Mark, str, str], None]
) -> None:
    location = [part for part in detail["loc"] if isinstance(part, str | int)]
    mark, container, known = at, value, model
    shown = path
    for part in location:
        if isinstance(container, YamlMap) and isinstance(part, str) and part in container:
            unknown = detail["type"] == "extra_forbidden" and part == location[-1]
            mark = container.keys_at[part] if unknown else container.values_at[part]
            container = container[part]
        elif isinstance(container, YamlList) and isinstance(part, int) and part < len(container):
            mark, container = container.items_at[part], container[part]
        else:
            continue
        shown = f"{shown}.{part}" if shown else str(part)
        if part != location[-1] and part in known.model_fields:
            inner = known.model_fields[part].annotation
            known = inner if isinstance(inner, type) and issubclass(inner, BaseModel) else known
    complain(mark, shown, _message(detail, known, location))


def _message(detail: Any, model: type[BaseModel], location: list[Any]) -> str:
    context = detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            return f"unknown key{did_you_mean(str(location[-1]), model.model_fields)}"
        case "value_error":
            return str(context["error"])
        case "literal_error":
            if location[-1] == "lane":
                return "only `lane: api` is known to this version"
            return f"must be one of {context['expected']}"
        case "string_type" | "string_too_short":
            return "must be text that is not empty: put it in quotes"
        case "model_type" | "dict_type" | "model_attributes_type":
            return "must be a mapping"
        case _:
            return "has a value of the wrong kind"
