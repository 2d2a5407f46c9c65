"""The last 24 hours in steps of five minutes: events in, events out, and when somebody was in trouble.

In memory alone: it begins with the process. What happened before stands in the SIEM.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

STEP = 300.0
"""Seconds."""
STEPS = 288


@dataclass(slots=True)
class Step:
    """Five minutes of one source or collector."""

    events: int = 0
    in_trouble: bool = False


@dataclass(slots=True)
class _Strip:
    total: int
    """The counter at the last look."""
    steps: deque[Step] = field(default_factory=lambda: deque(maxlen=STEPS))


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
            for kind, counter in (("sources", "events"), ("collectors", "confirmed")):
                for name, part in facts[kind].items():
                    self._add(f"{kind}:{name}", part[counter], part["error"] is not None, fresh)

    def steps(self, kind: str, name: str) -> Sequence[Step]:
        """The steps so far, oldest first, the present one last; `kind` is `sources` or `collectors`."""
        with self._guard:
            strip = self._strips.get(f"{kind}:{name}")
            return [Step(step.events, step.in_trouble) for step in strip.steps] if strip else []

    def _new_steps(self, now: float) -> int:
        if self._begun is None:
            self._begun = now
            return 1
        fresh = int((now - self._begun) // STEP)
        self._begun += fresh * STEP
        return fresh

    def _add(self, key: str, total: int, in_trouble: bool, fresh: int) -> None:
        strip = self._strips.setdefault(key, _Strip(total))
        strip.steps.extend(Step() for _ in range(min(max(fresh, 0 if strip.steps else 1), STEPS)))
        step = strip.steps[-1]
        step.events += max(total - strip.total, 0)
        step.in_trouble |= in_trouble
        strip.total = total
