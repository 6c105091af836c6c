"""`streams.yaml` and what it includes become a `Desired`, with every problem of all files told at once.

Two kinds of problems. One of a stream sets that stream aside, in its last good form if it ever had one. One of the
files' structure makes the whole load unusable: `Loaded.desired` is None, and the caller keeps what it had.

Not guaranteed: files are read one after another; one that changes meanwhile is seen by the watcher and loaded again.
"""

from __future__ import annotations

import gc
import glob
import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.core.model import Desired, SetAside, Settings
from reconciler.spec.document import as_document, streams_of
from reconciler.spec.entries import find_keys, merge
from reconciler.spec.files import UnreadableError, read_regular_file
from reconciler.spec.report import Report, did_you_mean
from reconciler.spec.secrets import Resolver
from reconciler.spec.streams import OWN_KEYS, Compiler
from reconciler.spec.top import TOP_KEYS, Top, read_top
from reconciler.spec.yaml_reader import MAX_BYTES, YamlError, YamlList, YamlMap, read_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from reconciler.core.model import Problem, Stream
    from reconciler.spec.entries import Entry
    from reconciler.spec.report import Place
    from reconciler.spec.secrets import Secrets

__all__ = ["Loaded", "load", "load_document"]

_INCLUDED_KEYS = ("version", "streams")
_START = (1, 1)
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
        return _Load(str(path), secrets, digest_key, last_good).run(_read_file)


def load_document(document: str, *, secrets: Secrets, digest_key: bytes) -> Loaded:
    """Read an earlier `Loaded.document`. Its problems are those of secrets that have gone since."""
    with _collector_paused():
        return _Load(_LAST_GOOD, secrets, digest_key, None).run(lambda _: document.encode(errors="surrogatepass"))


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


def _read_file(path: str) -> bytes:
    return read_regular_file(path, MAX_BYTES + 1)


@dataclass(frozen=True, slots=True)
class _Written:
    """One stream as it stands in a file, with what it inherits."""

    entry: Entry
    at: Place


class _Load:
    """One load."""

    def __init__(self, path: str, secrets: Secrets, digest_key: bytes, last_good: str | None) -> None:
        self.path, self.digest_key = path, digest_key
        self.secrets, self.last_good = secrets, last_good
        self.resolver = Resolver(secrets)
        self.report = Report(self.resolver.holds)
        self.files: list[str] = []
        self.globs: list[str] = []
        self.written: dict[str, _Written] = {}
        self.hash = hashlib.sha256()

    def run(self, read: Callable[[str], bytes]) -> Loaded:
        root = self._read(self.path, read)
        top = read_top(root, self.path, self.report, self.resolver) if root is not None else Top()
        if root is not None:
            self._take_streams(self.path, root, top, required=True)
            self._include(root, top)
        desired, document = self._compile(top)
        return Loaded(
            desired=None if self.report.broken else desired,
            problems=self.report.problems(self.files),
            document="" if self.report.broken else document,
            settings=top.settings,
            files=(*self.files, *self.resolver.files),
            globs=tuple(self.globs),
            secrets=tuple(self.resolver.found),
            digest=self.hash.hexdigest(),
        )

    # --- reading --------------------------------------------------------------------------------------------------

    def _read(self, path: str, read: Callable[[str], bytes]) -> YamlMap | None:
        """Return the mapping that is the file; None, with the problem told, when it is not one."""
        self.files.append(path)
        try:
            data = read(path)
            self.hash.update(data)
            root = read_yaml(data)
        except UnreadableError as error:
            way_out = ": create it, or name another one with -c" if error.absent else ""
            self.report.structural((path, _START), "", f"{error}{way_out}")
            return None
        except YamlError as error:
            self.report.structural((path, error.mark), "", error.message)
            return None
        if root is None:
            self.report.structural((path, _START), "", "is empty: write at least `streams: {}` if no camera is wanted")
            return None
        if not isinstance(root, YamlMap):
            self.report.structural((path, _START), "", "must be a mapping with a key `streams:`")
            return None
        return root

    def _include(self, root: YamlMap, top: Top) -> None:
        patterns = root.get("include")
        if patterns is None:
            return
        if isinstance(patterns, str):
            patterns = [patterns]
        if not isinstance(patterns, list) or not all(isinstance(pattern, str) and pattern for pattern in patterns):
            place = (self.path, root.values_at["include"])
            self.report.structural(place, "include", "must be a list of file patterns such as streams.d/*.yaml")
            return
        base = Path(self.path).absolute().parent
        seen = {str(Path(self.path).resolve())}
        for index, pattern in enumerate(patterns):
            full = str(base / pattern)
            self.globs.append(full)
            found = sorted(glob.glob(full))  # noqa: PTH207 - absolute patterns
            at = patterns.items_at[index] if isinstance(patterns, YamlList) else root.values_at["include"]
            if not found and not glob.has_magic(pattern):
                self.report.structural((self.path, at), f"include.{index}", "names a file that does not exist")
            for file in found:
                if (real := str(Path(file).resolve())) not in seen:
                    seen.add(real)
                    self._take_included(file, top)

    def _take_included(self, file: str, top: Top) -> None:
        root = self._read(file, _read_file)
        if root is None:
            return
        for key in root:
            if key not in _INCLUDED_KEYS and not key.startswith("x-"):
                fault = "belongs into the main file" if key in TOP_KEYS else "unknown key"
                message = did_you_mean(key, _INCLUDED_KEYS) or ": an included file holds `streams:` only"
                self.report.structural((file, root.keys_at[key]), key, f"{fault}{message}")
        self._take_streams(file, root, top, required=False)

    def _take_streams(self, file: str, root: YamlMap, top: Top, *, required: bool) -> None:
        streams = root.get("streams")
        if streams is None:
            if required and "streams" not in root:
                message = "there is no key `streams:`; write `streams: {}` if no camera is wanted"
                self.report.structural((file, _START), "streams", message)
            elif required or "streams" in root:
                self.report.structural(
                    (file, root.keys_at["streams"]), "streams", "is empty: write `streams: {}` if no camera is wanted"
                )
            return
        if not isinstance(streams, YamlMap):
            self.report.structural((file, root.values_at["streams"]), "streams", "must be a mapping of name to stream")
            return
        for name, value in streams.items():
            self._take_stream(file, name, value, streams, top)

    def _take_stream(self, file: str, name: str, value: Any, streams: YamlMap, top: Top) -> None:
        at = (file, streams.keys_at[name])
        if (first := self.written.get(name)) is not None:
            where = f"{first.at[0]}:{first.at[1][0]}"
            self.report.structural(at, f"streams.{name}", f"this name stands already in {where}: a name may stand once")
            return
        if "://" in name and not name.startswith("~"):
            # Not even a stream that is set aside may have such a name: it would be shown, with a password in it.
            self.report.structural(at, "streams", "a name cannot be an address: write `name: {source: ADDRESS}`")
            return
        if value is None:
            value = YamlMap()
        if not isinstance(value, YamlMap):
            self.report.stream(name, (file, streams.values_at[name]), f"streams.{name}", "must be a mapping of options")
            self.written[name] = _Written({}, at)
            return
        own = find_keys(file, value)
        self.written[name] = _Written(merge([top.defaults, *self._profiles(name, own, top), own]), at)

    def _profiles(self, name: str, own: Entry, top: Top) -> list[Entry]:
        found = own.get("profile") or top.defaults.get("profile")
        if found is None or found.value is None:
            return []
        names = found.value if isinstance(found.value, list) else [found.value]
        layers = []
        for profile in names:
            if isinstance(profile, str) and profile in top.profiles:
                layers.append(top.profiles[profile])
            else:
                hint = did_you_mean(str(profile), top.profiles)
                path = f"streams.{name}.profile"
                self.report.stream(name, found.value_at, path, f"there is no profile {str(profile)[:64]!r}{hint}")
        return layers

    # --- making ---------------------------------------------------------------------------------------------------

    def _compile(self, top: Top) -> tuple[Desired, str]:
        compiler = Compiler(self.report, self.resolver, tuple(top.servers), top.health, self.digest_key)
        refused = {problem.stream for problem in self.report.problems(()) if problem.stream is not None}
        streams: dict[str, Stream] = {}
        aside: dict[str, SetAside] = {}
        for name, written in self.written.items():
            server, stream, _ = compiler.compile(name, written.entry, written.at)
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
            digest=self.hash.hexdigest(),
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
        for problem in self.report.problems(self.files):
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
    return {key: found.value for key, found in entry.items() if key in OWN_KEYS or not key.startswith("x-")}
