"""`streams.yaml` and what it includes become a `Desired`, with every problem of all files told at once.

Two kinds of problems. One of a stream sets that stream aside, in its last good form if it ever had one. One of the
files' structure makes the whole load unusable: `Loaded.desired` is None, and the caller keeps what it had.

Not guaranteed: a last good form may need a secret that has gone since; its stream is then set aside like any other.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from reconciler.core.model import Desired, SetAside
from reconciler.spec.document import as_document, streams_of
from reconciler.spec.gather import Gathering, read_file
from reconciler.spec.streams import Compiler

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from reconciler.core.model import Settings, Stream
    from reconciler.core.problem import Problem
    from reconciler.spec.entries import Entry
    from reconciler.spec.secrets import Secrets
    from reconciler.spec.top import Top

__all__ = ["Loaded", "load", "load_document", "read_settings"]

_LAST_GOOD = "last good state"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one load gave. `desired` is None when the files cannot be used as a whole.

    `document`: the whole desired state as one JSON text that can be loaded itself: defaults, profiles and includes
    written out, references unresolved, streams that were set aside in their last good form. `files` and `globs`: what
    was read and where more may appear, for watching. `secrets`: every secret met, for redaction.
    """

    desired: Desired | None
    problems: tuple[Problem, ...]
    document: str = field(repr=False)
    settings: Settings
    files: tuple[str, ...]
    globs: tuple[str, ...]
    secrets: tuple[str, ...] = field(repr=False)
    digest: str


def load(path: Path, *, secrets: Secrets, digest_key: bytes, last_good: str | None = None) -> Loaded:
    """Read `path` and what it includes. Never raises for what the files hold, nor for their absence.

    `last_good` is an earlier `Loaded.document`: where streams that cannot be used now are taken from.
    """
    with _collector_paused():
        gathered = Gathering(str(path), secrets, read_file)
        return _Load(gathered, secrets, digest_key, last_good).run()


def load_document(document: str, *, secrets: Secrets, digest_key: bytes) -> Loaded:
    """Read an earlier `Loaded.document`. Its problems are those of secrets that have gone since."""
    with _collector_paused():
        gathered = Gathering(_LAST_GOOD, secrets, lambda _: document.encode(errors="surrogatepass"))
        return _Load(gathered, secrets, digest_key, None).run()


def read_settings(path: Path, *, secrets: Secrets) -> tuple[Settings, bool]:
    """Return the daemon's own settings, and whether the files can be used as a whole; no stream is looked into.

    What must be known before a state directory can be opened: where it is.
    """
    with _collector_paused():
        gathered = Gathering(str(path), secrets, read_file)
        return gathered.top.settings, not gathered.report.broken


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the garbage collector from walking, over and over, a growing heap in which nothing is garbage.

    It is the process's own: the loop's garbage waits the second that a load of 10,000 streams takes.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Load:
    """One load: what was gathered, made into streams."""

    def __init__(self, gathered: Gathering, secrets: Secrets, digest_key: bytes, last_good: str | None) -> None:
        self.gathered, self.secrets = gathered, secrets
        self.digest_key, self.last_good = digest_key, last_good
        self.report, self.resolver, self.written = gathered.report, gathered.resolver, gathered.written

    def run(self) -> Loaded:
        gathered = self.gathered
        desired, document = self._compile(gathered.top)
        return Loaded(
            desired=None if self.report.broken else desired,
            problems=self.report.problems(gathered.files),
            document="" if self.report.broken else document,
            settings=gathered.top.settings,
            files=(*gathered.files, *self.resolver.files),
            globs=tuple(gathered.globs),
            secrets=tuple(self.resolver.found),
            digest=gathered.hash.hexdigest(),
        )

    def _compile(self, top: Top) -> tuple[Desired, str]:
        compiler = Compiler(self.report, self.resolver, tuple(top.servers), top.health, self.digest_key)
        refused = {problem.stream for problem in self.report.problems(()) if problem.stream is not None}
        streams: dict[str, Stream] = {}
        aside: dict[str, SetAside] = {}
        for name, written in self.written.items():
            server, stream = compiler.compile(name, written.entry, written.at)
            if stream is None or name in refused:
                aside[name] = SetAside(name, server, ())
            else:
                streams[name] = stream
        self._part_cameras(streams, aside)
        if aside:
            self._explain(aside)
        document = {name: _plain(self.written[name].entry) for name in streams}
        document |= self._carry_over(streams, aside)
        desired = Desired(
            servers=top.servers,
            streams=streams,
            set_aside=aside,
            settings=top.settings,
            digest=self.gathered.hash.hexdigest(),
        )
        return desired, as_document({**top.document, "streams": document})

    def _part_cameras(self, streams: dict[str, Stream], aside: dict[str, SetAside]) -> None:
        """Set aside the later of two active streams of one camera."""
        first: dict[str, str] = {}
        for name, stream in list(streams.items()):
            if stream.camera_id is None or not stream.enabled:
                continue
            other = first.setdefault(stream.camera_id, name)
            if other != name:
                place = self.written[name].entry["camera_id"].value_at
                there = f"{self.written[other].at[0]}:{self.written[other].at[1][0]}"
                message = f"stream {other!r} ({there}) is active for the same camera: disable one of the two"
                self.report.stream(name, place, f"streams.{name}.camera_id", message)
                del streams[name]
                aside[name] = SetAside(name, stream.server, ())

    def _explain(self, aside: dict[str, SetAside]) -> None:
        """Give each stream that is set aside its problems."""
        by_name: dict[str, list[Problem]] = {name: [] for name in aside}
        for problem in self.report.problems(self.gathered.files):
            if problem.stream in by_name:
                by_name[problem.stream].append(problem)
        for name, problems in by_name.items():
            aside[name] = replace(aside[name], problems=tuple(problems))

    def _carry_over(self, streams: dict[str, Stream], aside: Mapping[str, SetAside]) -> dict[str, Any]:
        """Take what is set aside in its last good form, where there is one; returns how that was written."""
        if not aside or self.last_good is None:
            return {}
        before = load_document(self.last_good, secrets=self.secrets, digest_key=self.digest_key)
        kept = streams_of(self.last_good)
        for secret in before.secrets:
            self.resolver.learn(secret)
        carried = {}
        for name, set_aside in aside.items():
            if name in kept:
                carried[name] = kept[name]
            if before.desired is not None and name in before.desired.streams:
                last = before.desired.streams[name]
                if last.server in {set_aside.server, ""} or not set_aside.server:
                    position = set_aside.problems[0].position if set_aside.problems else last.position
                    streams[name] = replace(last, problems=set_aside.problems, position=position)
        return carried


def _plain(entry: Entry) -> dict[str, Any]:
    """Return a merged entry as it was written, references unresolved."""
    return {key: found.value for key, found in entry.items() if not key.startswith("x-")}
