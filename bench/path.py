"""The real path in this process: the poller and the pump that `lpforwarder run` would make, to be stepped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.senders.contract import Job, Target
from bench.senders.lpforwarder import collector, file_source
from lpforwarder.building import poller_for, pump_for
from lpforwarder.delivery.options import CollectorOptions
from lpforwarder.delivery.pump import Pump
from lpforwarder.intake.poller import Poller
from lpforwarder.journal.sqlite import SqliteJournal, open_journal
from lpforwarder.runtime import logs
from lpforwarder.runtime.stop import Stop
from lpforwarder.settings import Settings, decode

KEEP, MAX_SIZE = 30 * 86_400.0, 64 * 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class ThePath:
    """One source and one collector on one journal."""

    journal: SqliteJournal
    poller: Poller
    pump: Pump

    def take_in(self) -> None:
        """Everything the source has, into the journal."""
        while self.poller.step():
            pass

    def hand_over(self) -> None:
        """Everything that waits to the collector, every fence confirmed, the link closed."""
        self.pump.run_to_end(Stop(), lambda: None)


def settings_for(job: Job, target: Target, folder: Path) -> Settings:
    """The configuration that lpforwarder gets for this job, decoded."""
    text = {"sources": [file_source(job.file)], "collectors": [collector("sink", job, target)]}
    return decode(json.dumps(text), folder / "lpforwarder.yaml")


def collector_options(job: Job, target: Target, folder: Path) -> CollectorOptions:
    """Of the one collector."""
    return settings_for(job, target, folder).collectors[0]


@contextmanager
def open_path(job: Job, target: Target, folder: Path) -> Iterator[ThePath]:
    """Its parts, with a journal in `folder`."""
    logs.configure("error", "json")
    settings = settings_for(job, target, folder)
    with open_journal_in(folder) as journal:
        poller = poller_for(settings.sources[0], journal, settings.privacy)
        pump = pump_for(settings.collectors[0], journal)
        try:
            yield ThePath(journal=journal, poller=poller, pump=pump)
        finally:
            poller.close()


def open_journal_in(folder: Path) -> SqliteJournal:
    """The journal of that folder, by its usual rules."""
    return open_journal(folder / "journal.db", keep=KEEP, max_size=MAX_SIZE, when_full="pause-polling")
