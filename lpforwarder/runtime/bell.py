"""How a worker that sleeps is woken: it has one bell, and lets those ring it who have something for it.

To sleep for seconds and be woken at once costs less than to look every half second: to wake up takes a
thread 0.2 ms of CPU before it has done anything, and of an idle service that is nearly all.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Self, TypeAlias

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


class SelectableBell:
    """The same for one that sleeps in select() or poll(): there is something to read once it was rung.

    Its descriptor is there within a `with` block, which must outlast all who may ring it.
    """

    def __enter__(self) -> Self:
        self._descriptor = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def fileno(self) -> int:
        """What to select for."""
        return self._descriptor

    def ring(self) -> None:
        """Ends all sleeps until clear()."""
        os.eventfd_write(self._descriptor, 1)

    def clear(self) -> None:
        """It was heard; nothing happens when it was not rung."""
        with suppress(BlockingIOError):
            os.eventfd_read(self._descriptor)


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
