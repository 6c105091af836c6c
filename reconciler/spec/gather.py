"""What stands in `streams.yaml` and in what it includes: the sections, and every stream with what it inherits.

Everything about the files' structure is found here: a file that cannot be read, a key that is none, a name that stands
twice. Whether a stream is a possible one is not asked yet.

Not guaranteed: files are read one after another; one that changes meanwhile is seen by the watcher and read again.
"""

from __future__ import annotations

import glob
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.spec.entries import find_keys, merge
from reconciler.spec.files import UnreadableError, read_regular_file
from reconciler.spec.report import Report, did_you_mean
from reconciler.spec.secrets import Resolver
from reconciler.spec.top import TOP_KEYS, Top, read_top
from reconciler.spec.yaml_reader import MAX_BYTES, YamlError, YamlList, YamlMap, read_yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.spec.entries import Entry
    from reconciler.spec.report import Place
    from reconciler.spec.secrets import Secrets

__all__ = ["Gathering", "Written", "read_file"]

_INCLUDED_KEYS = ("version", "streams")
_START = (1, 1)


def read_file(path: str) -> bytes:
    """Return what is in a file.

    Raises:
        UnreadableError: it cannot be read, or is no regular file.
    """
    return read_regular_file(path, MAX_BYTES + 1)


@dataclass(frozen=True, slots=True)
class Written:
    """One stream as it stands in a file, with what it inherits."""

    entry: Entry
    at: Place


class Gathering:
    """All files of one load. `report.broken` says that they cannot be used as a whole."""

    def __init__(self, path: str, secrets: Secrets, read: Callable[[str], bytes]) -> None:
        """Gather at once; `read` gives the content of `path`, included files are read from the disk."""
        self.path = path
        self.resolver = Resolver(secrets)
        self.report = Report(self.resolver.holds)
        self.files: list[str] = []
        self.globs: list[str] = []
        self.written: dict[str, Written] = {}
        self.hash = hashlib.sha256()
        self.top = Top()
        root = self._read(path, read)
        if root is not None:
            self.top = read_top(root, path, self.report, self.resolver)
            self._take_streams(path, root, self.top, required=True)
            self._include(root, self.top)

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
        root = self._read(file, read_file)
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
            self.written[name] = Written({}, at)
            return
        own = find_keys(file, value)
        self.written[name] = Written(merge([top.defaults, *self._profiles(name, own, top), own]), at)

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
