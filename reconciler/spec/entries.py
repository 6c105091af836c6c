"""The keys of a stream before they mean anything: found with their places, and laid over one another.

Not guaranteed: values are those of the file's own mappings, not copies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from reconciler.spec.yaml_reader import YamlMap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reconciler.spec.report import Place

__all__ = ["Entry", "Found", "find_keys", "merge"]


class Found(NamedTuple):
    """One value, where its key and where it itself stand."""

    value: Any
    key_at: Place
    value_at: Place


Entry = dict[str, Found]
"""The keys of one stream after merging."""


def find_keys(file: str, mapping: YamlMap) -> Entry:
    """Return the keys of one written mapping with their places."""
    return {
        key: Found(value, (file, mapping.keys_at[key]), (file, mapping.values_at[key]))
        for key, value in mapping.items()
    }


def merge(layers: Iterable[Entry]) -> Entry:
    """Lay entries over one another; the later wins, `labels` and `health` key by key."""
    merged: Entry = {}
    for layer in layers:
        for key, found in layer.items():
            below = merged.get(key)
            if key in {"labels", "health"} and below and isinstance(below.value, YamlMap):
                merged[key] = _merge_maps(below, found)
            else:
                merged[key] = found
    merged.pop("profile", None)
    return merged


def _merge_maps(below: Found, above: Found) -> Found:
    if not isinstance(above.value, YamlMap):
        return above
    both = YamlMap()
    for found in (below, above):
        both.update(found.value)
        both.keys_at.update(found.value.keys_at)
        both.values_at.update(found.value.values_at)
    return Found(both, above.key_at, above.value_at)
