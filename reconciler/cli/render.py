"""A plan as text for a terminal, as JSON for a program, as Markdown for a merge request; all from the same values.

Not guaranteed: only the JSON form is stable; its `version` changes when a key changes its meaning or goes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from reconciler.core.model import Action

if TYPE_CHECKING:
    from reconciler.core.change import Change, Conflict, FieldChange, Plan
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


def render(outlook: Outlook, form: str) -> str:
    """Return the outlook as `text`, `json` or `markdown`, without a newline at the end."""
    if form == "json":
        return json.dumps(_json(outlook), indent=2)
    lines = _markdown(outlook) if form == "markdown" else _text(outlook)
    return "\n".join(lines)


def render_result(result: ChangeResult) -> Line:
    """Return one line on a write that was tried."""
    change = result.change
    if result.result.value == "ok":
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
        lines.append(
            f"{_SIGNS[change.action]} {change.action.value} {change.name}  ({change.cause.value}; {change.effect})"
        )
        lines += [f"    {_field(field)}" for field in change.fields]
    conflicts = {conflict.name: conflict for conflict in plan.conflicts}
    for held in plan.held:
        change = held.change
        lines.append(f"! held: {change.action.value} {change.name}  ({held.hold.value}: {held.message})")
        fields = conflicts[change.name].fields if change.name in conflicts else change.fields
        lines += [f"    {_field(field)}" for field in fields]
    return lines


def _field(field: FieldChange) -> str:
    return f"{field.option}: {_value(field.before)} -> {_value(field.after)}"


def _value(value: Json) -> str:
    return "(unset)" if value is None else json.dumps(value, ensure_ascii=False)


def _summary(outlook: Outlook) -> str:
    counts = _counts(outlook)
    if not any((counts["create"], counts["update"], counts["delete"], counts["held"])):
        words = f"nothing to do: {counts['in_sync']} in sync"
    else:
        words = (
            f"{counts['create']} to create, {counts['update']} to update, {counts['delete']} to delete, "
            f"{counts['held']} held, {counts['in_sync']} in sync"
        )
    foreign = f", {counts['foreign']} foreign left alone" if counts["foreign"] else ""
    return f"{words}{foreign}"


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
    }


# --- JSON -------------------------------------------------------------------------------------------------------------


def _json(outlook: Outlook) -> dict[str, Any]:
    return {
        "version": _FORMAT_VERSION,
        "summary": _counts(outlook),
        "servers": [_json_of(plan) for plan in outlook.plans.values()],
        "errors": [{"server": name, "message": error.message} for name, error in outlook.errors.items()],
        "problems": [str(problem) for problem in outlook.problems],
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
        "fields": [_json_field(field) for field in change.fields],
    }


def _json_conflict(conflict: Conflict) -> dict[str, Any]:
    return {"stream": conflict.name, "fields": [_json_field(field) for field in conflict.fields]}


def _json_field(field: FieldChange) -> dict[str, Any]:
    return {"option": field.option, "before": field.before, "after": field.after}


# --- Markdown ---------------------------------------------------------------------------------------------------------


def _markdown(outlook: Outlook) -> list[str]:
    lines = [f"**Plan:** {_summary(outlook)}", ""]
    if outlook.problems:
        lines += ["Problems:", "", *(f"- `{_cell(str(problem))}`" for problem in outlook.problems), ""]
    lines += [f"- server {_cell(str(error))}" for error in outlook.errors.values()]
    for plan in outlook.plans.values():
        if not plan.changes and not plan.held:
            continue
        lines += [
            f"### {plan.server} (`{plan.digest}`)",
            "",
            "| | stream | cause | effect | options |",
            "|---|---|---|---|---|",
        ]
        lines += [_row(change.action.value, change, change.effect) for change in plan.changes]
        lines += [_row("held", held.change, f"{held.hold.value}: {held.message}") for held in plan.held]
        lines.append("")
    return lines


def _row(word: str, change: Change, effect: str) -> str:
    fields = "<br>".join(f"`{_cell(_field(field))}`" for field in change.fields)
    return f"| {word} | `{_cell(change.name)}` | {change.cause.value} | {_cell(effect)} | {fields} |"


def _cell(text: str) -> str:
    """Keep a text from ending its table cell or its code span."""
    return text.replace("|", "\\|").replace("`", "'").replace("\n", " ")
