"""A source that is a list in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from lpforwarder import rfc3339
from lpforwarder.event import Event, Reject
from lpforwarder.intake.contract import Cursor, Page


def sample_events(count: int, source: str = "fake") -> list[Event]:
    """Small events with ids of their own, one a second."""
    return [
        Event.of(
            {
                "id": f"event-{number}",
                "timestamp": rfc3339.render(1_769_817_600_000 + number * 1000),
                "eventId": "1001",
                "source": source,
                "severity": 3,
            }
        )
        for number in range(count)
    ]


class FakeSource:
    """Hands out `events` in pages; the cursor is the number of events before it.

    What is put into `failures` is raised by the next pulls, one each. Events may be added at any time.
    """

    def __init__(self, events: Iterable[Event] = (), *, page_size: int = 1000) -> None:
        self.events = list(events)
        self.rejects: list[Reject] = []
        """Go with the first page that has events."""
        self.failures: deque[Exception] = deque()
        self.asked: list[Cursor | None] = []
        self.is_closed = False
        self._page_size = page_size

    def pull(self, after: Cursor | None) -> Page:
        self.asked.append(after)
        if self.failures:
            raise self.failures.popleft()
        begin = 0 if after is None else int(after)
        page = self.events[begin : begin + self._page_size]
        end = begin + len(page)
        rejects = self.rejects if begin == 0 and page else []
        return Page(events=page, cursor=Cursor(str(end)), more=end < len(self.events), rejects=rejects)

    def close(self) -> None:
        self.is_closed = True
