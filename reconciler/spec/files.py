"""Reads the files that a load needs: streams files and `${file:}`, `${cred:}` secrets.

Only regular files are read: a FIFO or a device in a file's place must not make the daemon wait for ever.

Not guaranteed: a file that is being written may be read half; the watcher sees the rest and the load is repeated.
"""

from __future__ import annotations

import os
import stat

__all__ = ["UnreadableError", "read_regular_file"]


class UnreadableError(Exception):
    """A file cannot be read; the text is a clause that says why. `absent`: there is nothing of that name."""

    def __init__(self, message: str, *, absent: bool = False) -> None:
        super().__init__(message)
        self.absent = absent


def read_regular_file(path: str, limit: int) -> bytes:
    """Return the first `limit` bytes of a file. UnreadableError when it cannot be had."""
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UnreadableError("is not a regular file")
            return file.read(limit)
    except FileNotFoundError:
        raise UnreadableError("does not exist", absent=True) from None
    except IsADirectoryError:
        raise UnreadableError("is a directory: name the file in it") from None
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror}") from None
    except ValueError:  # Python refuses the name itself, for a NUL in it
        raise UnreadableError("is not the name of a file") from None


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
