from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.mediamtx import RealServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RealServer]:
    """A real MediaMTX without any path."""
    with RealServer.start(tmp_path) as running:
        yield running
