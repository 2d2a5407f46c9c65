"""The little that intake needs of a journal, in memory."""

from __future__ import annotations

from collections.abc import Sequence

from lpforwarder.event import Event, Reject
from lpforwarder.intake.contract import Cursor


class FakeIntakeJournal:
    """Keeps what is appended; an id it knows is a duplicate. `failure`, if set, is raised by append."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.rejects: list[Reject] = []
        self.appends = 0
        self.failure: Exception | None = None
        self._cursors: dict[str, Cursor] = {}
        self._ids: set[tuple[str, str]] = set()

    def cursor(self, source: str) -> Cursor | None:
        return self._cursors.get(source)

    def append(self, source: str, events: Sequence[Event], rejects: Sequence[Reject], cursor: Cursor) -> int:
        if self.failure is not None:
            raise self.failure
        self.appends += 1
        new = [event for event in events if (source, event.text("id")) not in self._ids]
        self._ids.update((source, event.text("id")) for event in new)
        self.events.extend(new)
        self.rejects.extend(rejects)
        self._cursors[source] = cursor
        return len(new)
