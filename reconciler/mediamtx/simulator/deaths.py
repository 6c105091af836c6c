"""Options that end a server which has accepted them, and when: at once, or only once the path is in use.

Source: mediamtx-api 4.6 and MediaMTX's source of the releases (`externalcmd/cmd_os.go`: an empty list of words is
indexed; `staticsources/rtsp/source.go`: the second port is). What we refuse to send is `core.options.poison`, which is
wider: it also has what merely does not work.

Not guaranteed: hooks that run when something ends (runOnNotReady and its like) are not watched.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from reconciler.core.options.sources import Family, family

if TYPE_CHECKING:
    from reconciler.core.model import Options
    from reconciler.core.options.version import Version

__all__ = ["Moment", "deadly_moments"]


class Moment(Enum):
    """When a path ends the server."""

    OPEN = auto()
    """As soon as the path exists."""
    CONNECT = auto()
    """When its source is asked for a stream: at once, or with the first viewer of an on-demand path."""
    READY = auto()
    """When there is something to see."""
    READ = auto()
    """When somebody sees it."""


_HOOKS = {
    "runOnInit": Moment.OPEN,
    "runOnReady": Moment.READY,
    "runOnAvailable": Moment.READY,
    "runOnOnline": Moment.READY,
    "runOnRead": Moment.READ,
}
_BLANKS = " \t\n"
_NOTHING: frozenset[Moment] = frozenset()


def deadly_moments(conf: Options, version: Version) -> frozenset[Moment]:
    """Return when a path with this resolved configuration ends the server; empty for nearly all."""
    found = {moment for hook, moment in _HOOKS.items() if _is_blank(conf.get(hook))}
    ports = conf.get("rtspUDPSourcePortRange")
    too_few = isinstance(ports, list) and len(ports) < len(("low", "high"))
    if too_few and family(str(conf.get("source", "")), version) is Family.RTSP:
        found.add(Moment.CONNECT)
    return frozenset(found) if found else _NOTHING


def _is_blank(command: object) -> bool:
    return isinstance(command, str) and command != "" and not command.strip(_BLANKS)
