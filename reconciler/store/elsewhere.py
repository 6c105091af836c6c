"""Remembers where the state directory of a file is, for the day on which the file cannot be read.

`daemon.state_dir` stands in the very file whose last good state is kept there. A daemon started on a broken file would
look in the wrong place and know of nothing it owns; so the default directory keeps a note of each file's own one.

Not guaranteed: the note is a help, not a promise; where the default directory cannot be written there is none.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.errors import StoreError
from reconciler.store.directory import prepare, private_file, state_directory

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["find_state_directory", "remember_state_directory"]

log = logging.getLogger(__name__)

_NOTE = "elsewhere.json"


def find_state_directory(config: Path, setting: str | None, environ: Mapping[str, str], *, readable: bool) -> Path:
    """Return the state directory of `config`; `setting` is what it says, `readable` whether it could say anything."""
    default = state_directory(setting, environ)
    if setting is None and not readable:
        noted = _read(state_directory(None, environ) / _NOTE).get(str(config.absolute()))
        if noted is not None:
            return Path(noted)
    return default


def remember_state_directory(config: Path, directory: Path, environ: Mapping[str, str]) -> None:
    """Note that `config` has its state in `directory`, when that is not the default."""
    default = state_directory(None, environ)
    notes = _read(default / _NOTE)
    key, value = str(config.absolute()), str(directory.absolute())
    wanted = {other: where for other, where in notes.items() if other != key}
    if value != str(default.absolute()):
        wanted[key] = value
    if wanted == notes:
        return
    try:
        prepare(default)
        new = default / f"{_NOTE}.new"
        private_file(new)
        new.write_text(json.dumps(wanted), encoding="utf-8")
        new.replace(default / _NOTE)
    except (OSError, StoreError) as error:
        log.debug("cannot note where the state directory is", extra={"fields": {"why": str(error)}})


def _read(path: Path) -> dict[str, str]:
    try:
        notes = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in notes.items()} if isinstance(notes, dict) else {}
