"""The state directory: where it is, that only we can read it, and that only one daemon works in it.

The lock is the kernel's (`flock`): it goes with the process that holds it, however that ends.

Not guaranteed: `flock` on a network file system may not be seen by other hosts; keep the directory on a local disk.
"""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.errors import StateDirectoryBusyError, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DATABASE", "DirectoryLock", "prepare", "private_file", "state_directory"]

DATABASE = "state.db"
_LOCK = "lock"
_OWNER_ONLY = 0o600
_OUR_FILES = {DATABASE, _LOCK, "elsewhere.json", "elsewhere.json.new"}


def state_directory(setting: str | None, environ: Mapping[str, str]) -> Path:
    """Return the directory to use: the setting, else systemd's `$STATE_DIRECTORY`, else the user's XDG state folder.

    Raises:
        StoreError: it is to be below a home directory that cannot be found.
    """
    if setting:
        try:
            return Path(setting).expanduser()
        except RuntimeError:
            raise StoreError(f"{setting}: there is no such home directory: write daemon.state_dir in full") from None
    if systemd := environ.get("STATE_DIRECTORY"):
        return Path(systemd.split(":")[0])
    if (xdg := environ.get("XDG_STATE_HOME")) and Path(xdg).is_absolute():
        return Path(xdg) / "reconciler"
    try:
        home = Path(environ.get("HOME") or Path.home())
    except RuntimeError:
        raise StoreError("this user has no home directory: choose a place with daemon.state_dir") from None
    return home / ".local" / "state" / "reconciler"


def prepare(directory: Path) -> None:
    """Create the directory if it is missing, and make it readable by its owner alone.

    Raises:
        StoreError: it cannot be created, or others can read it and it holds what is not ours.
    """
    try:
        try:
            directory.mkdir(mode=0o700, parents=True)
            directory.chmod(0o700)
        except FileExistsError:
            status = directory.stat()
            if not stat.S_ISDIR(status.st_mode):
                raise
            if stat.S_IMODE(status.st_mode) & 0o077 and status.st_uid == os.geteuid():
                _close_to_others(directory)
    except OSError as error:
        raise StoreError(f"{directory}: {error.strerror}: choose another one with daemon.state_dir") from None


def _close_to_others(directory: Path) -> None:
    names = {path.name for path in directory.iterdir()}
    # Taking /tmp or a project's folder away from everybody else would be a bad surprise.
    if strangers := sorted(
        name for name in names - _OUR_FILES if not name.startswith((f"{DATABASE}-", f"{DATABASE}."))
    ):
        others = ", ".join(strangers[:3])
        raise StoreError(f"{directory} holds other things ({others}): choose a directory of its own (daemon.state_dir)")
    directory.chmod(0o700)


def private_file(path: Path) -> None:
    """Create `path` if it is missing, and make it readable by its owner alone, whatever the umask.

    Raises:
        StoreError: it cannot be created, or is no plain file.
    """
    os.close(_open_private(path))


def _open_private(path: Path) -> int:
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise StoreError(f"{path}: is no plain file: remove it, or choose another directory (daemon.state_dir)")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _OWNER_ONLY)
        try:
            os.fchmod(descriptor, _OWNER_ONLY)
            if os.geteuid() == 0:
                # A command run by root must not shut out the user whose directory this is.
                owner = path.parent.stat()
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
        except OSError:
            os.close(descriptor)
            raise
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}: the state directory must be writable (daemon.state_dir)") from None
    return descriptor


class DirectoryLock:
    """Held from construction until `release`."""

    def __init__(self, directory: Path) -> None:
        """Take the lock of `directory`.

        Raises:
            StateDirectoryBusyError: another process has it; carries that process's id.
            StoreError: the lock file cannot be used.
        """
        path = directory / _LOCK
        self._descriptor = _open_private(path)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError:
            holder = _read_pid(self._descriptor)
            self.release()
            raise StateDirectoryBusyError(str(directory), holder) from None
        except OSError as error:
            self.release()
            raise StoreError(f"{path}: {error.strerror}: cannot be locked; choose another daemon.state_dir") from None

    def release(self) -> None:
        """Let the next one in. Harmless when done twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _read_pid(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else None
