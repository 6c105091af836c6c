"""systemd's notify protocol: tells the service manager that we are ready, how we are, and that we live.

A datagram to the socket named by `$NOTIFY_SOCKET` (sd_notify(3)); without that variable nothing is sent.

Not guaranteed: that systemd hears it. A manager that has gone is no reason for us to end, so failures are silent.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Notifier"]

_LONGEST_STATUS = 1000
_PATIENCE = 0.2


class Notifier:
    """Sends to one service manager, or to none."""

    def __init__(self, address: str | None, watchdog_interval: float | None = None) -> None:
        """`address`: a path or, with a leading `@`, an abstract name; `watchdog_interval`: seconds between pings."""
        # sd_notify(3) knows other kinds (vsock), which no manager of our own machine uses.
        known = address if address and address[0] in "/@" else None
        self._address = "\0" + known[1:] if known and known.startswith("@") else known
        self.watchdog_interval = watchdog_interval if known else None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Notifier:
        """Read `$NOTIFY_SOCKET`, `$WATCHDOG_USEC` and `$WATCHDOG_PID` (sd_watchdog_enabled(3)).

        Pings are due at a third of the limit, so that one that comes late does no harm.
        """
        limit, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
        meant_for_us = not pid or pid == str(os.getpid())
        interval = int(limit) / 3e6 if limit.isdecimal() and int(limit) and meant_for_us else None
        return cls(environ.get("NOTIFY_SOCKET") or None, interval)

    @property
    def active(self) -> bool:
        """Whether there is anybody to tell."""
        return self._address is not None

    def ready(self) -> None:
        """Say that start-up, or a reload, has ended."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """Set the one line `systemctl status` shows."""
        printable = "".join(character if character.isprintable() else " " for character in text)
        self._send("STATUS=" + " ".join(printable.split())[:_LONGEST_STATUS])

    def stopping(self) -> None:
        """Say that we are going down."""
        self._send("STOPPING=1")

    def reloading(self, monotonic_usec: int) -> None:
        """Say that a reload has begun; the time is CLOCK_MONOTONIC in microseconds, without which systemd waits on."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={monotonic_usec}")

    def watchdog(self) -> None:
        """Say that we are alive."""
        if self.watchdog_interval is not None:
            self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                # A busy manager may take a moment; one that hangs must not make us hang.
                channel.settimeout(_PATIENCE)
                channel.sendto(message.encode(errors="replace"), self._address)
        except OSError:
            return
