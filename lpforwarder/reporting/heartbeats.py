"""Heartbeats: to each collector in its own interval, with what was done for it since the last one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from msgspec import Struct, field, to_builtins
from msgspec.structs import asdict, replace

from lpforwarder.errors import Failure, Fatal
from lpforwarder.event import Event, addressed_to
from lpforwarder.own_events import Stamp
from lpforwarder.reporting.diary import OwnJournal
from lpforwarder.reporting.heartbeat import Counts, Present, heartbeat
from lpforwarder.reporting.view import CollectorView, View

Waiting = Callable[[str, int], tuple[int, str | None]]
"""(collector, checkpoint) → how many events wait behind it, and when the oldest was received."""


class Beat(Struct, frozen=True, kw_only=True):
    """The last heartbeat for one collector, as the journal keeps it beside it."""

    number: int = 0
    at: str | None = None
    place: int = 0
    """Its place in the journal, or one a little before it."""
    totals: Counts = field(default_factory=Counts)

    def text(self) -> str:
        """For the journal."""
        return json.dumps(to_builtins(self), separators=(",", ":"))


def read_beat(text: str | None) -> Beat:
    """The heartbeat that the text says; that before the first when it says none."""
    try:
        data = json.loads(text or "{}")
        return Beat(**{**data, "totals": Counts(**data.get("totals", {}))})
    except (ValueError, TypeError, AttributeError):
        return Beat()


@dataclass(slots=True)
class _Rhythm:
    """When the next heartbeat for one collector is due."""

    worker: object
    due: float
    last: Beat
    skipped: int = 0


class Heartbeats:
    """Writes them; belongs to one thread."""

    def __init__(
        self, journal: OwnJournal, waiting: Waiting, stamp: Callable[[], Stamp], *, version: str
    ) -> None:
        self.last: str | None = None
        """When the last one was written in this life; RFC 3339."""
        self._journal = journal
        self._waiting = waiting
        self._stamp = stamp
        self._version = version
        self._rhythms: dict[str, _Rhythm] = {}
        self._written: dict[str, Beat] = {}
        """The last one of this life; those of collectors that were removed too."""

    def step(self, view: View, uptime: float) -> None:
        """Writes those that are due. One that the journal does not take is left out and counted.

        A collector that is away gets no second one before it has the first. Raises Fatal.
        """
        self._rhythms = {name: kept for name, kept in self._rhythms.items() if name in view.collectors}
        for name, collector in view.collectors.items():
            if not collector.heartbeat:
                self._rhythms.pop(name, None)
            if not collector.heartbeat or collector.worker is None:
                continue
            rhythm = self._rhythm(name, collector, view.monotonic)
            is_away = not collector.is_connected and collector.checkpoint < rhythm.last.place
            if view.monotonic >= rhythm.due and not is_away:
                self._beat(name, collector, rhythm, view, uptime)

    def _rhythm(self, name: str, collector: CollectorView, now: float) -> _Rhythm:
        """A worker made anew begins with a heartbeat."""
        known = self._rhythms.get(name)
        if known is not None and known.worker is collector.worker:
            return known
        last = self._written.get(name) or self._inherited(name)
        self._rhythms[name] = _Rhythm(collector.worker, now, last, known.skipped if known else 0)
        return self._rhythms[name]

    def _inherited(self, name: str) -> Beat:
        """The last one of the life before. What is sent counts from 0 in each life."""
        last = read_beat(self._journal.cursor(addressed_to(name)))
        return replace(last, totals=replace(last.totals, sent=0))

    def _beat(self, name: str, collector: CollectorView, rhythm: _Rhythm, view: View, uptime: float) -> None:
        late = int((view.monotonic - rhythm.due) / collector.heartbeat)
        rhythm.due = view.monotonic + collector.heartbeat
        rhythm.skipped += late
        beat, event = self._made(name, collector, rhythm, view, uptime)
        try:
            self._journal.append(addressed_to(name), [event], (), beat.text())
        except Fatal:
            raise
        except Failure:
            rhythm.skipped += 1
            return
        rhythm.last, rhythm.skipped, self.last = beat, 0, beat.at
        self._written[name] = beat

    def _made(
        self, name: str, collector: CollectorView, rhythm: _Rhythm, view: View, uptime: float
    ) -> tuple[Beat, Event]:
        last, totals, stamp = rhythm.last, totals_of(view, collector), self._stamp()
        waiting, oldest = self._waiting(name, collector.checkpoint)
        event = heartbeat(
            stamp,
            collector=name,
            number=last.number + 1,
            skipped=rhythm.skipped,
            since=last.at,
            version=self._version,
            grown=grown(last.totals, totals),
            present=Present(
                waiting=waiting,
                oldest_waiting=oldest,
                newest_event=max((one.newest or "" for one in view.sources.values()), default="") or None,
                position=view.position,
                sequence=collector.number,
                uptime=uptime,
            ),
        )
        # Others may append before we do; then the heartbeat stands a little behind this place.
        place = self._journal.newest() + 1
        return Beat(number=last.number + 1, at=stamp.time, place=place, totals=totals), event


def totals_of(view: View, collector: CollectorView) -> Counts:
    """The counters as they are now."""
    return Counts(
        read=sum(source.read for source in view.sources.values()),
        rejected=sum(source.rejected for source in view.sources.values()),
        sent=collector.sent,
        confirmed=collector.confirmed,
        replayed=collector.replayed,
        set_aside=collector.set_aside,
    )


def grown(before: Counts, now: Counts) -> Counts:
    """By how much; a counter that is smaller than before has begun anew."""
    was = asdict(before)
    return Counts(
        **{name: value - was[name] if value >= was[name] else value for name, value in asdict(now).items()}
    )
