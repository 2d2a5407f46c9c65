"""How a worker that sleeps is woken: it has one bell, and lets those ring it who have something for it.

To sleep for seconds and be woken at once costs less than to look every half second: to wake up takes a
thread 0.2 ms of CPU before it has done anything, and of an idle service that is nearly all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

Ring: TypeAlias = Callable[[], object]
"""Wakes somebody; any thread may call it. It must neither wait nor raise."""


class Bell:
    """One thread sleeps on it, any may ring it."""

    def __init__(self) -> None:
        self._rung = threading.Event()

    def ring(self) -> None:
        """Ends the sleep; while nobody sleeps, the next one ends at once, so that no ring is lost."""
        self._rung.set()

    def wait(self, seconds: float) -> None:
        """Sleeps until it is rung, or so many seconds. Whoever is woken looks at everything there may be."""
        self._rung.wait(seconds)
        self._rung.clear()


class Bells:
    """Those that are rung on the same occasion; for any number of threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._rings: list[Ring] = []

    def ring(self) -> None:
        """Rings all of them."""
        with self._guard:
            for ring in self._rings:
                ring()

    @contextmanager
    def ringing(self, ring: Ring) -> Iterator[None]:
        """It is rung within this block, and never after it."""
        with self._guard:
            self._rings.append(ring)
        try:
            yield
        finally:
            with self._guard:
                self._rings.remove(ring)
