"""The simulated server as a whole: one request in, one answer out, at once. Waiting is the service's.

`handle` answers as a server of `version` does; the other methods are what a test or the demo does to it: restart it,
reload its file, edit it behind our back, kill its cameras, stop it. All of it is a function of the clock that is
passed in; nothing here waits, and nothing happens by itself between two calls.

Not guaranteed: only what clients of the Control API can see is simulated; see the package for what is left out.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reconciler.core.options.version import NEWEST, Version
from reconciler.mediamtx.simulator.answers import CrashedError, Response, User
from reconciler.mediamtx.simulator.cameras import Camera, Mode
from reconciler.mediamtx.simulator.config import Config
from reconciler.mediamtx.simulator.routes import Routes
from reconciler.mediamtx.simulator.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from reconciler.core.model import Json, Options
    from reconciler.core.seams import Clock
    from reconciler.mediamtx.simulator.config import View

__all__ = ["CrashedError", "Response", "Simulator", "User"]

_LATE_CONFIG_FROM = Version(1, 20, 1)


def _half() -> float:
    return 0.5


class Simulator:
    """One simulated MediaMTX; `boot` and `defaults` are the `paths` and `pathDefaults` of its configuration file.

    `late`: for so many seconds after a write its effect is not to be seen (in the configuration from 1.20.1 on, in what
    runs before that), and the next write has to wait. `crash_on_poison`: values that end a real server end this one,
    which is back `restart_after` seconds later (None: when somebody calls `restart`).

    To be set afterwards: `answers_before_dying`, its 200 wins the race against its death; `chance`, which draws from 0
    to 1 for delays that are random.

    Raises:
        RefusedError: a server of this version would not start with that file.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        version: Version = NEWEST,
        boot: Mapping[str, Options] | None = None,
        defaults: Options | None = None,
        users: Iterable[User] = (),
        crash_on_poison: bool = True,
        restart_after: float | None = None,
        late: float = 0.0,
    ) -> None:
        self.version, self.clock = version, clock
        self.users = tuple(users)
        self.crash_on_poison, self.restart_after, self.late = crash_on_poison, restart_after, late
        self.answers_before_dying = False
        self.chance: Callable[[], float] = _half
        self._boot = {name: dict(options) for name, options in (boot or {}).items()}
        self._boot_defaults = dict(defaults or {})
        self._cameras: dict[str, Camera] = {}
        self.writes: Counter[str] = Counter()
        self.restarts: Counter[str] = Counter()
        self.readers_cut: Counter[str] = Counter()
        self.publishers_cut: Counter[str] = Counter()
        self.crashes = 0
        self._routes = Routes(self)
        self._up, self._reachable = True, True
        self._back_at: float | None = None
        self._start()

    # --- the API --------------------------------------------------------------------------------------------------

    def handle(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Response:
        """Answer one request; `target` is path and query as they were sent, header names are in lower case.

        Raises:
            CrashedError: the server process is not there, or the request has ended it.
        """
        if not self.up:
            raise CrashedError(target)
        return self._routes.handle(method, target, headers, body)

    def applied(self, name: str) -> None:
        """Note a write that was accepted, let the runtime follow, and die of it where a real server would."""
        self.writes[name] += 1
        self._visible_at = self.now + self.late
        if not self.late or self.version >= _LATE_CONFIG_FROM:
            self._follow()
        if not self.answers_before_dying and not self.up:
            raise CrashedError(name)

    @property
    def view(self) -> View:
        """The configuration as the API shows it now."""
        late = self.version >= _LATE_CONFIG_FROM and self.now < self._visible_at
        return self.config.previous if late else self.config.view

    @property
    def busy_until(self) -> float:
        """Until when the next write has to wait."""
        return self._visible_at

    @property
    def up(self) -> bool:
        """Whether somebody listens, after all that was due has happened."""
        if not self._up and self._back_at is not None and self._back_at <= self.now:
            self.restart()
        if self._up:
            self._catch_up()
        return self._up and self._reachable

    # --- what is done to it ---------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """The present monotonic second."""
        return self.clock.monotonic()

    def stamp(self, monotonic: float) -> str:
        """Write a monotonic second as the server prints times; the same second always in the same words."""
        return datetime.fromtimestamp(self._epoch + monotonic, UTC).isoformat().replace("+00:00", "Z")

    def restart(self) -> None:
        """End the process and start it anew: back to the file, a new `started`."""
        self._start()

    def stop(self) -> None:
        """End the process; connections are refused until `restart`."""
        self._up, self._back_at = False, None

    def unreachable(self, is_so: bool) -> None:  # noqa: FBT001 - reads as a sentence
        """Refuse connections, or stop refusing them; the process lives on and loses nothing."""
        self._reachable = not is_so

    def reload(self) -> None:
        """Do what a write to its configuration file does: back to the file, the same `started`."""
        self.config = self._boot_config()
        self._follow()

    def change_file(self, boot: Mapping[str, Options]) -> None:
        """Give the configuration file other paths; in force after a `reload` or `restart`."""
        self._boot = {name: dict(options) for name, options in boot.items()}

    def edit(self, name: str, options: Options) -> None:
        """Replace one path behind our back, as another client would.

        Raises:
            RefusedError: the server does not take it.
        """
        self.config.replace(name, dict(options))
        self._follow()

    def remove(self, name: str) -> None:
        """Delete one path behind our back."""
        self.config.delete(name)
        self._follow()

    def camera(self, where: str) -> Camera:
        """Return the camera at a source URL, or of a path; one that nobody has asked for yet is made, and is live.

        KeyError when there is no such path, or it has no camera.
        """
        source = where
        if "://" not in where:
            declared = self.runtime.entries[where].camera_source
            if declared is None:
                raise KeyError(where)
            source = declared
        return self._cameras.setdefault(source, Camera(self._switch))

    def cameras(self) -> Mapping[str, Mode]:
        """Return what every camera that was ever asked for does, by source URL."""
        return {source: camera.mode for source, camera in self._cameras.items()}

    def set_camera(self, source: str, mode: Mode) -> None:
        """Make the camera at `source` die, freeze, refuse or come back, now."""
        self._switch(self.camera(source), mode)

    def set_readers(self, name: str, readers: int) -> None:
        """Let so many watch a path; an on-demand source is asked for its stream by that. KeyError: no such path."""
        self.runtime.watch(name, readers, self.now)

    def publish(self, name: str, *, on: bool = True) -> None:
        """Begin or end publishing to a path; KeyError when there is no such path."""
        self.runtime.entries[name].published_since = self.now if on else None

    def configured(self) -> dict[str, Mapping[str, Json]]:
        """Return what is configured, by name, in full; no lateness hides anything."""
        return {name: path.shown for name, path in self.config.view.paths.items()}

    def shown(self, name: str) -> dict[str, Json]:
        """Return a path's configuration as the API shows it; KeyError when it is not there."""
        return dict(self.config.view.paths[name].shown)

    # --- below ----------------------------------------------------------------------------------------------------

    def _switch(self, camera: Camera, mode: Mode) -> None:
        self.runtime.advance(self.now)
        camera.mode = mode
        self.runtime.feel(camera, self.now)

    def _follow(self) -> None:
        self._followed = self.config.view
        self.runtime.follow(self.config.view.paths, self.now)

    def _catch_up(self) -> None:
        """Let happen what was due: the runtime that lags behind, and death."""
        if self._followed is not self.config.view and self._visible_at <= self.now:
            self._follow()
        if self.crash_on_poison and self.runtime.deadly_path(self.now) is not None:
            self.crashes += 1
            self._up = False
            self._back_at = None if self.restart_after is None else self.now + self.restart_after

    def _start(self) -> None:
        self._up, self._back_at = True, None
        self._epoch = self.clock.time() - self.now
        self._visible_at = self.now
        self.config = self._boot_config()
        self.runtime = Runtime(
            self.version,
            self.camera,
            restarts=self.restarts,
            readers_cut=self.readers_cut,
            publishers_cut=self.publishers_cut,
        )
        self.started = self.stamp(self.now)
        self._follow()

    def _boot_config(self) -> Config:
        config = Config(self.version, own_users=bool(self.users), defaults=self._boot_defaults)
        config.fill(self._boot)
        return config
