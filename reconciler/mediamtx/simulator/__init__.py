"""A double of MediaMTX's Control API, versions 1.9 to 1.20.1, with cameras that can be told to die.

The rules about values are not here: they are `core.options`, which the check before sending uses too, and which the
recordings of real servers hold to the truth. Here are state, routes and time.

Left out, because no client of ours can meet it: sessions and their kicks, HLS muxers, recordings, forward destinations,
`config/global`, JWT and HTTP authentication, regular-expression paths that come to life, media itself. A route that is
left out answers 404, as MediaMTX does for a protocol that is off.
"""

from __future__ import annotations

from reconciler.mediamtx.simulator.answers import CrashedError, Response, User
from reconciler.mediamtx.simulator.cameras import Camera, Mode
from reconciler.mediamtx.simulator.simulator import Simulator
from reconciler.mediamtx.simulator.transport import Fault, FaultKind, SimulatorTransport

__all__ = [
    "Camera",
    "CrashedError",
    "Fault",
    "FaultKind",
    "Mode",
    "Response",
    "Simulator",
    "SimulatorTransport",
    "User",
]
