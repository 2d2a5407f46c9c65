"""The stop token: how a worker learns that it shall end, and how much time it has for it."""

from __future__ import annotations

import math
import threading
from contextlib import AbstractContextManager

from lpforwarder.runtime.bell import Bells, Ring
from lpforwarder.runtime.clock import SYSTEM, Clock


class Stop:
    """Says to one worker: go on, or finish what you hold within so many seconds.

    set() and left() may be called from any thread; wait() and ringing() belong to the worker's own.
    """

    def __init__(self, clock: Clock = SYSTEM) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._stopping = False
        self._deadline = math.inf
        self._rested_until = -math.inf
        self._bells = Bells()

    def set(self, within: float) -> None:
        """Begins the stop; `within` seconds are left. A second call can only bring the end nearer."""
        with self._changed:
            self._stopping = True
            self._deadline = min(self._deadline, self._clock.monotonic() + within)
            self._changed.notify_all()
        self._bells.ring()

    @property
    def stopping(self) -> bool:
        """True once set() was called; never becomes false again."""
        return self._stopping

    def left(self) -> float:
        """Seconds of the drain that are left, never negative; infinite while nobody asked to stop."""
        return max(0.0, self._deadline - self._clock.monotonic())

    def wait(self, seconds: float) -> bool:
        """Rests for `seconds`, or until the stop begins; True when stopping, at once if it is already."""
        until = self._clock.monotonic() + seconds
        with self._changed:
            self._rested_until = until
            while not self._stopping and self._clock.monotonic() < until:
                self._clock.wait(self._changed, until)
            self._rested_until = self._clock.monotonic()
            return self._stopping

    def ringing(self, ring: Ring) -> AbstractContextManager[None]:
        """Within this block it is rung when the stop begins: for a worker that sleeps on a bell of its own.

        Look at `stopping` before the first sleep: a stop that has begun by then rings no more.
        """
        return self._bells.ringing(ring)

    @property
    def rested_until(self) -> float:
        """The monotonic time when the latest wait() ended, or, during one, will end; -inf before the first.

        For the watchdog: a source that is asked once an hour is not stuck, nor in the moment it wakes up.
        """
        return self._rested_until
