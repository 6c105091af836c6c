"""Options of one path that exclude or need one another, by version: the second of the server's two checks.

Source: `internal/conf/path.go` of all releases; mediamtx-api 1.5, 8 and 9.

Not guaranteed: two rules rest on what is not known here and are left to the server: that `alwaysAvailableFile` can be
read, and that `recordPath` has %f while the playback server is on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.options.quantities import parse_duration
from reconciler.core.options.sources import Family, check_forward, check_redirect
from reconciler.core.options.version import Version
from reconciler.core.options.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.model import Options

__all__ = ["check_after_source", "check_before_source"]

_LONGEST_SEGMENT_FROM = Version(1, 11, 0)
_STRICT_FROM = Version(1, 12, 0)
_OPTIONAL_FALLBACK_FROM = Version(1, 16, 0)
_ALL_OTHERS_FROM = Version(1, 19, 3)
_FILE_OR_TRACKS_FROM = Version(1, 16, 3)
_PASSPHRASE_BYTES = range(10, 80)
_TIME_WORDS = ("%Y", "%m", "%d", "%H", "%M", "%S")
_DAY = 24 * 3600 * 10**9
_PUBLISHER_HOOKS = "'runOnDemand' and 'runOnUnDemand'"


def _regexp_words(version: Version) -> str:
    return f"a path with a regular expression (or path '{'all_others' if version >= _ALL_OTHERS_FROM else 'all'}')"


def check_before_source(path: Options, source: Family | None, version: Version) -> Iterator[Violation]:
    """Yield what the server looks at before the source itself."""
    if path.get("srtPublishPassphrase") and source is not Family.PUBLISHER:
        text = "'srtPublishPassphase' can only be used when source is 'publisher'"
        yield Violation("srtPublishPassphrase", "can only be used when source is publisher", text)
    if version >= _STRICT_FROM and path.get("sourceRedirect") and source is not Family.REDIRECT:
        text = "'sourceRedirect' is useless when source is not 'redirect'"
        yield Violation("sourceRedirect", "needs `source: redirect`", text)


def check_after_source(path: Options, source: Family | None, version: Version, *, regexp: bool) -> Iterator[Violation]:
    """Yield everything else about a resolved path, in the server's order; less where the source is unknown."""
    if source is Family.PUBLISHER:
        yield from _passphrase(path, "srtPublishPassphrase", "srtPublishPassphrase")
    if source is Family.REDIRECT:
        target = path.get("sourceRedirect")
        if not target:
            yield Violation("sourceRedirect", "`source: redirect` needs it", "source redirect must be filled")
        elif isinstance(target, str):
            yield from check_redirect("sourceRedirect", target, version)
    if source is not None:
        yield from _on_demand(path, source, version, regexp=regexp)
    # The server's text has this typo in every version.
    yield from _passphrase(path, "srtReadPassphrase", "readRTPassphrase")
    forward = path.get("forward")
    if isinstance(forward, list) and forward:
        yield from check_forward(list(forward), version)
    fallback = path.get("fallback")
    if isinstance(fallback, str) and (fallback or version >= _OPTIONAL_FALLBACK_FROM):
        yield from check_redirect("fallback", fallback, version)
    if path.get("alwaysAvailable"):
        yield from _always_available(path, version, regexp=regexp)
    yield from _recording(path, version)
    if source is not None:
        yield from _hooks(path, source, version, regexp=regexp)


def _passphrase(path: Options, option: str, called: str) -> Iterator[Violation]:
    phrase = path.get(option)
    if isinstance(phrase, str) and phrase and len(phrase.encode("utf-8", "replace")) not in _PASSPHRASE_BYTES:
        fault = "must be between 10 and 79 characters"
        yield Violation(option, fault, f"invalid '{called}': {fault}")


def _on_demand(path: Options, source: Family, version: Version, *, regexp: bool) -> Iterator[Violation]:
    if path.get("sourceOnDemand"):
        if source is Family.PUBLISHER:
            text = "'sourceOnDemand' is useless when source is 'publisher'"
            yield Violation("sourceOnDemand", "is useless when source is publisher: remove it, or set it to no", text)
    elif regexp and source not in (Family.PUBLISHER, Family.REDIRECT):
        text = f"{_regexp_words(version)} and a static source must have 'sourceOnDemand' set to true"
        yield Violation("sourceOnDemand", "a name that is a pattern and a source of its own need `yes` here", text)


def _always_available(path: Options, version: Version, *, regexp: bool) -> Iterator[Violation]:
    if regexp:
        text = f"'alwaysAvailable' cannot be used in {_regexp_words(version)}"
        yield Violation("alwaysAvailable", "cannot be used where the name is a pattern", text)
    if path.get("sourceOnDemand"):
        text = "'sourceOnDemand' is not compatible with 'alwaysAvailable'"
        yield Violation("sourceOnDemand", "cannot be used with alwaysAvailable", text)
    if path.get("runOnDemand") or path.get("runOnUnDemand"):
        text = f"{_PUBLISHER_HOOKS} cannot be used with 'alwaysAvailable'"
        option = "runOnDemand" if path.get("runOnDemand") else "runOnUnDemand"
        yield Violation(option, "cannot be used with alwaysAvailable", text)
    tracks = path.get("alwaysAvailableTracks")
    if path.get("alwaysAvailableFile"):
        if tracks and version >= _FILE_OR_TRACKS_FROM:
            text = "'alwaysAvailableFile' and 'alwaysAvailableTracks' cannot be used together"
            yield Violation("alwaysAvailableFile", "cannot be used together with alwaysAvailableTracks", text)
    elif not tracks:
        text = "'alwaysAvailableTracks' must contain at least one track"
        yield Violation("alwaysAvailableTracks", "alwaysAvailable needs a track here, or an alwaysAvailableFile", text)
    if path.get("useAbsoluteTimestamp"):
        text = "'useAbsoluteTimestamp' cannot be used with 'alwaysAvailable'"
        yield Violation("useAbsoluteTimestamp", "cannot be used with alwaysAvailable", text)


def _recording(path: Options, version: Version) -> Iterator[Violation]:
    if version < _LONGEST_SEGMENT_FROM:
        return
    if version >= _STRICT_FROM:
        yield from _record_path(str(path.get("recordPath", "")))
    segment = _nanoseconds(path, "recordSegmentDuration", version)
    delete_after = _nanoseconds(path, "recordDeleteAfter", version)
    if segment > _DAY:
        yield Violation("recordSegmentDuration", "can be one day at most", "maximum segment duration is 1 day")
    if version >= _STRICT_FROM and delete_after != 0 and delete_after < segment:
        text = "'recordDeleteAfter' cannot be lower than 'recordSegmentDuration'"
        message = f"must be 0s (never) or at least recordSegmentDuration, which is {path.get('recordSegmentDuration')}"
        yield Violation("recordDeleteAfter", message, text)


def _record_path(text: str) -> Iterator[Violation]:
    if "%path" not in text:
        yield Violation("recordPath", "must contain %path", "'recordPath' must contain %path")
    if "%s" not in text and not all(word in text for word in _TIME_WORDS):
        fault = f"must contain either %s or {' '.join(_TIME_WORDS)}"
        yield Violation("recordPath", fault, f"'recordPath' {fault}")


def _nanoseconds(path: Options, option: str, version: Version) -> int:
    value = path.get(option)
    try:
        return parse_duration(value, version) if isinstance(value, str) else 0
    except ValueError:
        return 0


def _hooks(path: Options, source: Family, version: Version, *, regexp: bool) -> Iterator[Violation]:
    if path.get("runOnInit") and regexp:
        text = f"{_regexp_words(version)} does not support option 'runOnInit'; use another path"
        yield Violation("runOnInit", "cannot be used where the name is a pattern: use another path", text)
    if (path.get("runOnDemand") or path.get("runOnUnDemand")) and source is not Family.PUBLISHER:
        text = f"{_PUBLISHER_HOOKS} can be used only when source is 'publisher'"
        option = "runOnDemand" if path.get("runOnDemand") else "runOnUnDemand"
        yield Violation(option, "can be used only when source is publisher", text)
