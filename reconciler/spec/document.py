"""The last good state as a text: JSON that is a streams.yaml too, so that one reader serves both.

Not guaranteed: a document that somebody else has changed is not repaired; it is as good as none.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["as_document", "streams_of"]

_NOT_IN_YAML = re.compile("[\\x7f-\\x9f\\u2028\\u2029\\ufeff\\ufffe\\uffff]")


def as_document(state: Mapping[str, Any]) -> str:
    """Return `state` as JSON that is YAML too: the characters which only JSON takes unescaped are escaped."""
    text = json.dumps(state, ensure_ascii=False)
    return _NOT_IN_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def streams_of(document: str) -> Mapping[str, Any]:
    """Return how the streams of an earlier document were written; none when it is not one of ours."""
    try:
        streams = json.loads(document)["streams"]
    except (ValueError, TypeError, KeyError):
        return {}
    return streams if isinstance(streams, dict) else {}
