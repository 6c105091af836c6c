"""Waiting for something real: a program's answer, a camera, a file. Never for virtual time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["eventually"]

T = TypeVar("T")


async def eventually(
    look: Callable[[], Awaitable[T]], is_right: Callable[[T], bool], *, within: float = 20.0, every: float = 0.02
) -> T:
    """Look until what is seen is right, and return it; TimeoutError after `within` seconds."""
    async with asyncio.timeout(within):
        while True:
            seen = await look()
            if is_right(seen):
                return seen
            await asyncio.sleep(every)
