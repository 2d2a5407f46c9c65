"""Seeded events in the order in which they become visible: the past, and what goes on happening.

The same seed, shares and start give the same events to the microsecond. Nothing is held but the few events
that are late, so a timeline may be as long as one likes, or endless.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate
from random import Random
from typing import TypeAlias

from lpforwarder.simulator.vault.catalogue import ACTIONS, Action
from lpforwarder.simulator.vault.event import DAY, SECOND, VaultEvent, micros
from lpforwarder.simulator.vault.forms import FORMS, Draw
from lpforwarder.simulator.vault.options import Spelling, VaultOptions

Arrival: TypeAlias = tuple[int, VaultEvent]
"""When it becomes visible (microseconds since 1970, UTC; never before it happened), and the event."""

Variant: TypeAlias = tuple[Action, str, str]
"""An action, one of its spellings, one of its forms."""

# One event in four goes through all variants in turn, so that about 1,400 events hold every one of them;
# the others follow an ordinary day's mix.
_ROUND_EVERY = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Evenly spread slots, each with one event somewhere in it; `count` None goes on for ever."""

    start: int
    step: float
    count: int | None


def arrivals(options: VaultOptions, now: int) -> Iterator[Arrival]:
    """History and growth together, in the order in which they become visible."""
    ending = now if options.ending is None else micros(options.ending)
    streams = []
    if options.events:
        span = options.days * DAY
        history = Pace(start=ending - int(span), step=span / options.events, count=options.events)
        streams.append(timeline(options, history, "history"))
    if options.rate:
        growth = Pace(start=max(ending, now), step=SECOND / options.rate, count=None)
        streams.append(timeline(options, growth, "growth"))
    return heapq.merge(*streams, key=lambda arrival: arrival[0])


def timeline(options: VaultOptions, pace: Pace, name: str) -> Iterator[Arrival]:
    """The events of one pace; streams of different `name` differ."""
    rng = Random(f"{name}/{options.seed}")
    waiting: list[tuple[int, int, VaultEvent]] = []
    for number, event in enumerate(_events(rng, options, pace)):
        while waiting and waiting[0][0] <= event.at:
            due, _, earlier = heapq.heappop(waiting)
            yield due, earlier
        heapq.heappush(waiting, (event.at + _delay(rng, options), number, event))
    while waiting:
        due, _, event = heapq.heappop(waiting)
        yield due, event


def _delay(rng: Random, options: VaultOptions) -> int:
    if rng.random() >= options.late_share:
        return 0
    return int(rng.random() * options.late_seconds * SECOND)


def _events(rng: Random, options: VaultOptions, pace: Pace) -> Iterator[VaultEvent]:
    """Events in the order of their instants."""
    happenings = _happenings(rng, options)
    last: VaultEvent | None = None
    slot = 0
    while pace.count is None or slot < pace.count:
        at = pace.start + int((slot + rng.random()) * pace.step)
        if last is not None and rng.random() < options.twin_share:
            last = replace(last, at=_same_second(rng, last.at, at))
        else:
            username, ip_address, action, data = next(happenings)
            last = VaultEvent(at=at, username=username, ip_address=ip_address, action=action, data=data)
        if options.second_aligned:
            last = replace(last, at=last.at - last.at % SECOND)
        yield last
        slot += 1


def _same_second(rng: Random, first: int, latest: int) -> int:
    """An instant from `first` to the end of its second, but not behind `latest`: the order must hold."""
    end = min(latest, first - first % SECOND + SECOND - 1)
    return rng.randrange(first, max(first, end) + 1)


def _happenings(rng: Random, options: VaultOptions) -> Iterator[tuple[str, str, str, str]]:
    """User name, address, action and data of what happens, endlessly."""
    draw = Draw(rng, options.hostile_share)
    variants = [variant for variant in all_variants(options.spelling) if variant[0].often]
    rng.shuffle(variants)
    weights = list(accumulate(action.often for action in ACTIONS))
    number = 0
    while True:
        if number % _ROUND_EVERY == 0:
            action, name, form = variants[number // _ROUND_EVERY % len(variants)]
        else:
            (action,) = rng.choices(ACTIONS, cum_weights=weights)
            name, form = draw.one(spellings(action, options.spelling)), draw.one(action.forms)
        number += 1
        yield draw.username(action.doer), draw.address(), name, FORMS[form](draw)


def spellings(action: Action, spelling: Spelling) -> tuple[str, ...]:
    """The spellings of one era, or all. The era of sentence case has the further spellings as well."""
    if spelling == "title":
        return (action.title,)
    if spelling == "sentence":
        return (action.sentence, *action.also)
    return action.spellings


def all_variants(spelling: Spelling) -> list[Variant]:
    """Every spelling of every action with every form of its `Data`."""
    return [
        (action, name, form)
        for action in ACTIONS
        for name in spellings(action, spelling)
        for form in action.forms
    ]
