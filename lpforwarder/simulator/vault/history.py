"""The vault's memory: every event that has become visible, in true time order.

A sorted list of slotted objects: a million events take about 200 MB, and a page is found by bisection.
Not locked; its owner is.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort_right
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import TypeAlias

from lpforwarder.simulator.vault.event import VaultEvent

_INSTANT = attrgetter("at")

Arrivals: TypeAlias = Iterable[tuple[int, VaultEvent]]


class History:
    """Events by true instant; those of one microsecond in the order in which they became visible.

    `arrivals` are (when visible, event) pairs in the order of the first; they may be endless.
    """

    def __init__(self, arrivals: Arrivals = ()) -> None:
        self._events: list[VaultEvent] = []
        self._arrivals = iter(arrivals)
        self._coming = next(self._arrivals, None)

    def advance(self, now: int) -> int:
        """Makes visible what is due at `now` (microseconds); how many events that were."""
        count = 0
        while self._coming is not None and self._coming[0] <= now:
            self.add(self._coming[1])
            self._coming = next(self._arrivals, None)
            count += 1
        return count

    def add(self, event: VaultEvent) -> None:
        """Visible at once, whatever its time: an older time makes it a late arrival."""
        if not self._events or event.at >= self._events[-1].at:
            self._events.append(event)
        else:
            insort_right(self._events, event, key=_INSTANT)

    def before(self, instant: int) -> int:
        """How many events lie before `instant`."""
        return bisect_left(self._events, instant, key=_INSTANT)

    def up_to(self, instant: int) -> int:
        """How many events lie before or at `instant`."""
        return bisect_right(self._events, instant, key=_INSTANT)

    def newest_first(self, low: int, high: int) -> Iterator[VaultEvent]:
        """The events at the places from `low` up to but not including `high`, from the last to the first."""
        return map(self._events.__getitem__, range(high - 1, low - 1, -1))

    def __getitem__(self, place: int) -> VaultEvent:
        return self._events[place]

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[VaultEvent]:
        """Oldest first."""
        return iter(self._events)
