"""Small events with names of their own, for tests that care about places and not about contents."""

from __future__ import annotations

from collections.abc import Sequence

from lpforwarder.event import Entry, Event, Seq

TIME = "2022-12-14T17:33:43.369Z"


def event(name: str, **more: object) -> Event:
    """One event whose id is `name`."""
    return Event.of({"id": name, "timestamp": TIME, "eventType": "authentication", "eventId": "1001", **more})


def page(first: int, last: int, octets: int = 0) -> list[Event]:
    """Events named by the numbers from `first` to `last`, each at least `octets` long."""
    return [event(str(number), message="m" * octets) for number in range(first, last + 1)]


def ids(entries: Sequence[Entry]) -> list[str]:
    """The names of journal entries, in order."""
    return [entry.event.text("id") for entry in entries]


START = Seq(0)
