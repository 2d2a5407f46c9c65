"""A journal in memory that keeps every promise of the real one but surviving the process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal

from lpforwarder.errors import Failure
from lpforwarder.event import Cursor, Entry, Event, Poison, Reject, Seq, Stretch
from lpforwarder.runtime.bell import Bells, Ring


@dataclass(slots=True)
class Place:
    """A collector's row."""

    checkpoint: int = 0
    resume: int = 0
    clean: bool = False
    sent: int = 0
    confirmed: int = 0
    replayed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of events that were to be set aside."""

    fresh: Mapping[int, Poison]
    lost: Mapping[str, int] = field(default_factory=dict)


class MemoryJournal:
    """Satisfies IntakeJournal and DeliveryJournal for several threads at once."""

    def __init__(self) -> None:
        self.rejects: list[tuple[str, Reject]] = []
        self.duplicates: dict[str, int] = {}
        self.places: dict[str, Place] = {}
        self.aside: dict[tuple[str, int], Poison] = {}
        """By collector and place."""
        self.failures: list[Failure] = []
        """Raised by the next set_aside(), one each, which then keep nothing."""
        self.lost: dict[str, int] = {}
        """What set_aside() says had to make room."""
        self._entries: list[Entry] = []
        self._damaged: set[int] = set()
        self._cursors: dict[str, Cursor] = {}
        self._appending = threading.Lock()
        self._bells = Bells()

    def cursor(self, source: str) -> Cursor | None:
        return self._cursors.get(source)

    def append(
        self,
        source: str,
        events: Sequence[Event],
        rejects: Sequence[Reject],
        cursor: str,
        duplicates: int = 0,
    ) -> int:
        with self._appending:
            for event in events:
                self._entries.append(Entry(Seq(len(self._entries) + 1), source, event))
            self.rejects += [(source, reject) for reject in rejects]
            self.duplicates[source] = self.duplicates.get(source, 0) + duplicates
            self._cursors[source] = Cursor(cursor)
        if events:
            self._bells.ring()
        return len(events)

    def read(self, after: Seq, limit: int) -> list[Entry]:
        if not self._damaged:
            return self._entries[after : after + limit]
        return [entry for entry in self._entries[after:] if entry.seq not in self._damaged][:limit]

    def stretches(self, after: Seq, limit: int) -> list[Stretch]:
        runs: list[tuple[Entry, list[bytes]]] = []
        for entry in self.read(after, limit):
            begin, lines = runs[-1] if runs else (entry, [])
            if runs and (entry.source, entry.seq) == (begin.source, begin.seq + len(lines)):
                lines.append(entry.event.line)
            else:
                runs.append((entry, [entry.event.line]))
        return [Stretch(begin.seq, begin.source, lines) for begin, lines in runs]

    def newest(self) -> Seq:
        return Seq(len(self._entries))

    def ringing(self, ring: Ring) -> AbstractContextManager[None]:
        return self._bells.ringing(ring)

    def register(self, collector: str, start: Literal["oldest", "newest"]) -> None:
        if collector not in self.places:
            first = len(self._entries) if start == "newest" else 0
            self.places[collector] = Place(checkpoint=first, resume=first)

    def checkpoint(self, collector: str) -> Seq:
        return Seq(self.places.get(collector, Place()).checkpoint)

    def resume(self, collector: str) -> Seq:
        return Seq(self.places.get(collector, Place()).resume)

    def clean(self, collector: str) -> bool:
        return self.places.get(collector, Place()).clean

    def sent(self, collector: str) -> Seq:
        return Seq(self.places.get(collector, Place()).sent)

    def advance(
        self,
        collector: str,
        to: Seq,
        resume: Seq,
        *,
        clean: bool = False,
        sent: int = 0,
        confirmed: int = 0,
        replayed: int = 0,
    ) -> None:
        if to > len(self._entries):
            raise ValueError(f"{collector} cannot have confirmed {to}: the journal ends at {self.newest()}")
        place = self.places.setdefault(collector, Place())
        place.checkpoint = max(place.checkpoint, to)
        place.resume = min(resume, to)
        place.clean = clean
        place.sent = max(place.sent, sent)
        place.confirmed += confirmed
        place.replayed += replayed

    def set_aside(self, collector: str, poisons: Sequence[Poison]) -> Outcome:
        if self.failures:
            raise self.failures.pop(0)
        fresh = {
            int(poison.entry.seq): poison
            for poison in poisons
            if (collector, poison.entry.seq) not in self.aside
        }
        self.aside |= {(collector, number): poison for number, poison in fresh.items()}
        return Outcome(fresh=fresh, lost=self.lost)

    def damage(self, place: int) -> None:
        """What stands there cannot be read any more."""
        self._damaged.add(place)

    def waiting(
        self, checkpoint: int, wanted: Callable[[str, str, str, int], bool]
    ) -> tuple[int, str | None]:
        """How many entries behind `checkpoint` are wanted; memory keeps no time of receipt."""
        behind = self._entries[checkpoint:]
        return sum(1 for entry in behind if _asks(wanted, entry)), None


def _asks(wanted: Callable[[str, str, str, int], bool], entry: Entry) -> bool:
    event = entry.event
    return wanted(entry.source, event.text("eventType"), event.text("eventId"), event.severity)
