"""For how long a followed file has not been there: rotation takes a moment of its own, and is no news."""

from __future__ import annotations

import time
from collections.abc import Callable

GRACE = 30.0
"""Seconds. logrotate makes the new file at once; a writer that does it itself may wait for its next line."""


class Absence:
    """Tells a gap of rotation from a file that is gone. For one thread."""

    def __init__(self, grace: float = GRACE, clock: Callable[[], float] = time.monotonic) -> None:
        self._grace = grace
        self._clock = clock
        self._was_seen = False
        self._since: float | None = None

    def ends(self) -> None:
        """The file is there."""
        self._was_seen, self._since = True, None

    def begins(self) -> None:
        """The file is not there; says nothing new when it was not there before."""
        if self._since is None:
            self._since = self._clock()

    def is_short(self) -> bool:
        """Whether the file, which is not there now, was a moment ago.

        False for one that was not seen since the start: who just set it up, or calls once, wants to know.
        """
        self.begins()
        return self._was_seen and self._clock() - (self._since or 0.0) < self._grace
