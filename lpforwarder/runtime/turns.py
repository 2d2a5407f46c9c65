"""A few workers at a time: so that a thousand which wake together do not all hold a page in memory at once.

Without it, a thousand sources of 100 events each took 500 MB, and threads that fight for the interpreter took
half of the CPU.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from lpforwarder.runtime.clock import SYSTEM, Clock

MOST = 8
"""Who reads files needs the interpreter, which only one can have; who waits for a network is not counted."""
SLOW = 0.25
"""Seconds after which a turn no longer counts: a vault that does not answer holds up nobody else."""


class Turns:
    """`with turns:` waits for a turn, and ends it. Shared by all threads; each has one turn at a time."""

    def __init__(self, most: int = MOST, slow: float = SLOW, clock: Clock = SYSTEM) -> None:
        self._most = most
        self._slow = slow
        self._clock = clock
        # Only who stands in the door looks at the clock: a thousand that looked would take a core by that.
        self._door = threading.Lock()
        self._changed = threading.Condition()
        self._began: dict[int, float] = {}

    def __enter__(self) -> Self:
        with self._door, self._changed:
            while (until := self._taken_until()) is not None:
                self._clock.wait(self._changed, until)
            self._began[threading.get_ident()] = self._clock.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            del self._began[threading.get_ident()]
            self._changed.notify()

    def _taken_until(self) -> float | None:
        """When the next turn will be free, if none ends before; None when one is free now."""
        if len(self._began) < self._most:  # nearly always: five sources ask for a turn each second
            return None
        now = self._clock.monotonic()
        counted = sorted(began for began in self._began.values() if now - began < self._slow)
        return counted[-self._most] + self._slow if len(counted) >= self._most else None
