"""The simulated server as a whole: one request in, one answer out, at once. Time and delays are the transport's.

`handle` answers as a server of `version` does; the other methods are what a test or the demo does to it: restart it,
reload its file, edit it behind our back, kill its cameras, stop it.

Not guaranteed: only what clients of the Control API can see is simulated; see the package for what is left out.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reconciler.core.options.poison import check_poison
from reconciler.core.options.version import NEWEST, Version
from reconciler.mediamtx.simulator.answers import CrashedError, Response, User
from reconciler.mediamtx.simulator.cameras import Camera, Mode
from reconciler.mediamtx.simulator.config import Config
from reconciler.mediamtx.simulator.routes import Routes
from reconciler.mediamtx.simulator.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reconciler.core.model import Json, Options
    from reconciler.core.seams import Clock

__all__ = ["CrashedError", "Response", "Simulator", "User"]


class Simulator:
    """One simulated MediaMTX; `boot` are the paths of its configuration file."""

    def __init__(
        self,
        *,
        clock: Clock,
        version: Version = NEWEST,
        boot: Mapping[str, Options] | None = None,
        users: Iterable[User] = (),
        crash_on_poison: bool = True,
    ) -> None:
        self.version, self.clock = version, clock
        self.users = tuple(users)
        self.crash_on_poison = crash_on_poison
        self._boot = {name: dict(options) for name, options in (boot or {}).items()}
        self._cameras: dict[str, Camera] = {}
        self.writes: Counter[str] = Counter()
        self.up = True
        self.restarts: Counter[str] = Counter()
        self.readers_cut: Counter[str] = Counter()
        self._routes = Routes(self)
        self._start()

    # --- the API --------------------------------------------------------------------------------------------------

    def handle(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Response:
        """Answer one request; `target` is path and query as they were sent, header names are in lower case.

        Raises:
            CrashedError: the request ended the server process.
        """
        return self._routes.handle(method, target, headers, body)

    def applied(self, name: str) -> None:
        """Note a write that was accepted, let the runtime follow, and die of it where a real server would."""
        self.writes[name] += 1
        self.follow()
        if self.crash_on_poison and name in self.config.declared and self._is_deadly(self.config.resolved(name)):
            self.stop()
            raise CrashedError(name)

    def follow(self) -> None:
        """Make the runtime follow the configuration."""
        self.runtime.follow({name: self.config.resolved(name) for name in self.config.declared}, self.now)

    # --- what is done to it ---------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """The present monotonic second."""
        return self.clock.monotonic()

    def stamp(self, monotonic: float) -> str:
        """Write a monotonic second as the server prints times."""
        wall = self.clock.time() - (self.clock.monotonic() - monotonic)
        return datetime.fromtimestamp(wall, UTC).isoformat().replace("+00:00", "Z")

    def restart(self) -> None:
        """End the process and start it anew: back to the file, a new `started`."""
        self._start()

    def stop(self) -> None:
        """End the process; connections are refused until `restart`."""
        self.up = False

    def reload(self) -> None:
        """Do what a write to its configuration file does: back to the file, the same `started`."""
        self.config = self._boot_config()
        self.follow()

    def edit(self, name: str, options: Options) -> None:
        """Replace one path behind our back, as another client would."""
        self.config.replace(name, dict(options))
        self.follow()

    def remove(self, name: str) -> None:
        """Delete one path behind our back."""
        self.config.delete(name)
        self.follow()

    def camera(self, source: str) -> Camera:
        """Return the camera at a source URL; one that nobody has asked for yet is made, and is live."""
        return self._cameras.setdefault(source, Camera())

    def set_camera(self, source: str, mode: Mode) -> None:
        """Make the camera at `source` die, freeze or come back, now."""
        now = self.now
        self.runtime.advance(now)
        camera = self.camera(source)
        camera.mode = mode
        for entry in self.runtime.entries.values():
            connection = entry.connection
            if connection is None or connection.camera is not camera:
                continue
            if mode is Mode.FROZEN and connection.ready_since is not None:
                connection.silent_since = now
            elif mode is Mode.LIVE and connection.silent_since is not None:
                # What was missed is not made up for: the counter goes on from where it stood.
                assert connection.ready_since is not None  # noqa: S101 - silent means ready
                connection.ready_since += now - connection.silent_since
                connection.silent_since = None
            connection.advance(now)

    def set_readers(self, name: str, readers: int) -> None:
        """Let so many watch a path."""
        self.runtime.entries[name].readers = readers

    def publish(self, name: str, *, on: bool = True) -> None:
        """Begin or end publishing to a path."""
        self.runtime.entries[name].published_since = self.now if on else None

    def shown(self, name: str) -> dict[str, Json]:
        """Return a path's configuration as the API shows it; KeyError when it is not there."""
        return self.config.shown(name)

    # --- below ----------------------------------------------------------------------------------------------------

    def _is_deadly(self, path: Options) -> bool:
        """Say whether running `path` ends a real server (mediamtx-api 4.6)."""
        for violation in check_poison(path, self.version):
            if violation.option == "rtspUDPSourcePortRange":
                static = str(path.get("source", "")).startswith("rtsp")
                if static and path.get("sourceOnDemand") is not True:
                    return True
            elif violation.option == "runOnInit":
                return True
        return False

    def _start(self) -> None:
        self.up = True
        self.config = self._boot_config()
        self.runtime = Runtime(self.version, self.camera, restarts=self.restarts, readers_cut=self.readers_cut)
        self.started = self.stamp(self.now)
        self.follow()

    def _boot_config(self) -> Config:
        config = Config(self.version, own_users=bool(self.users))
        for name, options in self._boot.items():
            config.replace(name, json.loads(json.dumps(options)))
        return config
