"""A page of events, known by their lines and by what the journal notes of them; decoded when somebody asks.

Mostly nobody does: intake and journal look at a few columns, and delivery decodes what its format wants. A
thousand decoded events take 3 MB, which leave the processor's cache before the journal comes to them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter, itemgetter
from typing import TypeAlias, overload

from lpforwarder import rfc3339
from lpforwarder.event import Event, events_of

Kind: TypeAlias = tuple[str, str, int]
"""Event type, event id, severity: what filters ask for."""

_OUR_TIME = len("2022-12-14T17:33:43.369Z")
_INTEGERS, _TEXTS = frozenset({int}), frozenset({str})
_line, _fields = attrgetter("line"), attrgetter("fields")
_kind_fields, _severity = itemgetter("eventType", "eventId", "severity"), itemgetter("severity")
_timestamp = itemgetter("timestamp")


@dataclass(frozen=True, slots=True, eq=False)
class EventPage(Sequence[Event]):
    """Events in order. Large integers come as the journal gives them back: `Event.text` has every digit."""

    lines: Sequence[bytes]
    kinds: Counter[Kind]
    """How many there are of each kind."""
    oldest: str | None
    """Least and greatest event time, in our form; None when no event has one."""
    newest: str | None

    @classmethod
    def of(cls, events: Sequence[Event]) -> EventPage:
        """These events; themselves when they are a page already. 1 µs an event."""
        if isinstance(events, EventPage):
            return events
        return cls(list(map(_line, events)), kinds_of(events), *span(events))

    @classmethod
    def joined(cls, parts: Sequence[EventPage]) -> EventPage:
        """All of them, one behind the other."""
        kinds = Counter[Kind]()
        for part in parts:
            kinds.update(part.kinds)
        return cls(
            list(chain.from_iterable(part.lines for part in parts)),
            kinds,
            min((part.oldest for part in parts if part.oldest), default=None),
            max((part.newest for part in parts if part.newest), default=None),
        )

    def __len__(self) -> int:
        return len(self.lines)

    @overload
    def __getitem__(self, place: int) -> Event: ...
    @overload
    def __getitem__(self, place: slice) -> list[Event]: ...
    def __getitem__(self, place: int | slice) -> Event | list[Event]:
        if isinstance(place, slice):
            return events_of(self.lines[place])
        return events_of([self.lines[place]])[0]

    def __iter__(self) -> Iterator[Event]:
        return iter(events_of(self.lines))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


def kind_of(event: Event) -> Kind:
    """What a filter asks for."""
    return event.text("eventType"), event.text("eventId"), event.severity


def kinds_of(events: Sequence[Event]) -> Counter[Kind]:
    """How many there are of each kind. Where all have the three fields as they should be: 0.4 µs, not 2."""
    try:
        severities = map(type, map(_severity, map(_fields, events)))
        kinds = _usual_kinds(map(_kind_fields, map(_fields, events)), severities)
    except (KeyError, TypeError):  # not in every event; a list
        kinds = None
    return Counter(map(kind_of, events)) if kinds is None else kinds


def _usual_kinds(kinds: Iterator[Kind], severities: Iterator[type]) -> Counter[Kind] | None:
    """How many there are of each, if fields with these values are what kind_of gives; None if not.

    `severities` are the types of the severities, one by one: True counts as 1, and 1.0 does as well.
    """
    counted = Counter(kinds)
    return counted if _INTEGERS.issuperset(severities) and all(map(_is_usual, counted)) else None


def _is_usual(kind: Kind) -> bool:
    event_type, event_id, severity = kind
    return type(event_type) is str and type(event_id) is str and 0 <= severity <= 10


def span(events: Sequence[Event]) -> tuple[str | None, str | None]:
    """The least and the greatest event time in our form; None when no event has a time."""
    stamps = _stamps(events)
    if not stamps:
        return None, None
    ends = min(stamps), max(stamps)
    # Texts of our form sort like times. Anything else in the page, and each must be read.
    if set(map(len, stamps)) == {_OUR_TIME} and ends == tuple(map(rfc3339.canonical, ends)):
        return ends
    times = sorted(time for stamp in stamps if (time := rfc3339.canonical(stamp)) is not None)
    return (times[0], times[-1]) if times else (None, None)


def _stamps(events: Sequence[Event]) -> list[str]:
    try:
        stamps = list(map(_timestamp, map(_fields, events)))
    except KeyError:
        stamps = [event.fields.get("timestamp") for event in events]
    if _TEXTS.issuperset(map(type, stamps)):
        return stamps
    return [stamp for stamp in stamps if type(stamp) is str]
