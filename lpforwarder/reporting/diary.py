"""Own events on their way into the journal: in order, each once, kept in memory while it takes none."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog
from msgspec.structs import replace

from lpforwarder import own_events, rfc3339
from lpforwarder.errors import Failure, Fatal
from lpforwarder.event import OWN, Cursor, Event, Reject, Seq
from lpforwarder.own_events import Stamp
from lpforwarder.reporting.told import Place, Told, read_place

MOST_KEPT = 1000
"""Own events that wait in memory; some 700 octets each."""
TRY_AGAIN = 10.0
"""Seconds between two tries to write what waits; a full disk is not helped by more."""

log = structlog.get_logger()


class OwnJournal(Protocol):
    """The little that reports need of a journal."""

    def cursor(self, source: str) -> Cursor | None:
        """The place behind the last append of this source; None before the first."""

    def append(self, source: str, events: Sequence[Event], rejects: Sequence[Reject], cursor: str) -> int:
        """Keeps events and cursor in one transaction. Raises a Failure when it cannot, and keeps nothing."""

    def newest(self) -> Seq:
        """The last place in the journal."""


class Diary:
    """Writes own events for everybody, with the forwarder's own place as their cursor.

    For several threads. An event is written with the place that counts then: when both are lost with the
    process, the next life tells the same again.
    """

    def __init__(
        self,
        journal: OwnJournal,
        life: str,
        *,
        now: Callable[[], str] = rfc3339.now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.place = read_place(journal.cursor(OWN))
        self._journal = journal
        self._life = life
        self._now = now
        self._clock = clock
        self._guard = threading.RLock()
        self._number = 0
        self._waiting: deque[Event] = deque()
        self._lost = 0
        self._next_try = float("-inf")

    @property
    def waiting(self) -> int:
        """Events that the journal has not taken yet, those included that were given up."""
        return len(self._waiting) + self._lost

    def stamp(self, repeated: int = 0) -> Stamp:
        """For the next own event; each is used once."""
        with self._guard:
            self._number += 1
            return Stamp(life=self._life, number=self._number, time=self._now(), repeated=repeated)

    def write(self, event: Event, after: Callable[[Place], Place] = lambda place: place) -> None:
        """Keeps an event for the journal, and writes it unless that has just failed.

        `after` gives the place that counts with it. Raises Fatal alone: what time or a person mends, the
        event waits for.
        """
        with self._guard:
            self.place = after(self.place)
            if len(self._waiting) < MOST_KEPT:
                self._waiting.append(event)
            else:
                self._lost += 1
            self._flush()

    def settle(self, told: Told) -> None:
        """Notes without an event that this is what was told; for the one thread that tells."""
        with self._guard:
            self.place = replace(self.place, told=told)

    def retry(self) -> None:
        """Writes what waits, if it is time to. Raises Fatal."""
        with self._guard:
            if self.waiting:
                self._flush()

    def insist(self) -> None:
        """Writes what waits, whenever that was tried last. Raises Fatal."""
        with self._guard:
            self._next_try = float("-inf")
            self.retry()

    def _flush(self) -> None:
        if self._clock() < self._next_try:
            return
        events = [*self._waiting]
        if self._lost:
            events.append(own_events.own_events_lost(self.stamp(), count=self._lost))
        try:
            self._journal.append(OWN, events, (), self.place.text())
        except Fatal:
            raise
        except Failure as failure:
            self._defer(failure)
        else:
            self._waiting.clear()
            self._lost, self._next_try = 0, float("-inf")

    def _defer(self, failure: Failure) -> None:
        if self._next_try == float("-inf"):
            log.warning("report.deferred", code=failure.code, reason=failure.what, waiting=self.waiting)
        self._next_try = self._clock() + TRY_AGAIN
