"""The stop token: how a worker learns that it shall end, and how much time it has for it."""

from __future__ import annotations

import math
import threading

from lpforwarder.runtime.clock import SYSTEM, Clock


class Stop:
    """Says to one worker: go on, or finish what you hold within so many seconds.

    set() and left() may be called from any thread; wait() belongs to the worker's own.
    """

    def __init__(self, clock: Clock = SYSTEM) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._stopping = False
        self._deadline = math.inf
        self._rested_until = -math.inf

    def set(self, within: float) -> None:
        """Begins the stop; `within` seconds are left. A second call can only bring the end nearer."""
        with self._changed:
            self._stopping = True
            self._deadline = min(self._deadline, self._clock.monotonic() + within)
            self._changed.notify_all()

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

    @property
    def rested_until(self) -> float:
        """The monotonic time when the latest wait() ended, or, during one, will end; -inf before the first.

        For the watchdog: a source that is asked once an hour is not stuck, nor in the moment it wakes up.
        """
        return self._rested_until
