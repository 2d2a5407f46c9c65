"""Tells whether those who wait are at work: a collector that confirms is not away, however much it lacks."""

from __future__ import annotations

AWAY_AFTER = 60.0
"""Seconds in which nothing was confirmed that all have. A fence comes every 30 s, or sooner."""


class Headway:
    """Remembers when the place that everybody has confirmed moved last. Asked under the caller's lock."""

    def __init__(self) -> None:
        self._place: int | None = None
        self._moved = float("-inf")

    def goes_on(self, confirmed: int, now: float) -> bool:
        """True when it moved a short while ago; `now` is a clock that never jumps.

        The first look tells nothing: after a start a collector has to confirm something before it counts.
        """
        if self._place is not None and confirmed > self._place:
            self._moved = now
        self._place = confirmed
        return now - self._moved < AWAY_AFTER
