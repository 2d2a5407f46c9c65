"""Between the running service and the reporter: looks at the one, and tells the other what was done."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Protocol

from lpforwarder import rfc3339
from lpforwarder.config.problems import place, without_values
from lpforwarder.delivery.filters import chosen_by
from lpforwarder.delivery.pump import Pump
from lpforwarder.errors import ConfigError, Failure, Fatal
from lpforwarder.intake.poller import Poller
from lpforwarder.journal.sqlite import SqliteJournal
from lpforwarder.reporting import looking
from lpforwarder.reporting.judging import Thresholds
from lpforwarder.reporting.reporter import Configuration, Reporter
from lpforwarder.reporting.trail import Trail
from lpforwarder.reporting.view import View
from lpforwarder.runtime.plan import Plan
from lpforwarder.runtime.supervisor import Supervisor
from lpforwarder.settings import Settings


class Service(Protocol):
    """What is looked at. Its mappings may change meanwhile."""

    settings: Settings | None
    journal: SqliteJournal
    supervisor: Supervisor
    pumps: dict[str, Pump]
    pollers: dict[str, Poller]


class Spokesman:
    """Speaks for one life of the service. All but look() and waiting() belong to the main thread.

    None of them raises Fatal: whoever else writes to the journal finds the same, and the process ends for it.
    """

    def __init__(self, service: Service, hostname: str, thresholds: Thresholds) -> None:
        self._service = service
        self._standing: dict[str, tuple[str, float]] = {}
        """Collector → since when nothing was confirmed, as its link says it, and when we saw that first."""
        self._is_refused = False
        """The last reload found mistakes."""
        self.trail = Trail()
        """Takes who read over HTTP."""
        life = f"{hostname} {rfc3339.now()} {uuid.uuid4()}"
        self.reporter = Reporter(
            service.journal,
            self.look,
            self.waiting,
            self.reported,
            life=life,
            thresholds=thresholds,
            trail=self.trail,
        )

    # ---- what was done ------------------------------------------------------------------------------------

    def started(self, settings: Settings) -> None:
        """These settings take effect for the first time; no worker runs yet."""
        for collector in settings.collectors:  # one that begins at the newest event begins with this one
            self._service.journal.register(collector.name, collector.start)
        told = Configuration(
            fingerprint=looking.fingerprint(settings),
            sources=len(settings.sources),
            collectors=len(settings.collectors),
        )
        with suppress(Fatal):
            self.reporter.started(told)

    def stopped(self) -> None:
        """Nothing but what waits is handed over any more."""
        fatal = self._service.supervisor.fatal
        failure = fatal.what if isinstance(fatal, Failure) else type(fatal).__name__ if fatal else None
        with suppress(Fatal):
            self.reporter.stopped(failure)

    def configured(self, before: Settings, now: Settings, plan: Plan, waits: Sequence[str] = ()) -> None:
        """A reload was carried out; `waits` are the keys that wait for a restart."""
        old, new = looking.fingerprint(before), looking.fingerprint(now)
        was_refused, self._is_refused = self._is_refused, False
        with suppress(Fatal):
            if old != new or plan.start or plan.stop:
                self.reporter.configured(before=old, after=new, changed=looking.changed(plan, waits))
            elif was_refused:  # or nobody who heard of the mistakes would hear of their end
                self.reporter.mended(before=old, changed=looking.changed(plan))

    def refused(self, error: ConfigError) -> None:
        """A reload found mistakes."""
        settings = self._service.settings
        problems = [problem for problem in error.problems if not problem.note]
        if settings is not None and problems:
            before, first = looking.fingerprint(settings), problems[0]
            self._is_refused = True
            with suppress(Fatal):
                self.reporter.refused(
                    before=before,
                    problems=len(problems),
                    code=first.code,
                    place=place(first),
                    reason=without_values(first),
                )

    # ---- how it is ----------------------------------------------------------------------------------------

    def look(self) -> View:
        """The state now; cheap enough for every second."""
        service = self._service
        settings, facts = service.settings, service.journal.facts()
        states = service.supervisor.states(measured=False)
        now = time.monotonic()
        assert settings is not None, "the reporter starts when there are settings"
        return View(
            monotonic=now,
            wall=time.time_ns() // 1_000_000,
            sources={
                one.name: looking.source_view(
                    one, service.pollers.get(one.name), states.get(f"source:{one.name}"), facts, now
                )
                for one in settings.sources
            },
            collectors={
                one.name: looking.collector_view(
                    one,
                    service.pumps.get(one.name),
                    states.get(f"collector:{one.name}"),
                    facts,
                    now,
                    self._stands_for(service.pumps.get(one.name), now),
                )
                for one in settings.collectors
            },
            missing=looking.missing(service.journal.untold_gaps()) if facts.gaps else (),
            warnings=looking.warnings(service.journal.warnings),
            position=facts.last,
        )

    def _stands_for(self, pump: Pump | None, now: float) -> float:
        """Seconds since this collector last confirmed anything new, while something was to be confirmed.

        By our own looks: the link tells it by the wall clock, which may jump.
        """
        since = pump.link.unmoved_since if pump is not None else None
        if pump is None or since is None:
            return 0.0
        before, began = self._standing.get(pump.name, ("", now))
        self._standing[pump.name] = (since, began if since == before else now)
        return now - self._standing[pump.name][1]

    def reported(self, numbers: Collection[int]) -> None:
        """The gaps with these numbers were reported."""
        journal = self._service.journal
        journal.gaps_told([gap for gap in journal.untold_gaps() if gap.number in numbers])

    def waiting(self, collector: str, checkpoint: int) -> tuple[int, str | None]:
        """How many events this collector still gets from behind there, and when the oldest was received."""
        settings = self._service.settings
        for options in settings.collectors if settings else ():
            if options.name == collector:
                return self._service.journal.waiting(checkpoint, chosen_by(options))
        return 0, None
