"""How late events are when they are handed over: from the time in the event to the network."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from lpforwarder import rfc3339
from lpforwarder.event import Stretch, is_own
from lpforwarder.runtime.measures import Spread

DELIVERY_SECONDS = (0.1, 0.5, 1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0)
"""Bounds of the metric of the same name: from a file that is followed to a day of outage."""


class Lateness:
    """Counts one event of each batch, the oldest; more would cost more and say the same."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.spread = Spread(DELIVERY_SECONDS)

    def note(self, stretches: Sequence[Stretch]) -> None:
        """Takes a batch that was handed over for the first time; its first event of a source counts.

        Own events do not count: heartbeats would outnumber the rest on a quiet day. Neither does an event
        without a time. One of the future counts as not late at all.
        """
        first = next((stretch for stretch in stretches if not is_own(stretch.source)), None)
        happened = None if first is None else rfc3339.of_canonical(first.entry(0).event.text("timestamp"))
        if happened is not None:
            self.spread.add(max(self._clock() - happened / 1000, 0.0))
