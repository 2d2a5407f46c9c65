"""The worker that reports: looks at the service once a second, and writes what a SIEM should know of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

import structlog
from msgspec import Struct
from msgspec.structs import replace

from lpforwarder import __version__, own_events, rfc3339
from lpforwarder.errors import Failure, Fatal
from lpforwarder.own_events import Stamp
from lpforwarder.reporting import reloads
from lpforwarder.reporting.changes import Change, changes, clock_jump, forget, jumped
from lpforwarder.reporting.diary import Diary, OwnJournal
from lpforwarder.reporting.heartbeats import Heartbeats, Waiting
from lpforwarder.reporting.judging import USUAL, Thresholds
from lpforwarder.reporting.pace import Pace
from lpforwarder.reporting.trail import Trail, accessed
from lpforwarder.reporting.view import View
from lpforwarder.runtime.stop import Stop

EVERY = 1.0
"""Seconds between two looks."""

log = structlog.get_logger()


class Configuration(Struct, frozen=True, kw_only=True):
    """What a start says of the settings."""

    fingerprint: str
    sources: int
    collectors: int


class Reporter:
    """Writes the forwarder's own events; `reported` takes the numbers of gaps whose report is written.

    started(), stopped(), configured(), refused() and mended() belong to the main thread, step() to the
    worker's. They raise Fatal alone: what cannot be written now is kept, and written later.
    """

    def __init__(
        self,
        journal: OwnJournal,
        look: Callable[[], View],
        waiting: Waiting,
        reported: Callable[[Collection[int]], None] = lambda _: None,
        *,
        life: str,
        thresholds: Thresholds = USUAL,
        trail: Trail | None = None,
        now: Callable[[], str] = rfc3339.now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look = look
        self._waiting = waiting
        self._reported = reported
        self._thresholds = thresholds
        self._trail = trail or Trail(clock=clock)
        self._clock = clock
        self._began = clock()
        self._diary = Diary(journal, life, now=now, clock=clock)
        self._heartbeats = Heartbeats(journal, waiting, self._diary.stamp, version=__version__)
        self._pace = Pace(thresholds.pause)
        self._before: View | None = None
        """The last look, or the one before a jump of the clock that was not told yet."""

    @property
    def last_heartbeat(self) -> str | None:
        """When one was last written in this life; RFC 3339."""
        return self._heartbeats.last

    # ---- what others say ----------------------------------------------------------------------------------

    def started(self, configuration: Configuration) -> None:
        """The first event of a life; to be written before anything else is."""
        before, stamp = self._diary.place, self._diary.stamp()
        event = own_events.started(
            stamp,
            version=__version__,
            configuration=configuration.fingerprint,
            sources=configuration.sources,
            collectors=configuration.collectors,
            after_crash=not before.ended,
            before=before.started,
        )
        self._diary.write(event, lambda place: replace(place, started=stamp.time, ended=False))

    def stopped(self, failure: str | None = None) -> None:
        """The last event of a life; to be written when this worker has ended."""
        self._tell_accesses(all_of_them=True)
        uptime = self._clock() - self._began
        event = own_events.stopped(self._diary.stamp(), version=__version__, uptime=uptime, failure=failure)
        self._diary.write(event, lambda place: replace(place, ended=True))
        self._diary.insist()
        if lost := self._diary.waiting:
            log.error("report.dropped", count=lost, reason="the journal takes nothing and the process ends")

    def configured(self, *, before: str, after: str, changed: str) -> None:
        """A changed configuration took effect."""
        event = reloads.configured(self._diary.stamp(), before=before, after=after, changed=changed)
        self._diary.write(event)

    def refused(self, *, before: str, problems: int, code: str, place: str, reason: str) -> None:
        """A changed configuration has mistakes, and was not used; of the first code, place and reason."""
        event = reloads.refused(
            self._diary.stamp(), before=before, problems=problems, code=code, place=place, reason=reason
        )
        self._diary.write(event)

    def mended(self, *, before: str, changed: str) -> None:
        """After a refused configuration came one without mistakes, which changes nothing."""
        self._diary.write(reloads.mended(self._diary.stamp(), before=before, changed=changed))

    # ---- the worker ---------------------------------------------------------------------------------------

    def run(self, stop: Stop, beat: Callable[[], None]) -> None:
        """Looks until stopped."""
        while not stop.stopping:
            self.step()
            beat()
            stop.wait(EVERY)

    def step(self) -> None:
        """One look."""
        view = self._look()
        self._tell(view)
        self._tell_accesses()
        self._heartbeats.step(view, uptime=view.monotonic - self._began)
        self._diary.retry()
        self._note_reported()

    def abort(self) -> None:
        """Nothing hangs here: no step waits for anybody outside."""

    # ---- its parts ----------------------------------------------------------------------------------------

    def _tell(self, view: View) -> None:
        told = forget(self._diary.place.told, view)
        self._diary.settle(told)
        found = [*self._jump(view), *changes(told, view, self._thresholds, self._waited)]
        for change, repeated in self._pace.admitted(found, view.monotonic):
            self._write(change, self._diary.stamp(repeated))
            if change.key == "clock":
                self._before = view

    def _write(self, change: Change, stamp: Stamp) -> None:
        self._diary.write(change.event(stamp), lambda place: replace(place, told=change.after(place.told)))

    def _tell_accesses(self, *, all_of_them: bool = False) -> None:
        for visits in self._trail.due(all_of_them=all_of_them):
            self._diary.write(accessed(self._diary.stamp(), visits))

    def _jump(self, view: View) -> list[Change]:
        """The jump of the clock since the last look, if there was one."""
        before = self._before or view
        seconds = clock_jump(before, view)
        if abs(seconds) <= self._thresholds.clock:
            self._before = view
            return []
        return [jumped(seconds)]

    def _note_reported(self) -> None:
        """Lets the journal know which gaps are told, once the report is in it; tried again if it fails."""
        told = self._diary.place.told
        if not told.missing or self._diary.waiting:
            return
        try:
            self._reported(told.missing)
        except Fatal:
            raise
        except Failure:
            return
        self._diary.settle(replace(told, missing=frozenset()))

    def _waited(self, collector: str, place: int) -> int:
        return self._waiting(collector, place)[0]
