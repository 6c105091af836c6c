"""What a file looks like from outside (its signature) and what is in it (its content digest).

A signature costs one `stat` and is taken often; content is read only when a signature changed. The change time is part
of it because it cannot be set by hand: `cp -p`, `rsync -t` and `touch -d` keep the modification time of a file whose
content they replace.

Not guaranteed: equal signatures do not prove equal content. A file system with coarse timestamps gives one signature to
two writes of one length in one tick; the watcher therefore reads once more, a poll later, after each change.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["MAX_SIZE", "FileSignature", "content_digest", "directories", "replaced_whole", "sign", "take"]

MAX_SIZE = 64 * 2**20
"""Bytes. A larger file is known by its size and time only; the loader refuses it long before."""

_CHUNK = 2**20
_MAGIC = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class FileSignature:
    """One `stat`, links followed. `identity` is (device, inode), None when there is no regular file: see `trouble`.

    `trouble` is the name of the errno (`ENOENT`, `EACCES`, `ELOOP`), `directory` or `special file`. Times are ns.
    """

    identity: tuple[int, int] | None
    size: int = 0
    mtime_ns: int = 0
    ctime_ns: int = 0
    trouble: str = ""


def sign(path: str) -> FileSignature:
    """Return the signature of `path`. Never raises and never opens the file."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError) as error:
        return FileSignature(None, trouble=_trouble(error))
    if not stat.S_ISREG(status.st_mode):
        return FileSignature(None, trouble=_kind(status.st_mode))
    return FileSignature(
        (status.st_dev, status.st_ino), status.st_size, status.st_mtime_ns, status.st_ctime_ns, trouble=""
    )


def take(files: Iterable[str], globs: Iterable[str]) -> dict[str, FileSignature]:
    """Return the signatures of `files` and of whatever `globs` match now, by path."""
    paths = dict.fromkeys(files)
    for pattern in globs:
        paths.update(dict.fromkeys(_matches(pattern)))
    return {path: sign(path) for path in paths}


def _matches(pattern: str) -> list[str]:
    return sorted(glob.glob(pattern))  # noqa: PTH207 - Path.glob takes no absolute pattern


def content_digest(path: str, *, limit: int = MAX_SIZE) -> str:
    """Return the SHA-256 of the file's bytes in hex, or words for what is there instead. Never raises, never blocks.

    A file of more than `limit` bytes is not read. A FIFO or a device in the file's place is not waited for.
    """
    try:
        if not stat.S_ISREG(mode := Path(path).stat().st_mode):
            return _kind(mode)
        # Between the look and this call a FIFO may have taken the file's place: O_NONBLOCK opens it without a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return _kind(status.st_mode)
            digest, size = hashlib.sha256(), 0
            while size <= limit and status.st_size <= limit and (chunk := file.read(_CHUNK)):
                digest.update(chunk)
                size += len(chunk)
            if max(size, status.st_size) > limit:
                return f"too large: {status.st_size} bytes, {status.st_mtime_ns}"
            return digest.hexdigest()
    except (OSError, ValueError) as error:
        return _trouble(error)


def replaced_whole(before: Mapping[str, FileSignature], after: Mapping[str, FileSignature]) -> bool:
    """Tell whether each path that differs got another, non-empty file put in its place in one go (a rename).

    False as soon as one was written in place, emptied, removed, or appeared where nothing was: those can be half done.
    A mere change of owner, mode or links is neither.
    """
    if before.keys() != after.keys():
        return False
    return all(before[path] == now or _replaced(before[path], now) for path, now in after.items())


def _replaced(before: FileSignature, after: FileSignature) -> bool:
    if before.identity is None or after.identity is None:
        return False
    if before.identity == after.identity:
        return (before.size, before.mtime_ns) == (after.size, after.mtime_ns)
    return after.size > 0


def directories(files: Iterable[str], globs: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Return the directories whose entries decide what `files` and `globs` are, with their (device, inode).

    For a file: where its name stands and where its last link leads. For a pattern: the part before the first wildcard.
    Directories that are absent or may not be listed are left out.
    """
    candidates: set[Path] = set()
    for file in files:
        with contextlib.suppress(OSError, ValueError):
            candidates |= {Path(file).parent, Path(os.path.realpath(file)).parent}
    candidates |= {_static_part(pattern) for pattern in globs}
    found: dict[str, tuple[int, int]] = {}
    for directory in sorted(candidates):
        try:
            status = directory.stat()
        except (OSError, ValueError):
            continue
        if stat.S_ISDIR(status.st_mode) and os.access(directory, os.R_OK | os.X_OK):
            found[str(directory)] = (status.st_dev, status.st_ino)
    return found


def _static_part(pattern: str) -> Path:
    head = Path(pattern).parent
    while _MAGIC & set(str(head)):
        head = head.parent
    return head


def _kind(mode: int) -> str:
    return "directory" if stat.S_ISDIR(mode) else "special file"


def _trouble(error: OSError | ValueError) -> str:
    """Name the error without its text: that repeats the path, and differs between languages."""
    if isinstance(error, OSError) and error.errno is not None:
        return errno.errorcode.get(error.errno, str(error.errno))
    return type(error).__name__
