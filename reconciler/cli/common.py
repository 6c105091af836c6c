"""What several commands share: finding the file, setting up the log."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.errors import ReconcilerError
from reconciler.logs import configure, is_journal

if TYPE_CHECKING:
    import argparse

__all__ = ["find_config", "set_up_logs"]

_PLACES = ("streams.yaml", "/etc/reconciler/streams.yaml")


def find_config(arguments: argparse.Namespace, *, must_exist: bool = True) -> Path:
    """Return the streams file: -c, else $RECONCILER_CONFIG, else the first of the usual places that is there.

    A named file need not exist. Raises ReconcilerError, naming all places, when none is named and none is there.
    """
    named = arguments.config or os.environ.get("RECONCILER_CONFIG")
    if named:
        return Path(named)
    for place in _PLACES:
        if Path(place).exists():
            return Path(place)
    if not must_exist:
        return Path(_PLACES[0])
    raise ReconcilerError(
        "no streams file is named by -c or $RECONCILER_CONFIG, and neither ./streams.yaml nor "
        "/etc/reconciler/streams.yaml is there: name one with -c FILE"
    )


def set_up_logs(arguments: argparse.Namespace, level: int) -> None:
    """Log to standard error from `level` on, unless --log-level or --debug says otherwise."""
    if arguments.log_level is not None:
        level = logging.getLevelNamesMapping()[arguments.log_level.upper()]
    configure(
        fmt=arguments.log_format,
        level=logging.DEBUG if arguments.debug else level,
        redactor=arguments.redactor,
        stream=sys.stderr,
        journal=is_journal(os.environ, sys.stderr),
    )
