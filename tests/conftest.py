"""What holds for all tests."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_sessionstart() -> None:
    # Without this, asking for the loop before the first asynchronous test makes one that nobody closes.
    asyncio.set_event_loop(None)


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Undo what a test that runs a whole command does to the log of this process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    before = {logger.name: (logger.level, logger.propagate) for logger in _loggers()}
    yield
    for handler in root.handlers[:]:
        if handler not in handlers:
            root.removeHandler(handler)
    for handler in handlers:
        if handler not in root.handlers:
            root.addHandler(handler)
    root.setLevel(level)
    for logger in _loggers():
        level, logger.propagate = before.get(logger.name, (logging.NOTSET, True))
        logger.setLevel(level)


def _loggers() -> list[logging.Logger]:
    return [logger for logger in logging.getLogger().manager.loggerDict.values() if isinstance(logger, logging.Logger)]
