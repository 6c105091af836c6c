"""What holds for all tests."""

from __future__ import annotations

import asyncio


def pytest_sessionstart() -> None:
    # Without this, asking for the loop before the first asynchronous test makes one that nobody closes.
    asyncio.set_event_loop(None)
