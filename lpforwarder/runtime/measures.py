"""What a worker measures of itself, for the metrics: numbers, and how durations are spread.

Counting a duration costs less than a microsecond, so once a page or a batch it costs nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

Measures: TypeAlias = Mapping[str, Any]
"""Name of the metric → a number, or a Spread's `as_json`."""


@runtime_checkable
class Measuring(Protocol):
    """A worker, or a source, that measures something."""

    def measures(self) -> Measures:
        """What is known now; may be asked from another thread. What nobody knows is left out."""


class Spread:
    """How many durations fell under each bound. One thread adds, anybody may read."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    def as_json(self) -> dict[str, Any]:
        """`buckets`: pairs of upper bound and count up to it, the last bound None for no bound; and `sum`."""
        buckets: list[tuple[float | None, int]] = []
        total = 0
        for bound, count in zip((*self._bounds, None), list(self._counts), strict=True):
            total += count
            buckets.append((bound, total))
        return {"buckets": buckets, "sum": round(self._sum, 3)}
