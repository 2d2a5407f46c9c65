"""The place of a LastPass source: everything it knows, in one text. Any process can go on from it.

Instants are whole seconds since 1970 UTC, so neither the machine's zone nor a new setting of the account's
zone makes them wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import orjson

from lpforwarder.event import Cursor

VERSION = 1

Known = Mapping[int, Mapping[str, int]]
"""Instant → digest of the tuple → how many of them have been handed over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far the source has read, and what it must remember to go on without loss and repetition."""

    installation: str
    """Eight hex digits in the label of our calls."""
    again: int
    """From here on everything is read again; what lies before is final."""
    upto: int
    """Read up to here; what is new lies behind, or came late."""
    width: int
    """Seconds a window may add while catching up."""
    offset: int | None = None
    """The account's measured offset in seconds, while it is not that of the configured zone."""
    was: int | None = None
    """The offset before the account's clock last changed, as long as events of that time are read."""
    changed: int = 0
    """When that change was noticed."""
    called: int = 0
    """When the last good call was made, which must have left a Reporting event; 0 before the first."""
    probe: int = 0
    """Not before this instant is the zone looked for again when no event shows it."""
    known: Known = field(default_factory=dict)
    """What has been handed over from `again` on."""
    ghosts: Known = field(default_factory=dict)
    """The same as a vault would show it that leaves old events on their old clock after a change of zone."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """Digests of records without a readable time that the last window held."""


def encode(place: Place) -> Cursor:
    """The place as compact JSON."""
    parts = {name: getattr(place, name) for name in _NAMES}
    return Cursor(orjson.dumps({"v": VERSION, **parts}, option=orjson.OPT_NON_STR_KEYS).decode("ascii"))


def decode(cursor: Cursor) -> Place:
    """The place of a cursor; ValueError when this source did not make it."""
    found = orjson.loads(cursor)
    if not isinstance(found, dict) or found.pop("v", None) != VERSION:
        raise ValueError("not a place in a LastPass report")
    try:
        for name in ("known", "ghosts"):
            found[name] = {int(instant): counts for instant, counts in found[name].items()}
        place = Place(**found)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a place in a LastPass report: {type(error).__name__}") from None
    if not all(isinstance(value, int) for value in (place.again, place.upto, place.width, place.called)):
        raise ValueError("not a place in a LastPass report: a number is missing")
    return place


_NAMES = tuple(part.name for part in fields(Place))
