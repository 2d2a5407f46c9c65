"""What systemd wants to hear of a service of Type=notify: sd_notify(3) in a few lines of our own."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

_PATIENCE_SECONDS = 1.0
"""A full queue at the other end must not hold up the main loop."""


class Systemd:
    """The line to the service manager; every method does nothing when there is none, and never raises."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ

    @property
    def is_there(self) -> bool:
        """Somebody wants to hear; what costs something to find out is else not worth it."""
        return self._environ.get("NOTIFY_SOCKET", "").startswith(("/", "@"))

    def ready(self) -> None:
        """Configuration, journal and listeners are fine; also the end of a reload."""
        self._send("READY=1")

    def reloading(self) -> None:
        """A reload begins; ready() ends it."""
        # systemd 253 and later refuses the message without the time; older ones ignore it.
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """The drain begins."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """The line `systemctl status` shows."""
        # A line break would begin another message, and the text may hold a name from a file.
        self._send("STATUS=" + " ".join(text.splitlines()))

    def watchdog(self) -> None:
        """Proves that work goes on: send it only when the workers move or sleep on purpose."""
        self._send("WATCHDOG=1")

    def extend_timeout(self, seconds: float) -> None:
        """Asks for this much more time, from now, to start or to stop."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * 1_000_000)}")

    def watchdog_interval(self) -> float | None:
        """Seconds after which a silent service is killed; beat at least twice as often. None: never."""
        pid = self._environ.get("WATCHDOG_PID", "")
        if pid and pid != str(os.getpid()):
            return None  # meant for the process that started us
        text = self._environ.get("WATCHDOG_USEC", "")
        return int(text) / 1_000_000 if text.isascii() and text.isdigit() and int(text) else None

    def _send(self, message: str) -> None:
        if not self.is_there:
            return
        address = self._environ["NOTIFY_SOCKET"]
        if address.startswith("@"):  # a name in the abstract namespace begins with a zero octet
            address = "\0" + address[1:]
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
                line.settimeout(_PATIENCE_SECONDS)
                line.sendto(message.encode("utf-8", "replace"), address)
        except (OSError, ValueError):
            return  # nobody listens, or the address is none; forwarding does not depend on it
