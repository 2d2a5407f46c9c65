"""Time as a thing that is handed in, so that tests need neither sleep nor patch."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """What the runtime asks of a clock."""

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back, whatever is done to the wall clock."""

    def milliseconds(self) -> int:
        """The wall clock: milliseconds since 1970-01-01T00:00:00Z. For people to read, never to wait by."""

    def wait(self, condition: threading.Condition, until: float) -> None:
        """Waits on the held condition until it is notified or monotonic() reaches `until`.

        May return early for no reason: ask again what you waited for, in a loop.
        """


class SystemClock:
    """The machine's own clocks."""

    def monotonic(self) -> float:
        return time.monotonic()

    def milliseconds(self) -> int:
        return time.time_ns() // 1_000_000

    def wait(self, condition: threading.Condition, until: float) -> None:
        condition.wait(min(max(0.0, until - time.monotonic()), threading.TIMEOUT_MAX))


SYSTEM = SystemClock()
