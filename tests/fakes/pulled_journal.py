"""An honest journal for the endpoint, in memory: pages that grow, and the oldest of them removed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from lpforwarder.event import Entry, Event, Seq
from lpforwarder.journal.page import StoredPage, store
from lpforwarder.runtime.bell import Bells, Ring

KEY = bytes(range(64))
"""Seals the cursors of tests."""


class FakePulledJournal:
    """Satisfies endpoint.contract.EndpointJournal, as tests/contract/test_pulled_journals.py checks."""

    def __init__(self, identity: str = "abcd1234abcd1234") -> None:
        self._identity = identity
        self._pages: list[StoredPage] = []
        self._removed = 0
        self._last = 0
        self._bells = Bells()

    def identity(self) -> str:
        return self._identity

    def stored(self, after: Seq, limit: int) -> Sequence[StoredPage]:
        found: list[StoredPage] = []
        have = 0
        for page in self._pages:
            if page.end - 1 <= after or have >= limit:
                continue
            found.append(page)
            have += page.end - max(page.first, after + 1)
        return found

    def of_source(self, source: str, after: Seq) -> tuple[Sequence[StoredPage], Seq]:
        return [page for page in self._pages if page.source == source and page.first > after], self.last()

    def oldest(self) -> Seq:
        return Seq(self._removed)

    def last(self) -> Seq:
        return Seq(self._last)

    def newest(self) -> Seq:
        return Seq(self._last)

    def ringing(self, ring: Ring) -> AbstractContextManager[None]:
        return self._bells.ringing(ring)

    def find(self, event_id: str, wanted: Callable[[str], bool] = lambda _: True) -> Entry | None:
        entries = (entry for page in self._pages if wanted(page.source) for entry in page.entries())
        return next((entry for entry in entries if entry.event.text("id") == event_id), None)

    # ---- what a test does to it ------------------------------------------------------------------------

    def append(self, source: str, *events: Event) -> None:
        """One more page."""
        page = store(self._last + 1, source, events, "2026-01-01T00:00:00.000Z")
        self._pages.append(page)
        self._last = page.end - 1
        self._bells.ring()

    def remove_oldest(self) -> None:
        """Retention takes the oldest page."""
        self._removed = self._pages.pop(0).end - 1


def events(first: int, count: int, **fields: object) -> list[Event]:
    """Numbered events, a second apart: `e1` at 00:00:01 …"""
    return [
        Event.of(
            {
                "id": f"e{number}",
                "timestamp": f"2026-01-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}.000Z",
                "eventId": "1001",
                "eventType": "authentication",
                **fields,
            }
        )
        for number in range(first, first + count)
    ]
