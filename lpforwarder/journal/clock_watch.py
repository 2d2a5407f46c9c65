"""Notices when the wall clock jumps, so that nothing is removed for being old by a clock that is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable

from lpforwarder import rfc3339

TOLERANCE = 60.0
"""Seconds. NTP moves a clock by less at a time; what is more is a jump."""
STEADY = 24 * 3600.0
"""Seconds a clock must go on evenly after a jump before anything is removed by age: a person may look."""
LONG_DOWN = 24 * 3600.0
"""Seconds. After a longer silence nobody can tell a service that was down from a clock that is ahead."""


def boot_seconds() -> float:
    """Seconds since the machine was started, sleep included; no hand and no NTP moves it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class ClockWatch:
    """Compares the wall clock with one that cannot jump, each time it is asked."""

    def __init__(
        self, now: Callable[[], str], last_seen: str, clock: Callable[[], float] = boot_seconds
    ) -> None:
        """`last_seen` is when the journal was last at work, RFC 3339; empty when that is not known."""
        self._now = now
        self._clock = clock
        self._wall, self._even = _milliseconds(now()), clock()
        self._held_until = float("-inf")
        before = rfc3339.parse(last_seen)
        if before is not None:
            self._since(self._wall - before)

    def look(self) -> float | None:
        """Seconds by which the wall clock has jumped since the last look, negative backwards; None if not."""
        wall, even = _milliseconds(self._now()), self._clock()
        jump = (wall - self._wall) / 1000 - (even - self._even)
        self._wall, self._even = wall, even
        if abs(jump) < TOLERANCE:
            return None
        self._held_until = even + STEADY
        return jump

    @property
    def is_steady(self) -> bool:
        """False while ages cannot be trusted."""
        return self._clock() >= self._held_until

    @property
    def steady_in(self) -> float:
        """Seconds until ages count again; 0 when they do."""
        return max(self._held_until - self._clock(), 0.0)

    def _since(self, silence: float) -> None:
        """What the time since the last life says: going back, and going far ahead, are both odd."""
        if silence < -TOLERANCE * 1000 or silence > LONG_DOWN * 1000:
            self._held_until = self._even + STEADY


def _milliseconds(time_text: str) -> int:
    moment = rfc3339.parse(time_text)
    if moment is None:
        raise ValueError(f"{time_text!r} is not a time")
    return moment
