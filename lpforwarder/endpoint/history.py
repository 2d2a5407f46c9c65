"""The last 24 hours in steps of five minutes: events in, events out, and when somebody was in trouble.

In memory alone: it begins with the process. What happened before stands in the SIEM.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

STEP = 300.0
"""Seconds."""
STEPS = 288


@dataclass(frozen=True, slots=True)
class Step:
    """Five minutes of one source or collector."""

    events: int = 0
    in_trouble: bool = False


def _day() -> deque[Any]:
    return deque(maxlen=STEPS)


@dataclass(slots=True)
class _Strip:
    """Numbers side by side instead of objects: with a thousand sources they are 288,000."""

    total: int
    """The counter at the last look."""
    events: deque[int] = field(default_factory=_day)
    troubles: deque[bool] = field(default_factory=_day)


class History:
    """Fed with the status from time to time; may be read by other threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._strips: dict[str, _Strip] = {}
        self._begun: float | None = None

    def note(self, facts: Mapping[str, Any], now: float) -> None:
        """Takes the status at `now`, seconds of a monotonic clock."""
        with self._guard:
            fresh = self._new_steps(now)
            known = self._strips
            self._strips = {}  # who is no longer configured is forgotten
            for kind, counter in (("sources", "events"), ("collectors", "confirmed")):
                for name, part in facts[kind].items():
                    strip = known.get(f"{kind}:{name}") or _Strip(part[counter])
                    self._strips[f"{kind}:{name}"] = strip
                    _add(strip, part[counter], part["error"] is not None, fresh)

    def steps(self, kind: str, name: str, last: int = STEPS) -> Sequence[Step]:
        """The `last` steps, oldest first, the present one last; `kind` is `sources` or `collectors`."""
        with self._guard:
            strip = self._strips.get(f"{kind}:{name}")
            if strip is None:
                return []
            skipped = max(len(strip.events) - last, 0)
            return [
                Step(*each) for each in islice(zip(strip.events, strip.troubles, strict=True), skipped, None)
            ]

    def _new_steps(self, now: float) -> int:
        if self._begun is None:
            self._begun = now
            return 1
        fresh = int((now - self._begun) // STEP)
        self._begun += fresh * STEP
        return fresh


def _add(strip: _Strip, total: int, in_trouble: bool, fresh: int) -> None:
    wanted = min(max(fresh, 0 if strip.events else 1), STEPS)
    strip.events.extend([0] * wanted)
    strip.troubles.extend([False] * wanted)
    strip.events[-1] += max(total - strip.total, 0)
    strip.troubles[-1] |= in_trouble
    strip.total = total
