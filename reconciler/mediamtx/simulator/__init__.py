"""A double of MediaMTX's Control API, versions 1.9 to 1.20.1, with cameras that can be told to die.

The rules about values are not here: they are `core.options`, which the check before sending uses too, and which the
recordings of real servers hold to the truth. Here are state, routes and time:

    simulator   the server as a whole, pure: one request in, one answer out, a clock passed in (routes, bodies, login)
    config      what is configured, every write checked as a whole
    runtime     what runs: cameras, publishers, viewers (cameras, deaths, shown)
    service     answers in their time, with faults on demand; reached by transport (httpx) and server (a socket)

A test:

    simulator = Simulator(clock=clock, version=Version(1, 17, 1))
    transport = SimulatorTransport(simulator, write_cost=REAL_WRITE_COST)
    client = Client(spec, clock=clock, redactor=Redactor(), transport=transport)
    simulator.camera("gate").freeze()
    transport.fail(FaultKind.RESET_AFTER, "/replace/gate")

Left out, because no client of ours can meet it: sessions and their kicks, HLS muxers, recordings, forward destinations,
`config/global`, JWT and HTTP authentication, regular-expression paths that come to life, media itself. A route that is
left out answers 404, as MediaMTX does for a protocol that is off. Also not there: sizes that 1.15 and older round anew
with each write, and rules that need the server's disk.
"""

from __future__ import annotations

from reconciler.mediamtx.simulator.answers import CrashedError, Response, User
from reconciler.mediamtx.simulator.cameras import Camera, Mode
from reconciler.mediamtx.simulator.config import RefusedError
from reconciler.mediamtx.simulator.service import REAL_WRITE_COST, Service
from reconciler.mediamtx.simulator.simulator import Simulator
from reconciler.mediamtx.simulator.transport import Fault, FaultKind, SimulatorTransport

__all__ = [
    "REAL_WRITE_COST",
    "Camera",
    "CrashedError",
    "Fault",
    "FaultKind",
    "Mode",
    "RefusedError",
    "Response",
    "Service",
    "Simulator",
    "SimulatorTransport",
    "User",
]
