"""The composition root: builds the daemon from its parts, runs it, and takes it down again.

Nothing else in the package knows how the parts are put together. What ends the daemon: SIGTERM or SIGINT (0), a setting
that cannot work (`SettingsError`), a state directory in use (`StoreError`), or a part that died.

Not guaranteed: stopping changes nothing on any server; paths stay as they are.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reconciler import __version__
from reconciler.daemon.clock import SystemClock
from reconciler.daemon.fleet import Fleet
from reconciler.daemon.heart import Heart
from reconciler.daemon.intake import Intake
from reconciler.daemon.keeper import Keeper
from reconciler.daemon.notebook import Notebook
from reconciler.daemon.patience import PatientStore
from reconciler.daemon.picture import draw_board
from reconciler.daemon.place import find_place
from reconciler.daemon.reporting import report_forever
from reconciler.daemon.schedule import Wakers
from reconciler.daemon.supervise import Stage, supervise
from reconciler.daemon.unusable import make_client
from reconciler.daemon.wanted import note_wanted
from reconciler.daemon.watch import Watcher
from reconciler.notify.systemd import Notifier
from reconciler.spec import SystemSecrets
from reconciler.store import Store, remember_state_directory
from reconciler.web import Metrics, WebServer, create_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from reconciler.core.board import Board, ConfigView
    from reconciler.core.model import Desired, ServerSpec, Settings
    from reconciler.daemon.applying import ChangeResult
    from reconciler.logs import Redactor

__all__ = ["Daemon", "RunOverrides", "run"]

log = logging.getLogger(__name__)

_BOARD_AGE = 0.5
_STOP_GRACE = 15.0


@dataclass(frozen=True, slots=True)
class RunOverrides:
    """What the command line has the last word on; None leaves the file's word."""

    server_url: str | None = None
    listen: tuple[str, int] | None = None
    state_dir: Path | None = None


async def run(
    config: Path,
    *,
    environ: Mapping[str, str],
    redactor: Redactor,
    overrides: RunOverrides | None = None,
    on_change: Callable[[ChangeResult], None] | None = None,
) -> int:
    """Run the daemon on `config` until SIGTERM or SIGINT; returns the exit code.

    Raises:
        SettingsError: a setting of our own cannot work, such as a port that is taken.
        StoreError: the state directory cannot be used, or another daemon has it.
    """
    daemon = Daemon(config, environ=environ, redactor=redactor, overrides=overrides, on_change=on_change)
    stop = asyncio.Event()

    def end() -> None:
        daemon.announce_stop()
        stop.set()

    with _signals(end, daemon.reload):
        await daemon.run(stop)
    return 0


class Daemon:
    """All parts, and the little that is between them."""

    def __init__(
        self,
        config: Path,
        *,
        environ: Mapping[str, str],
        redactor: Redactor,
        overrides: RunOverrides | None = None,
        on_change: Callable[[ChangeResult], None] | None = None,
    ) -> None:
        self._path, self._redactor = config.absolute(), redactor
        self._overrides = overrides or RunOverrides()
        self._on_change = on_change or (lambda _result: None)
        self._clock = SystemClock()
        self._heart = Heart(self._clock)
        self._metrics = Metrics()
        self._notifier = Notifier.from_environ(environ)
        self._secrets = SystemSecrets(environ)
        self._wakers = Wakers()
        self._fleet = Fleet(self._make_keeper, self._set_timers)
        self._board: Board | None = None
        self._reloading = False
        self._told_settings: Settings | None = None
        self._place = find_place(self._path, environ=environ, secrets=self._secrets)
        self._settings = self._place.settings
        self._store = PatientStore(Store.open(self._overrides.state_dir or self._place.directory))
        if self._overrides.state_dir is None:
            remember_state_directory(self._path, self._place.directory, environ)
        self._intake = Intake(
            self._path,
            store=self._store,
            secrets=self._secrets,
            redactor=redactor,
            clock=self._clock,
            adjust=self._adjust,
        )
        self._watcher = Watcher(self._path, clock=self._clock, sleep=asyncio.sleep)

    # --- what web asks --------------------------------------------------------------------------------------------

    def board(self) -> Board:
        """Return the present picture, at most half a second old."""
        now = self._clock.time()
        if self._board is None or not 0 <= now - self._board.at < _BOARD_AGE:
            self._board = draw_board(
                at=now,
                config=self._config_view(),
                generation=self._intake.generation,
                keepers=self._fleet.keepers,
                wanted=self._store.wanted_times(),
            )
        return self._board

    def _config_view(self) -> ConfigView:
        config, trouble = self._intake.config, self._store.trouble
        if not trouble:
            return config
        return replace(config, message="; ".join(filter(None, (config.message, f"our state is not saved: {trouble}"))))

    def alive(self) -> tuple[bool, str]:
        """Say whether all loops keep their promises."""
        return self._heart.alive()

    # --- life -----------------------------------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set; everything that was opened is closed afterwards."""
        try:
            if not self._place.usable:
                self._intake.resume()
            if self._intake.generation is not None:
                self._settings = self._intake.generation.desired.settings
            web = WebServer(create_app(self, self._metrics), *self._listen())
            self._wakers.start()
            try:
                tasks = {
                    "files": self._follow_files(),
                    "servers": self._fleet.run(),
                    "web": web.serve(),
                    "watchdog": self._report(),
                }
                # Nothing new comes in, then writes in flight end; health and metrics answer to the last.
                order = (Stage(["files"]), Stage(["servers"]))
                await supervise(tasks, stop, grace=_STOP_GRACE, stages=order)
            finally:
                self._wakers.stop()
                await web.stop()
        finally:
            self._store.close()
        log.info("stopped; the servers are left as they are")

    def reload(self) -> None:
        """Read the files again now, whether they changed or not (SIGHUP)."""
        log.info("asked to read the files again")
        self._reloading = True
        self._notifier.reloading(int(self._clock.monotonic() * 1e6))
        self._watcher.poke()

    def announce_stop(self) -> None:
        """Tell the service manager that we are about to end."""
        log.info("asked to stop")
        self._notifier.stopping()

    async def _follow_files(self) -> None:
        first = True
        async with aclosing(self._watcher.changes()) as changes:
            async for noticed in changes:
                loaded = await self._intake.read(noticed)
                self._watcher.follow(loaded.files, loaded.globs)
                self._metrics.reload_done(loaded.desired is not None, self._clock.time())
                if self._intake.generation is not None:
                    note_wanted(self._store, self._intake.generation.desired, self._clock.time())
                    self._warn_of_fixed_settings(self._intake.generation.desired.settings)
                    self._fleet.take(self._intake.generation)
                self._board = None
                if first or self._reloading:
                    self._notifier.ready()
                if first:
                    self._greet()
                first = self._reloading = False

    async def _report(self) -> None:
        await report_forever(
            self._notifier, self._heart, self.board, redactor=self._redactor, clock=self._clock, sleep=asyncio.sleep
        )

    # --- parts ----------------------------------------------------------------------------------------------------

    def _make_keeper(self, spec: ServerSpec) -> Keeper:
        name = spec.name

        def count_request(call: str, code: str, seconds: float) -> None:
            self._metrics.request_done(name, call, code, seconds)

        return Keeper(
            spec,
            client=make_client(spec, clock=self._clock, redactor=self._redactor, on_request=count_request),
            notebook=Notebook(name, store=self._store, clock=self._clock, draw=random.random),
            clock=self._clock,
            draw=random.random,
            meter=self._metrics,
            heart=self._heart,
            on_change=self._on_change,
        )

    def _set_timers(self, fleet: Fleet) -> None:
        """Wake each keeper at the pace of the file; the loops have deadlines of their own besides."""
        self._wakers.clear()
        for keeper in fleet.keepers:
            self._wakers.add(f"observe {keeper.name}", fleet.pace.observe, 0.0, keeper.wake_observe)
            self._wakers.add(f"resync {keeper.name}", fleet.pace.resync, fleet.pace.resync / 10, keeper.wake_reconcile)

    # --- settings -------------------------------------------------------------------------------------------------

    def _listen(self) -> tuple[str, int]:
        return self._overrides.listen or (self._settings.listen_host, self._settings.listen_port)

    def _adjust(self, desired: Desired) -> Desired:
        """Apply the command line's word on the server to a desired state."""
        url = self._overrides.server_url
        if url is None:
            return desired
        servers = {name: replace(spec, url=url) for name, spec in desired.servers.items()}
        return replace(desired, servers=servers)

    def _warn_of_fixed_settings(self, now: Settings) -> None:
        """Say which settings were edited that take effect only at the next start."""
        told, self._told_settings = self._told_settings or self._settings, now
        for label, before, after in (
            ("daemon.listen", (told.listen_host, told.listen_port), (now.listen_host, now.listen_port)),
            ("daemon.state_dir", told.state_dir, now.state_dir),
        ):
            if before != after:
                log.warning("%s was edited: it takes effect at the next start", label)

    def _greet(self) -> None:
        host, port = self._listen()
        log.info(
            "reconciler %s is at work",
            __version__,
            extra={"fields": {"config": str(self._path), "listen": f"{host}:{port}", "pid": os.getpid()}},
        )


@contextmanager
def _signals(end: Callable[[], None], reload: Callable[[], None]) -> Iterator[None]:
    """Turn SIGTERM and SIGINT into `end`, SIGHUP into `reload`, for as long as the context lasts."""
    loop = asyncio.get_running_loop()
    handlers = {signal.SIGTERM: end, signal.SIGINT: end, signal.SIGHUP: reload}
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            with suppress(ValueError):
                loop.remove_signal_handler(number)
