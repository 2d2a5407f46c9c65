"""The records of a window in time, and those that have none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import orjson
from msgspec.structs import replace

from lpforwarder.event import JSON, Reject
from lpforwarder.intake.sources.lastpass import hours, instants, moving, records
from lpforwarder.intake.sources.lastpass import zone as zones
from lpforwarder.intake.sources.lastpass.reading import Taken
from lpforwarder.intake.sources.lastpass.records import Raw
from lpforwarder.intake.sources.lastpass.surplus import Found, fingerprint

_KEPT = 4096  # octets of a record that is set aside

Refused = Mapping[str, Sequence[int]]
"""The positions of records without a readable time, by their fingerprint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """The records of a window: `found` in the order of the answer."""

    found: list[Found]
    refused: Refused
    is_plain: bool = False
    """Whether each time is of one form and means one instant, in one zone: other texts, other instants."""


def dated(taken: Taken, was: int | None = None) -> Dated:
    """Every record of the window, with the instant at which it happened if it has one.

    `was` is the account's offset before a change that some records may not have followed.
    """
    if was is not None:
        cut = moving.border(taken, was)
        if cut < len(taken.chain.records):
            newer, older = map(_dated, moving.parted(taken, cut, was))
            return _joined(newer, older, cut)
    return _dated(taken)


def _joined(newer: Dated, older: Dated, cut: int) -> Dated:
    """`cut` records stand before the older ones."""
    refused = {key: list(positions) for key, positions in newer.refused.items()}
    for key, positions in older.refused.items():
        refused.setdefault(key, []).extend(position + cut for position in positions)
    moved = [replace(one, rank=one.rank - cut) for one in older.found]
    return Dated(found=[*newer.found, *moved], refused=refused)


def _dated(taken: Taken) -> Dated:
    found = _all_plain(taken)
    return Dated(found=found, refused={}, is_plain=True) if found is not None else _one_by_one(taken)


def _all_plain(taken: Taken) -> list[Found] | None:
    """What nearly all windows are, 0.5 µs a record: documented times that mean one instant; None if not."""
    raws = _raws(taken.chain.records)
    found = None if raws is None else hours.of(taken.zone).instants([raw.time for raw in raws])
    if raws is None or found is None:
        return None
    return list(map(Found, found, count(0, -1), taken.chain.records, raws, found))


def _raws(found: Sequence[JSON]) -> Sequence[Raw] | None:
    """The texts of all records; None when one is no object."""
    if records.are_documented(found):
        return found
    try:
        return [records.raw_texts(record) for record in found]
    except AttributeError:
        return None


def _one_by_one(taken: Taken) -> Dated:
    """The same where order, markers and own calls must tell what a time means: 10 µs a record."""
    positions, readings, refused = _read(taken)
    places = {position: number for number, position in enumerate(positions)}
    placed = instants.resolve(
        taken.zone,
        readings,
        collected=taken.ended,
        markers=_moved(taken.chain.markers, positions),
        anchors={places[own.position]: own.called for own in taken.own if own.position in places},
    )
    found = []
    for position, reading, one in zip(positions, readings, placed, strict=True):
        record = taken.chain.records[position]
        first = zones.first_instant(taken.zone, reading)
        raw = records.raw_texts(record)
        found.append(Found(one.instant, -position, record, raw, first, one.is_ambiguous))
    return Dated(found=found, refused=refused)


def _read(taken: Taken) -> tuple[list[int], list[zones.Reading], Refused]:
    """The positions of the records that have a time, these times, and the other records."""
    positions, readings, refused = list[int](), list[zones.Reading](), dict[str, list[int]]()
    for position, record in enumerate(taken.chain.records):
        try:
            readings.append(zones.parse(records.time_text(record)))
        except zones.UnreadableTime:
            refused.setdefault(fingerprint(records.as_json(record)), []).append(position)
        else:
            positions.append(position)
    return positions, readings, refused


def rejects(taken: Taken, refused: Refused, known: Mapping[str, int]) -> list[Reject]:
    """The records without a readable time, but for as many of each as the window before held already."""
    new = [position for key, same in refused.items() for position in same[known.get(key, 0) :]]
    found = [(taken.chain.where(position), taken.chain.records[position]) for position in new]
    return [
        Reject(where=where, reason=records.refusal(record) or "not a record", raw=_raw(record))
        for where, record in found
    ]


def _raw(record: JSON) -> bytes:
    try:
        return orjson.dumps(records.as_json(record))[:_KEPT]
    except (TypeError, ValueError):
        return repr(records.as_json(record)).encode("ascii", "backslashreplace")[:_KEPT]


def _moved(markers: dict[int, int], positions: Sequence[int]) -> dict[int, int]:
    """The markers by position among the records that have a time."""
    if not markers:
        return {}
    moved = {}
    for position, marker in markers.items():
        place = next((n for n, at in enumerate(positions) if at >= position), None)
        if place is not None:
            moved[place] = marker
    return moved
