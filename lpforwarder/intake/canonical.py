"""A record that already speaks our names, as an event: completed, never changed.

What is added: `source`, `severity` and, where there is none, `id`. What is rewritten: a time that is RFC 3339
but not in our form. Everything else arrives as it came, unknown fields included.
"""

from __future__ import annotations

import hashlib
import math
import re
import uuid
from collections.abc import Mapping
from functools import lru_cache
from typing import TypeAlias

from lpforwarder import event_ids, rfc3339
from lpforwarder.event import JSON, Event, as_text

NAMESPACE = uuid.UUID("8a4f6c1e-2d0b-5e7a-9c35-6b1f0d92e417")
"""The namespace of our name-based ids; changing it would give every event without an id a new one."""

Fields: TypeAlias = Mapping[str, JSON]

_OUR_FORM = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z\Z"
).match
_DATE_LENGTH = 10
_MOST_DATES = 4096
_dates: set[str] = set()
"""Days that the calendar was asked for; a whole log has few of them."""


def to_event(record: Mapping[str, JSON], *, source: str, fallback_id: str) -> Event:
    """The event of a canonical record. Total; what it adds never overwrites.

    `fallback_id` is used, and placed first, when the record has no id, null or "". A time that cannot be read
    moves to `timestampRaw`.
    """
    fields = dict(record) if has_id(record) else _with_id(record, fallback_id)
    time = fields.get("timestamp")
    if time is not None and not is_canonical_time(time):
        fields = _with_our_time(fields)
    fields.setdefault("source", source)
    if "severity" not in fields:
        fields["severity"] = event_ids.severity(as_text(fields.get("eventId")), as_text(fields.get("result")))
    return Event.of(fields)


def complete(fields: Fields, line: bytes, source: str) -> Event | None:
    """The event of a flat record that needs nothing but a source and a severity; None when it needs more.

    `line` is the record as Event.of writes it.
    """
    time = fields.get("timestamp")
    if not has_id(fields) or not (time is None or is_canonical_time(time)):
        return None
    rating = None
    if "severity" not in fields:
        rating = event_ids.severity(as_text(fields.get("eventId")), as_text(fields.get("result")))
    elif "source" in fields:
        return Event(fields, line)
    added = _addition(None if "source" in fields else source, rating)
    return Event({**fields, **added.fields}, line[:-1] + b"," + added.line[1:])


@lru_cache(maxsize=256)
def _addition(source: str | None, severity: int | None) -> Event:
    added = {"source": source, "severity": severity}
    return Event.of({name: value for name, value in added.items() if value is not None})


def has_id(record: Mapping[str, JSON]) -> bool:
    """Whether the record brings an id of its own; what JSON cannot carry is none."""
    given = record.get("id")
    return given not in (None, "") and not (type(given) is float and not math.isfinite(given))


def name_based_id(source: str, place: str, raw: bytes) -> str:
    """The id of a record without one: the same on every re-read, another one at another place.

    A version 5 UUID (RFC 9562 §5.5) of source, place and content.
    """
    name = f"{source}\0{place}\0".encode("utf-8", "surrogatepass") + raw
    digest = hashlib.sha1(NAMESPACE.bytes + name, usedforsecurity=False).digest()
    return str(uuid.UUID(bytes=digest[:16], version=5))


def is_canonical_time(value: JSON) -> bool:
    """Whether the value is a time in our form: RFC 3339, UTC, three decimals, `Z`."""
    if type(value) is not str or _OUR_FORM(value) is None:
        return False
    return value[:_DATE_LENGTH] in _dates or _is_date(value[:_DATE_LENGTH])


def _is_date(text: str) -> bool:
    if rfc3339.parse(f"{text}T00:00:00Z") is None:
        return False
    if len(_dates) >= _MOST_DATES:
        _dates.clear()
    _dates.add(text)
    return True


def _with_id(record: Mapping[str, JSON], fallback_id: str) -> dict[str, JSON]:
    return {"id": fallback_id} | {name: value for name, value in record.items() if name != "id"}


def _with_our_time(fields: Mapping[str, JSON]) -> dict[str, JSON]:
    time = fields["timestamp"]
    canonical = rfc3339.canonical(time) if isinstance(time, str) else None
    if canonical is not None:
        return {**fields, "timestamp": canonical}
    raw_name = "timestampRaw"
    while raw_name in fields:  # two unreadable times must not hide each other
        raw_name += "Raw"
    return {raw_name if name == "timestamp" else name: value for name, value in fields.items()}
