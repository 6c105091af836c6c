"""What the loops ask of the edges, as Protocols: a server to read and write, a place to count, one to write down.

Not guaranteed: the loops know no other property of the edges; whatever has these methods will do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reconciler.core.model import LiveConfig, Observation, Options, Owned, ServerFacts
    from reconciler.store import WantedTimes

__all__ = ["Meter", "Records", "ServerClient", "Writer"]


class Writer(Protocol):
    """The two writes of the api lane; `paths` is how many the server holds (its cost a write grows with it)."""

    async def replace(self, name: str, options: Options, *, paths: int) -> None:
        """Create or update."""

    async def delete(self, name: str, *, paths: int) -> None:
        """Delete; a missing path is fine."""


class ServerClient(Writer, Protocol):
    """All that a keeper asks of a server."""

    async def observe(self) -> Observation:
        """Read the runtime."""

    async def read_config(self, facts: ServerFacts) -> LiveConfig:
        """Read the configuration."""

    async def aclose(self) -> None:
        """Let go of all connections."""


class Meter(Protocol):
    """What a keeper counts."""

    def pass_done(self, server: str, kind: str, result: str, seconds: float) -> None:
        """One observe or resync has ended."""

    def change_done(self, server: str, action: str, result: str) -> None:
        """One write has ended."""

    def drift(self, server: str, count: int) -> None:
        """So many owned paths were changed by somebody else."""

    def converged(self, seconds: float) -> None:
        """A save of the file reached this server so long after it was noticed."""

    def server_restarted(self, server: str) -> None:
        """The server was started anew."""


class Records(Protocol):
    """What outlives the process; see `reconciler.store.Store`, whose methods these are."""

    @property
    def digest_key(self) -> bytes:
        """The key of digests."""

    def inventory(self, server: str) -> dict[str, Owned]:
        """Return the paths of `server` that are ours, by name."""

    def own(self, entries: Iterable[Owned]) -> None:
        """Write entries down."""

    def disown(self, server: str, names: Iterable[str]) -> None:
        """Strike names out."""

    def last_good(self) -> str | None:
        """Return the last good desired state."""

    def keep_last_good(self, document: str) -> None:
        """Keep `document` as the last good state."""

    def wanted_times(self) -> Mapping[str, WantedTimes]:
        """Return since when each stream is wanted, by name."""

    def keep_wanted_times(self, times: Mapping[str, WantedTimes]) -> None:
        """Replace all times by these."""
