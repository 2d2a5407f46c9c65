"""The events of a page of records, column by column. Pure.

What a text means was looked up once a record, and its pieces of the line and of the id's name come with it.
So only lines are made, no mappings of fields: a page of a thousand takes 16 µs an event where those took 22
(on a busy machine, in the same rounds). A page with a record that is not as documented goes that longer way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from operator import attrgetter
from typing import NamedTuple

from lpforwarder.event import JSON, Event, text_as_json
from lpforwarder.event_page import EventPage
from lpforwarder.intake.sources.lastpass import hours
from lpforwarder.intake.sources.lastpass.ids import event_ids
from lpforwarder.intake.sources.lastpass.records import Raw, fields_of, is_text, oddities
from lpforwarder.intake.sources.lastpass.surplus import Found
from lpforwarder.intake.sources.lastpass.told import ADDRESSES, PAIRS, Address, Person, Told, named, read_told

_FOR_EVER = float("inf")
_first, _instant, _occurrence = attrgetter("first"), attrgetter("instant"), attrgetter("occurrence")


class _Columns(NamedTuple):
    """What events are made of; each has one value a record."""

    raws: Sequence[Raw]
    said: Sequence[Told]
    people: Sequence[Person]
    addresses: Sequence[Address]
    times: Sequence[str]
    ids: Sequence[str]

    def only(self, places: Sequence[int]) -> _Columns:
        """Those of the records at these places."""
        raws, said, people, addresses, times, ids = ([column[at] for at in places] for column in self)
        return _Columns(raws, said, people, addresses, times, ids)  # type: ignore[arg-type]


def events(found: Sequence[Found], account: str, source: str, latest: float = _FOR_EVER) -> Sequence[Event]:
    """The events of these records, in their order; what happened behind `latest` is marked."""
    is_documented = all(one.record is one.raw for one in found)
    raws = [one.raw for one in found]
    if is_documented:
        said = [PAIRS[raw.action, raw.data] for raw in raws]
    else:
        said = [read_told(one.raw.action, one.raw.data, is_text(one.record)) for one in found]
    people = [what.plan.people[raw.username] for raw, what in zip(raws, said, strict=True)]
    addresses = [ADDRESSES[raw.address] for raw in raws]
    times = list(map(hours.timestamp, map(_instant, found)))
    ids = event_ids(account, _names(found, said, people, addresses))
    columns = _Columns(raws, said, people, addresses, times, ids)
    more = _more(found, said, latest)
    return _page(columns, source, more) if is_documented else _one_by_one(columns, source, more)


def _names(
    found: Sequence[Found], said: Sequence[Told], people: Sequence[Person], addresses: Sequence[Address]
) -> list[str]:
    """What the ids are made of; see ids.event_id."""
    firsts, occurrences = map(_number, map(_first, found)), map(_number, map(_occurrence, found))
    return [
        f"{first}{who.name}{where.name}{what.name}{occurrence}"
        for first, who, where, what, occurrence in zip(
            firsts, people, addresses, said, occurrences, strict=True
        )
    ]


def _more(found: Sequence[Found], said: Sequence[Told], latest: float) -> Mapping[int, Mapping[str, JSON]]:
    """What only a few events have, by their place: the last of their fields."""
    places = [
        place
        for place, (one, what) in enumerate(zip(found, said, strict=True))
        if one.is_ambiguous or what.plan.is_unknown or one.instant > latest or one.record is not one.raw
    ]
    more = {place: oddities(found[place].record, said[place], found[place].is_ambiguous) for place in places}
    late = {place: {"timestampFuture": True} for place in places if found[place].instant > latest}
    return more | {place: {**more[place], **fields} for place, fields in late.items()}


def _one_by_one(columns: _Columns, source: str, more: Mapping[int, Mapping[str, JSON]]) -> list[Event]:
    """The way of all events, if it must be: by their fields."""
    made = _fields(columns, source)
    return [Event.of({**fields, **more.get(place, {})}) for place, fields in enumerate(made)]


def _page(columns: _Columns, source: str, more: Mapping[int, Mapping[str, JSON]]) -> EventPage:
    """The same by pieces, where each record is its five texts."""
    lines = _lines(columns, source)
    apart = [place for place, what in enumerate(columns.said) if what.is_apart]
    chosen = columns.only(apart)
    for place, fields in zip(apart, _fields(chosen, source), strict=True):
        lines[place] = Event.of(fields).line
    for place, added in more.items():
        lines[place] = lines[place][:-1] + b"," + Event.of(added).line[1:]
    kinds = Counter([what.plan.kind for what in columns.said])
    return EventPage(lines, kinds, min(columns.times, default=None), max(columns.times, default=None))


def _lines(columns: _Columns, source: str) -> list[bytes]:
    """As Event.of writes the fields of fields_of, in their order, where the pieces fit together."""
    rest = f'"source":{text_as_json(source)},'
    _, said, people, addresses, times, ids = columns
    return [
        (
            f'{{"id":"{id}","timestamp":"{time}",{what.plan.opening}{rest}{what.plan.rating}'
            f"{where.piece}{who.piece}{what.lead}{who.words[what.plan.word]}{what.end}"
        ).encode("ascii")
        for id, time, what, where, who in zip(ids, times, said, addresses, people, strict=True)
    ]


def _fields(columns: _Columns, source: str) -> list[dict[str, JSON]]:
    raws, said, people, addresses, times, ids = columns
    return list(map(fields_of, raws, said, people, addresses, repeat(source), times, ids))


@lru_cache(maxsize=64)  # what happens in one second comes together
def _number(number: int) -> str:
    return named(str(number))
