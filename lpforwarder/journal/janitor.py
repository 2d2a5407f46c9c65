"""The worker that keeps the journal within its limits: a little at a time, between the appends."""

from __future__ import annotations

from collections.abc import Callable

from lpforwarder.journal.sqlite import SqliteJournal
from lpforwarder.runtime.stop import Stop

EVERY = 10.0
"""Seconds between two looks when there is nothing to do."""
BETWEEN = 0.02
"""Seconds between two steps of a longer job; appends go first."""


class Janitor:
    """Removes what may go (see retention.py), keeps log and file small, takes the reserve back."""

    def __init__(self, journal: SqliteJournal) -> None:
        self._journal = journal

    def run(self, stop: Stop, beat: Callable[[], None]) -> None:
        """Works until stopped; raises what only the supervisor can judge."""
        while not stop.stopping:
            more = self.step()
            beat()
            stop.wait(BETWEEN if more else EVERY)

    def step(self) -> bool:
        """A few milliseconds of work; True when there is more to do at once.

        Room first: on a full disk nothing can be removed before the reserve has made way, and nothing is
        appended before it is back.
        """
        self._journal.make_reserve()
        removed = self._journal.remove_some()
        shrunk = self._journal.shrink_some()
        self._journal.tidy_log()
        if not (removed or shrunk):
            self._journal.trim_rejects()
        return bool(removed) or shrunk

    def abort(self) -> None:
        """Nothing hangs here: no step waits for anybody outside."""
