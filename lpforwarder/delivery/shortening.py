"""An event made shorter, value by value, until its message fits: encoded text is never cut.

Stages follow each other; each spares what the next one takes. Within a stage all values are held under
one length, so the longest gives first, and the greatest length that fits is found by halving.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from msgspec import Struct

from lpforwarder.event import JSON, Event, as_text, parse

_FREE_TEXT = frozenset({"message", "itemName", "folderName", "attribute"})
_PEOPLE_AND_PLACES = frozenset({"sourceUser", "targetUser", "targetUsers", "sourceIp"})
_IDENTIFIERS = frozenset({"id", "timestamp", "eventId", "eventType", "severity"})
_IDENTITY = _IDENTIFIERS | _PEOPLE_AND_PLACES
_DETAILS = frozenset({"source", "result", "method", "mfa", "mfaType", "action", "reason"})
_VENDOR = frozenset({"vendorAction", "vendorData", "sourceIpRaw", "timestampAmbiguous"})
_CANONICAL = _FREE_TEXT | _IDENTITY | _DETAILS | _VENDOR
_MARK = "truncated"

_READABLE = 64
"""Characters of a text that tell what it was about; no real id is longer."""
_LONGEST_MAIL_ADDRESS = 254
"""RFC 5321 §4.5.3.1.3, without the angle brackets; no real user name is longer."""
_LONGEST_NAME = 1023
"""What the CEF dictionary allows a user name."""
_NOTHING = -1
"""Shorter than an empty value under an empty name."""


class _Gone:
    """Stands for a value that is left out."""


_GONE: Final = _Gone()
_Rule: TypeAlias = Callable[[str, JSON, int], JSON | _Gone]
"""(name, value, length) → what is left of the value."""


class _Stage(Struct, frozen=True, kw_only=True):
    """Which fields give, how, and the least length that the stage goes down to."""

    gives: Callable[[str], bool]
    rule: _Rule
    floor: int


def shorten(event: Event, fits: Callable[[Event], bool]) -> Event:
    """The event with as much of its values as `fits` allows, marked with `"truncated": true`.

    Free text gives first, then other values, then extra fields go, then free text and details. Users and
    the source address, and at last time and id, stay as long as possible and whole: half a user name or
    address would name another one. The result is the mark alone if nothing longer fits.
    """
    # A decoded event may have large integers as floats; its line has them exactly.
    shorter = Event(parse(event.line), event.line)
    for stage in _STAGES:
        least = _cut(shorter, stage, stage.floor)
        if fits(least):
            return _longest(shorter, stage, fits) or least
        shorter = least
    return shorter


def _longest(event: Event, stage: _Stage, fits: Callable[[Event], bool]) -> Event | None:
    """The event at the greatest length that fits; None when that is the stage's floor."""
    best = None
    low = stage.floor
    high = max((len(name) + len(as_text(value)) for name, value in event.fields.items()), default=low)
    while high - low > 1:
        middle = (low + high) // 2
        shorter = _cut(event, stage, middle)
        if fits(shorter):
            low, best = middle, shorter
        else:
            high = middle
    return best


def _cut(event: Event, stage: _Stage, length: int) -> Event:
    """The event with the stage's fields held under a length, and the mark."""
    fields = {}
    for name, value in event.fields.items():
        kept = stage.rule(name, value, length) if stage.gives(name) else value
        if kept is not _GONE:
            fields[name] = kept
    fields[_MARK] = True
    return Event.of(fields)


def _beginning(name: str, value: JSON, length: int) -> JSON | _Gone:  # noqa: ARG001
    """A text's or a list's beginning; half a number or half an object would be another value."""
    if isinstance(value, str):
        return value[:length] if length else _GONE
    if len(as_text(value)) <= length:
        return value
    return _first_items(value, length) if isinstance(value, list) else _GONE


def _first_items(values: list[JSON], length: int) -> JSON | _Gone:
    """The first items of a list whose JSON text has at most `length` characters."""
    used = len("]")
    for count, item in enumerate(values):
        used += len(as_text([item])) - len("]")
        if used > length:
            return values[:count] or _GONE
    return values


def _whole(name: str, value: JSON, length: int) -> JSON | _Gone:
    """The value as it is, or nothing when it and its name are longer."""
    return value if len(name) + len(as_text(value)) <= length else _GONE


_STAGES = (
    _Stage(gives=lambda name: name in _FREE_TEXT, rule=_beginning, floor=_READABLE),
    _Stage(gives=lambda name: name not in _IDENTITY, rule=_beginning, floor=_READABLE),
    _Stage(gives=lambda name: name in _IDENTITY, rule=_beginning, floor=_LONGEST_NAME),
    _Stage(gives=lambda name: name not in _CANONICAL, rule=_whole, floor=_NOTHING),
    _Stage(gives=lambda name: name in _FREE_TEXT, rule=_beginning, floor=0),
    _Stage(gives=lambda name: name not in _IDENTITY, rule=_whole, floor=_NOTHING),
    _Stage(gives=lambda name: name in _IDENTIFIERS, rule=_beginning, floor=_READABLE),
    _Stage(gives=lambda name: name in _IDENTITY, rule=_beginning, floor=_LONGEST_MAIL_ADDRESS),
    _Stage(gives=lambda name: name in _PEOPLE_AND_PLACES, rule=_whole, floor=_NOTHING),
    _Stage(gives=lambda name: name not in ("id", "timestamp"), rule=_whole, floor=_NOTHING),
    _Stage(gives=lambda _: True, rule=_whole, floor=_NOTHING),
)
