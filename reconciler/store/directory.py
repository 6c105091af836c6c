"""The state directory: where it is, that only we can read it, and that only one daemon works in it.

The lock is the kernel's (`flock`): it goes with the process that holds it, however that ends.

Not guaranteed: `flock` on a network file system may not be seen by other hosts; keep the directory on a local disk.
"""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.errors import StateDirectoryBusyError, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DirectoryLock", "prepare", "private_file", "state_directory"]

_LOCK = "lock"


def state_directory(setting: str | None, environ: Mapping[str, str]) -> Path:
    """Return the directory to use: the setting, else systemd's `$STATE_DIRECTORY`, else the user's XDG state folder."""
    if setting:
        return Path(setting).expanduser()
    if systemd := environ.get("STATE_DIRECTORY"):
        return Path(systemd.split(":")[0])
    if (xdg := environ.get("XDG_STATE_HOME")) and Path(xdg).is_absolute():
        return Path(xdg) / "reconciler"
    return Path(environ.get("HOME") or Path.home()) / ".local" / "state" / "reconciler"


def prepare(directory: Path) -> None:
    """Create the directory if it is missing and make it readable by its owner alone.

    Raises:
        StoreError: it cannot be created or is not ours to use.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if directory.stat().st_uid == os.geteuid():
            directory.chmod(0o700)
    except OSError as error:
        raise StoreError(f"{directory}: {error.strerror}: choose another one with daemon.state_dir") from None


def private_file(path: Path) -> None:
    """Create `path` if it is missing, and make it readable by its owner alone, whatever the umask.

    Raises:
        StoreError: it cannot be created.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}: the state directory must be writable (daemon.state_dir)") from None


class DirectoryLock:
    """Held from construction until `release`."""

    def __init__(self, directory: Path) -> None:
        """Take the lock of `directory`.

        Raises:
            StateDirectoryBusyError: another process has it; carries that process's id.
            StoreError: the lock file cannot be used.
        """
        path = directory / _LOCK
        private_file(path)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _read_pid(self._descriptor)
            os.close(self._descriptor)
            if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
                raise StateDirectoryBusyError(str(directory), holder) from None
            raise StoreError(f"{path}: {error.strerror}: cannot be locked") from None
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            self.release()
            raise StoreError(f"{path}: {error.strerror}") from None

    def release(self) -> None:
        """Let the next one in. Harmless when done twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _read_pid(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
    return int(text) if text.isdecimal() else None
