"""How many events may go to a collector in a second: a token bucket, without a clock of its own."""

from __future__ import annotations

BURST = 1.0  # seconds of the rate that may go out at once after a quiet time
PORTION = 0.05  # seconds of the rate worth waiting for: a write for each event would cost more than it


class Rate:
    """Allows `per_second` events a second, and what a second was worth at once. Times are monotonic."""

    def __init__(self, per_second: float, now: float) -> None:
        self.per_second = per_second
        self._most = max(per_second * BURST, 1.0)
        self._allowed = self._most
        self._at = now

    def allowed(self, now: float) -> int:
        """How many events may go now."""
        self._allowed = min(self._allowed + (now - self._at) * self.per_second, self._most)
        self._at = now
        return int(self._allowed)

    def spend(self, count: int) -> None:
        """Notes that so many have gone."""
        self._allowed -= count

    def wait(self, now: float) -> float:
        """Seconds until it is worth while to look again."""
        wanted = min(max(self.per_second * PORTION, 1.0), self._most)
        self.allowed(now)
        return max(wanted - self._allowed, 0.0) / self.per_second
