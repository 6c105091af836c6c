"""A plan as text for a terminal, as JSON for a program, as Markdown for a merge request; all from the same values.

Not guaranteed: only the JSON form is stable; its `version` changes when a key changes its meaning or goes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from reconciler.core.model import Action
from reconciler.daemon.applying import Result
from reconciler.logs import mask_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.core.change import Change, Conflict, FieldChange, Held, Plan
    from reconciler.core.model import Json
    from reconciler.daemon.applying import ChangeResult
    from reconciler.daemon.onepass import Outlook

__all__ = ["Line", "render", "render_result"]

_SIGNS = {Action.CREATE: "+", Action.UPDATE: "~", Action.DELETE: "-"}
_PAST = {Action.CREATE: "created", Action.UPDATE: "updated", Action.DELETE: "deleted"}
_FORMAT_VERSION = 1


class Line(NamedTuple):
    """One printed result."""

    text: str
    failed: bool


def render(outlook: Outlook, form: str, redact: Callable[[str], str] = str) -> str:
    """Return the outlook as `text`, `json` or `markdown`, without a newline at the end; all of it through `redact`."""
    if form == "json":
        # Text by text: in the encoded form, escapes could hide a secret, and a mask could break the JSON.
        return json.dumps(_redacted(_json(outlook), redact), indent=2, ensure_ascii=False)
    lines = _markdown(outlook) if form == "markdown" else _text(outlook)
    return redact("\n".join(lines))


def render_result(result: ChangeResult) -> Line:
    """Return one line on a write that was tried."""
    change = result.change
    if result.result is Result.OK:
        return Line(f"{_SIGNS[change.action]} {_PAST[change.action]} {change.name} ({change.effect})", failed=False)
    return Line(f"! could not {change.action.value} {change.name}: {result.message}", failed=True)


# --- text -------------------------------------------------------------------------------------------------------------


def _text(outlook: Outlook) -> list[str]:
    lines = [str(problem) for problem in outlook.problems]
    several = len(outlook.plans) + len(outlook.errors) > 1
    for name, plan in outlook.plans.items():
        if several:
            lines.append(f"server {name}:")
        lines += _text_of(plan)
    lines += [f"server {error}" for error in outlook.errors.values()]
    lines.append(_summary(outlook))
    return lines


def _text_of(plan: Plan) -> list[str]:
    lines: list[str] = []
    for change in plan.changes:
        sign, action = _SIGNS[change.action], change.action.value
        lines.append(f"{sign} {action} {change.name}  ({change.cause.value}; {change.effect})")
        lines += [f"    {detail}" for detail in _details(change)]
    for held in plan.held:
        change = held.change
        lines.append(f"! held: {change.action.value} {change.name}  ({held.hold.value}: {held.message})")
        lines += [f"    {detail}" for detail in _details(change)]
    return lines


def _details(change: Change) -> list[str]:
    """Say what a change writes: the source of a new path, the options of an update."""
    if change.action is Action.CREATE and (source := _source(change)):
        return [f"source: {_value(source)}"]
    return [_field(field) for field in change.fields]


def _source(change: Change) -> str | None:
    source = change.stream.options.get("source") if change.stream else None
    return mask_url(source) if isinstance(source, str) else None


def _field(field: FieldChange) -> str:
    return f"{field.option}: {_value(field.before)} -> {_value(field.after)}"


def _value(value: Json) -> str:
    return "(unset)" if value is None else json.dumps(value, ensure_ascii=False)


def _summary(outlook: Outlook) -> str:
    counts = _counts(outlook)
    if outlook.errors and not outlook.plans:
        return "nothing is known: no server could be read"
    words = [f"{counts[action.value]} to {action.value}" for action in (Action.CREATE, Action.UPDATE, Action.DELETE)]
    words.append(f"{counts['held']} held")
    if not any((counts["create"], counts["update"], counts["delete"], counts["held"])):
        words = ["nothing to do"]
    if counts["readers_cut"]:
        words.append(_count(counts["readers_cut"], "reader") + " cut off")
    words.append(f"{counts['in_sync']} in sync")
    if counts["foreign"]:
        words.append(f"{counts['foreign']} foreign left alone")
    if counts["problems"]:
        words.append(_count(counts["problems"], "problem") + " in the files")
    if counts["errors"]:
        words.append(_count(counts["errors"], "server") + " not read")
    return ", ".join(words)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _counts(outlook: Outlook) -> dict[str, int]:
    plans = list(outlook.plans.values())
    changes = [change for plan in plans for change in plan.changes]
    return {
        **{action.value: sum(change.action is action for change in changes) for action in Action},
        "restarts": sum(change.restarts for change in changes),
        "readers_cut": sum(change.readers for change in changes if change.restarts),
        "held": sum(len(plan.held) for plan in plans),
        "in_sync": sum(len(plan.in_sync) for plan in plans),
        "foreign": sum(len(plan.foreign) for plan in plans),
        "problems": len(outlook.problems),
        "errors": len(outlook.errors),
    }


# --- JSON -------------------------------------------------------------------------------------------------------------


def _json(outlook: Outlook) -> dict[str, Any]:
    return {
        "version": _FORMAT_VERSION,
        "summary": _counts(outlook),
        "servers": [_json_of(plan) for plan in outlook.plans.values()],
        "errors": [{"server": name, "message": error.message} for name, error in outlook.errors.items()],
        "problems": [problem.data() for problem in outlook.problems],
    }


def _json_of(plan: Plan) -> dict[str, Any]:
    return {
        "server": plan.server,
        "digest": plan.digest,
        "changes": [_json_change(change) for change in plan.changes],
        "held": [{**_json_change(held.change), "hold": held.hold.value, "reason": held.message} for held in plan.held],
        "conflicts": [_json_conflict(conflict) for conflict in plan.conflicts],
        "in_sync": sorted(plan.in_sync),
        "foreign": sorted(plan.foreign),
    }


def _json_change(change: Change) -> dict[str, Any]:
    return {
        "action": change.action.value,
        "stream": change.name,
        "cause": change.cause.value,
        "effect": change.effect,
        "restarts": change.restarts,
        "readers": change.readers,
        "source": _source(change),
        "fields": [_json_field(field) for field in change.fields],
    }


def _json_conflict(conflict: Conflict) -> dict[str, Any]:
    return {"stream": conflict.name, "fields": [_json_field(field) for field in conflict.fields]}


def _json_field(field: FieldChange) -> dict[str, Any]:
    return {"option": field.option, "before": field.before, "after": field.after}


def _redacted(value: Any, redact: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {key: _redacted(item, redact) for key, item in value.items()}
    if isinstance(value, list):
        return [_redacted(item, redact) for item in value]
    return redact(value) if isinstance(value, str) else value


# --- Markdown ---------------------------------------------------------------------------------------------------------


def _markdown(outlook: Outlook) -> list[str]:
    lines = [f"**reconciler plan:** {_summary(outlook)}"]
    if outlook.problems:
        lines += ["", "Problems in the files; the streams concerned are set aside:", ""]
        lines += [f"- `{_cell(str(problem))}`" for problem in outlook.problems]
    if outlook.errors:
        lines += ["", "Servers that could not be read:", ""]
        lines += [f"- {_cell(str(error))}" for error in outlook.errors.values()]
    for plan in outlook.plans.values():
        if plan.changes or plan.held:
            lines += ["", f"Server `{_cell(plan.server)}`, plan `{plan.digest}`:", ""]
            lines += ["| what | stream | why | effect | options |", "|---|---|---|---|---|"]
            lines += [_row(change.action.value, change, change.effect) for change in plan.changes]
            lines += [_held_row(held) for held in plan.held]
    return lines


def _held_row(held: Held) -> str:
    return _row(f"held: {held.change.action.value}", held.change, f"{held.hold.value}: {held.message}")


def _row(what: str, change: Change, effect: str) -> str:
    details = "<br>".join(f"`{_cell(detail)}`" for detail in _details(change))
    return f"| {what} | `{_cell(change.name)}` | {change.cause.value} | {_cell(effect)} | {details} |"


def _cell(text: str) -> str:
    """Keep a text from ending its table cell or its code span."""
    return text.replace("|", "\\|").replace("`", "'").replace("\n", " ")
