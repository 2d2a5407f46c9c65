"""How often somebody may ask: a bucket of tokens for each name."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

_MOST_NAMES = 10_000


class Pace:
    """Counts for any number of names; the ones not seen for longest are forgotten first."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_of(self, name: str, rate: float, burst: float) -> int:
        """Takes one; 0 when there was one left, else the whole seconds until there is.

        `rate` a second come back, and at most `burst` are kept.
        """
        now = self._clock()
        left, then = self._buckets.pop(name, (burst, now))
        left = min(burst, left + (now - then) * rate)
        allowed = left >= 1.0
        self._buckets[name] = (left - 1.0 if allowed else left, now)
        while len(self._buckets) > _MOST_NAMES:
            self._buckets.popitem(last=False)
        return 0 if allowed else max(1, math.ceil((1.0 - left) / rate))
