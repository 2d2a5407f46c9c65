"""What the start looks at before SQLite opens the file: is it whole enough to go on with?

SQLite would open most damaged files without a word, leave out what lies behind the damage, and write on.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from lpforwarder.journal import btree, salvage, schema, structure, tables
from lpforwarder.journal.btree import Broken
from lpforwarder.journal.faults import is_there
from lpforwarder.journal.page import row_checksum
from lpforwarder.journal.rawfile import Image, RawFile, resting
from lpforwarder.journal.safe_copy import SafeCopy

_PLAUSIBLE = 10_000
"""No version of the file will ever have so high a number; damage has."""
TORN = 1
"""Commits that a power cut can leave behind a torn frame: each is synced before the next begins."""


class Finding(Struct, frozen=True, kw_only=True):
    """What a look at the file said."""

    damage: str = ""
    """Why it must be set aside; empty when it can be used."""
    lost_end: bool = False
    """True when commits may be missing at its end, so that newer numbers may have been given."""


FINE = Finding()


def examine(path: Path, safe: SafeCopy | None) -> Finding:
    """Looks at the journal's file for a second or two. Nobody may write it meanwhile. Denied as is_there().

    A file that is not ours, or of a newer version, is FINE here: whoever opens it refuses it by name.
    """
    if not is_there(path) or not path.stat().st_size:
        return _gone(path, safe)
    with resting(path) as raw:
        try:
            head = btree.header(raw.page(1))
        except Broken as error:
            return (
                Finding(damage=f"its beginning is damaged: {error}", lost_end=True)
                if _ours(raw, safe)
                else FINE
            )
        if head.application_id != schema.APPLICATION_ID:
            return _unmarked(raw, safe, head.user_version)
        if schema.VERSION < head.user_version < _PLAUSIBLE:
            return FINE
        return _structure(raw, head) or _end(path, raw, safe)


def _gone(path: Path, safe: SafeCopy | None) -> Finding:
    """No file, or an empty one: a first start, unless somebody remembers more."""
    if safe is None or not safe.last:
        return FINE
    what = "the file is empty" if path.exists() else "the file is gone"
    return Finding(damage=what, lost_end=True)


def _unmarked(raw: RawFile, safe: SafeCopy | None, version: int) -> Finding:
    """A database without our mark: one that was just being made, another program's, or damage."""
    try:
        is_new = not version and not tables.roots(raw)
    except Broken:
        is_new = False
    if is_new and safe is None:
        return FINE
    return (
        Finding(damage="its beginning is damaged: the mark is gone", lost_end=True)
        if _ours(raw, safe)
        else FINE
    )


def _ours(raw: RawFile, safe: SafeCopy | None) -> bool:
    """True when there is a sign that this was a journal once: a safe copy, or events that are still whole."""
    return safe is not None or any(row.is_whole() for row in salvage.Salvage(raw).rows())


def _structure(raw: RawFile, head: btree.Header) -> Finding | None:
    if head.user_version >= _PLAUSIBLE:
        return Finding(damage="its beginning is damaged: no version has such a number")
    try:
        structure.check(raw)
    except Broken as error:
        return Finding(damage=str(error), lost_end=_is_torn(raw))
    return None


def _end(path: Path, raw: RawFile, safe: SafeCopy | None) -> Finding:
    """Is the last commit there?"""
    if safe is not None and safe.damage:
        return Finding(damage=safe.damage, lost_end=_is_torn(raw))
    if _is_torn(raw) and _last_behind(raw) > _last(raw):
        return Finding(
            damage=f"its log is damaged: {raw.log.dropped} commits cannot be reached", lost_end=True
        )
    if safe is not None and (safe.last > _last(raw) or (not safe.closed and not _has_log(path))):
        return Finding(lost_end=True)
    return FINE


def _has_log(path: Path) -> bool:
    return Path(f"{path}-wal").exists()


def _is_torn(raw: RawFile) -> bool:
    """True when the log broke in a way that no power cut can explain."""
    return raw.log.dropped > TORN


def _last(raw: RawFile) -> int:
    """The last number by what SQLite takes of the log; 0 when the row that says so is damaged."""
    for row in tables.rows(raw, tables.roots(raw)["state"]):
        if _is_state(row):
            return int(row[1])
    return 0


def _last_behind(raw: RawFile) -> int:
    """The last number by the part of the log that SQLite does not take; 0 when it has none."""
    root = tables.roots(raw)["state"]
    found = 0
    for frame in raw.log.behind:
        if frame.page == root:
            octets = raw.image(Image(frame.page, frame.offset, in_log=True))
            found = max(found, *(_last_of(octets, place) for place in _cells(octets)), 0)
    return found


def _cells(octets: bytes) -> list[int]:
    try:
        return list(btree.cell_places(octets))
    except Broken:
        return []


def _last_of(octets: bytes, place: int) -> int:
    try:
        row = btree.record(btree.cell(octets, place, btree.TABLE_LEAF).local)
    except Broken:
        return 0
    return int(row[1]) if _is_state(row) else 0  # type: ignore[arg-type]


def _is_state(row: list[btree.Value]) -> bool:
    return len(row) == 4 and isinstance(row[1], int) and row[3] == row_checksum(row[1], row[2])
