"""Tells the same thing once in a while only, and how often it happened meanwhile. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from lpforwarder.reporting.changes import Change


class Pace:
    """Lets each key through once in `pause` seconds. What comes too soon is asked for again if it lasts."""

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self._told: dict[str, float] = {}
        self._held: Counter[str] = Counter()
        self._waiting: set[str] = set()
        """Keys that were asked for at the last look and had to wait."""

    def admitted(self, changes: Sequence[Change], now: float) -> Iterator[tuple[Change, int]]:
        """Those to tell now, each with how often the same began since it was last told, and was not told.

        `now` are seconds of a clock that never goes back; to be asked at each look, with all its changes.
        """
        waiting, self._waiting = self._waiting, set()
        for change in changes:
            key = change.key
            if now - self._told.get(key, float("-inf")) >= self._pause:
                self._told[key] = now
                yield change, self._held.pop(key, 0) - (key in waiting)
            else:
                self._held[key] += key not in waiting
                self._waiting.add(key)
        self._told = {
            key: at for key, at in self._told.items() if now - at < self._pause or key in self._held
        }
