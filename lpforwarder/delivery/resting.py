"""How long a collector's loop may sleep after a step in which there was nothing to do. Pure.

An append and a stop end its sleep at once; all else is found by looking again: a link that ends, a better
host, renewed TLS files.
"""

from __future__ import annotations

from collections.abc import Callable

from lpforwarder.delivery.rate import Rate

BUSY = 0.02  # seconds between two looks while something is unconfirmed
LIVELY = 0.5  # the same when something happened a moment ago, or events wait for their turn
QUIET = 3.0  # the same in a quiet hour; people wait for what is found, and a link that dies has 30 s for it
MOMENT = 5.0  # seconds; a collector that hangs up on a connection at once is to be known as one that does


class Resting:
    """Times are seconds of one monotonic clock; `rate` is None for a collector that takes all at once."""

    def __init__(self, rate: Rate | None, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._clock = clock
        self._stirred_at = float("-inf")

    def stirs(self) -> None:
        """Something happened: a connection was made, or something was confirmed."""
        self._stirred_at = self._clock()

    def seconds(self, unconfirmed: int, *, is_held: bool) -> float:
        """Until the next look; `is_held` says that events wait for the rate."""
        now = self._clock()
        if is_held and self._rate is not None:
            return min(max(self._rate.wait(now), BUSY), LIVELY)
        if unconfirmed:
            return BUSY
        return LIVELY if now - self._stirred_at < MOMENT else QUIET
