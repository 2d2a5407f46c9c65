"""What our own calls say about the account's clock. Pure.

Every call leaves a "Reporting" event with our label, and the label holds the instant of the call; so each of
them in an answer shows the offset of the account from UTC.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

import msgspec

from lpforwarder.event import JSON
from lpforwarder.intake.sources.lastpass import zone as zones
from lpforwarder.intake.sources.lastpass.catalogue import find
from lpforwarder.intake.sources.lastpass.records import (
    Raw,
    Record,
    are_documented,
    is_own_report,
    is_short,
    raw_texts,
)
from lpforwarder.intake.sources.lastpass.zone import Measured, UnreadableTime

PRODUCT = "lpforwarder"


class OwnReport(msgspec.Struct, frozen=True, kw_only=True):
    """The event that one of our calls left."""

    position: int
    """In the answer."""
    called: int
    """When the call was made: seconds since 1970 UTC, by our clock."""
    time: str
    """Its `Time`, as the account shows it."""


def installation(*facts: str) -> str:
    """Eight hex digits made of facts that together belong to one installation."""
    return hashlib.sha256("\0".join(facts).encode("utf-8", "surrogateescape")).hexdigest()[:8]


def label(installation: str, called: int) -> str:
    """The `apiuser` of a call at this instant."""
    return f"{PRODUCT}/{installation}/{called}"


def own_reports(records: Sequence[JSON], installation: str) -> list[OwnReport]:
    """The events that our calls left, in the order of the answer."""
    found = []
    for position, record in _reporting(records):
        raw = raw_texts(record)
        called = (_remembered if raw is record and is_short(raw) else _called)(record, installation)
        if called is not None:
            found.append(OwnReport(position=position, called=called, time=raw.time))
    return found


def _called(record: Record, installation: str) -> int | None:
    """When the call was made that left this event; None when it is none of ours."""
    raw = raw_texts(record)
    for text in (raw.data, raw.username):
        match = _pattern(installation).search(text)
        if match and is_own_report(record, match[0]):
            return int(match[1])
    return None


_remembered = lru_cache(maxsize=2048)(_called)
"""In a tenth of the time what is read again with every poll."""


def _reporting(records: Sequence[JSON]) -> list[tuple[int, Record]]:
    """The few that can be own reports at all, with their positions: found in 0.1 µs a record."""
    actions: list[str | None]
    actions = [one.action for one in records] if are_documented(records) else list(map(_action, records))
    names = {name for name in set(actions) if name is not None and find(name).key == "reporting"}
    return [(place, records[place]) for place, action in enumerate(actions) if action in names]


def _action(record: JSON) -> str | None:
    if type(record) is Raw:
        return record.action
    action = record.get("Action") if isinstance(record, dict) else None
    return action if isinstance(action, str) else None


@cache
def _pattern(installation: str) -> re.Pattern[str]:
    return re.compile(rf"{PRODUCT}/{installation}/([0-9]{{1,12}})\Z")


def measured(zone: ZoneInfo, reports: Iterable[OwnReport], skew: float) -> Measured | None:
    """The account's offset as the newest of the reports shows it; None when none can be read.

    `skew` is what the vault's clock is ahead of ours, in seconds: a wrong clock here must not look like a
    wrong zone.
    """
    for report in sorted(reports, key=lambda report: report.called, reverse=True):
        found = [_measure(zone, report, shift) for shift in dict.fromkeys((0.0, skew))]
        readable = [one for one in found if one is not None]
        if readable:
            return min(readable, key=lambda one: (not one.agrees, abs(one.residual)))
    return None


def _measure(zone: ZoneInfo, report: OwnReport, shift: float) -> Measured | None:
    try:
        return zones.measure(zone, report.called + shift, zones.parse(report.time))
    except UnreadableTime:
        return None


def at(zone: ZoneInfo, instant: int) -> int:
    """The zone's offset at this instant, in seconds east of UTC."""
    there = datetime.fromtimestamp(instant, zone).utcoffset()
    return 0 if there is None else there // timedelta(seconds=1)


@cache
def fixed(offset: int) -> ZoneInfo:
    """A zone that always has this offset, in seconds east of UTC."""
    # zoneinfo makes zones from TZif files only (RFC 8536): an empty one with the offset in its footer.
    sign = "-" if offset >= 0 else "+"  # POSIX counts to the west
    minutes = abs(offset) // 60
    name = f"<{zones.offset_text(offset).replace(':', '')}>{sign}{minutes // 60:02d}:{minutes % 60:02d}"
    header = struct.pack(">4sc15x6l", b"TZif", b"2", 0, 0, 0, 0, 1, 4)
    body = struct.pack(">lbb4s", offset, 0, 0, b"LPF\0")
    octets = (header + body) * 2 + f"\n{name}\n".encode()
    return ZoneInfo.from_file(io.BytesIO(octets), key=f"UTC{zones.offset_text(offset)}")
