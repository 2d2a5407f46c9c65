"""A journal in memory that takes nothing while a test says so."""

from __future__ import annotations

from collections.abc import Sequence

from lpforwarder.errors import Failure
from lpforwarder.event import Event, Reject
from tests.fakes.journal import MemoryJournal


class StubbornJournal(MemoryJournal):
    """Raises `failure` at each append as long as there is one; `tries` counts the appends."""

    def __init__(self) -> None:
        super().__init__()
        self.failure: Failure | None = None
        self.tries = 0

    def append(
        self,
        source: str,
        events: Sequence[Event],
        rejects: Sequence[Reject],
        cursor: str,
        duplicates: int = 0,
    ) -> int:
        self.tries += 1
        if self.failure is not None:
            raise self.failure
        return super().append(source, events, rejects, cursor, duplicates)

    def events(self, source: str | None = None) -> list[Event]:
        """All, or those that were appended under this name."""
        return [entry.event for entry in self._entries if source in (None, entry.source)]

    def kinds(self, source: str | None = None) -> list[str]:
        """Their event ids."""
        return [event.text("eventId") for event in self.events(source)]
