"""Where a file's state directory is: what must be known before a daemon, a plan or an apply can begin.

Not guaranteed: a file that cannot be used says nothing; then the place that was noted at an earlier start is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.spec import read_settings
from reconciler.store import find_state_directory

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from reconciler.core.model import Settings
    from reconciler.spec import Secrets

__all__ = ["Place", "find_place"]


@dataclass(frozen=True, slots=True)
class Place:
    """`directory` holds the state; `settings` are the file's, as far as it can be read; `usable`: as a whole."""

    directory: Path
    settings: Settings
    usable: bool


def find_place(config: Path, *, environ: Mapping[str, str], secrets: Secrets) -> Place:
    """Look into `config` for it; nothing is created."""
    settings, usable = read_settings(config, secrets=secrets)
    return Place(find_state_directory(config, settings.state_dir, environ, readable=usable), settings, usable)
