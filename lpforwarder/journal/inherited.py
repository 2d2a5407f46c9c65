"""The places a new journal goes on from: what the damaged file still says, and the last safe copy.

Always towards asking or sending again. A cursor of the file is only taken when everything that was appended
before it is there; a checkpoint when either says so, for what was confirmed stays confirmed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from lpforwarder.journal import btree, tables
from lpforwarder.journal.btree import TABLE_LEAF, Broken
from lpforwarder.journal.page import row_checksum
from lpforwarder.journal.rawfile import RawFile
from lpforwarder.journal.safe_copy import AHEAD, Row, SafeCopy

SOURCE = ("name", "cursor", "events", "duplicates", "rejects", "appended", "newest", "checksum")
COLLECTOR = (
    "name", "checkpoint", "resume", "clean", "sent", "confirmed", "replayed", "moved", "checksum",
)  # fmt: skip


class Found(Struct, frozen=True, kw_only=True):
    """What the file itself still says; rows whose checksum does not fit are left out."""

    last: int | None = None
    """None when the counter is damaged."""
    removed: int | None = None
    sources: Mapping[str, Row]
    collectors: Mapping[str, Row]
    identity: str = ""
    """Empty when it is damaged, or the file of an older version."""


class Settled(Struct, frozen=True, kw_only=True):
    """Where the new journal goes on."""

    last: int
    real: int
    """The last number that surely held an event; those between it and `last` may never have been given."""
    sources: Sequence[Row]
    collectors: Sequence[Row]
    asked_from: int | None
    """What is missing from here on is asked of the sources once more; None when nothing is."""
    knows_collectors: bool
    """False when nobody can say which collectors there were: each must then get everything."""


def find(raw: RawFile | None) -> Found:
    """Reads the small tables of a damaged file; `raw` is None when there is no file."""
    if raw is None:
        return Found(sources={}, collectors={})
    roots = known_roots(raw)
    last = removed = None
    for row in tables.rows(raw, roots["state"]):
        if len(row) == 4 and row[3] == row_checksum(row[1], row[2]):
            last, removed = row[1], row[2]
    return Found(
        last=last if isinstance(last, int) else None,
        removed=removed if isinstance(removed, int) else None,
        sources=_sealed(raw, roots["source"], SOURCE, 2),
        collectors=_sealed(raw, roots["collector"], COLLECTOR, 4),
        identity=_identity(raw, roots["identity"]),
    )


def known_roots(raw: RawFile) -> dict[str, int]:
    """Where the tables begin: as the file says, or, where it does not, as in every journal."""
    try:
        return tables.usual_roots() | tables.roots(raw)
    except Broken:
        return tables.usual_roots()


def settle(
    found: Found, safe: SafeCopy | None, known_end: int, holes: Sequence[range], *, lost_end: bool
) -> Settled:
    """`known_end` is the last number of an event that was taken over; `holes` lie before it.

    `lost_end` says that commits may be missing at the end of the file.
    """
    said = found.last or 0
    real = max(said, known_end)
    safe_last = safe.last if safe is not None else 0
    is_certain = found.last is not None and not lost_end and said >= safe_last
    missing = [*holes, range(known_end + 1, real + 1)]
    is_complete = found.last is not None and not any(
        hole.stop > max(hole.start, safe_last + 1) for hole in missing
    )
    collectors = _furthest(found.collectors, safe.collectors if safe is not None else {}, is_certain)
    last = max([real, *(row["checkpoint"] for row in collectors)])
    if not is_certain:
        last = max(last, safe.beyond if safe is not None else last + AHEAD)
    goes_back = safe is not None and not is_complete
    return Settled(
        last=last,
        real=real,
        sources=_sources(found, safe, goes_back),
        collectors=collectors,
        asked_from=safe_last + 1 if goes_back else real + 1 if last > real else None,
        knows_collectors=bool(collectors) or safe is not None,
    )


def _sources(found: Found, safe: SafeCopy | None, goes_back: bool) -> list[Row]:
    copied = safe.sources if safe is not None else {}
    # One that the copy does not know appended nothing before it: what is missing may be all it ever gave.
    anew = {name: _from_the_start(row) for name, row in found.sources.items()}
    chosen = {**anew, **copied} if goes_back else {**copied, **found.sources}
    return [chosen[name] for name in sorted(chosen)]


def _from_the_start(row: Row) -> Row:
    return {**row, "cursor": None, "checksum": row_checksum(row["name"], None)}


def _furthest(found: Mapping[str, Row], copied: Mapping[str, Row], is_certain: bool) -> list[Row]:
    """Of each collector the row that is further on."""
    rows: list[Row] = []
    for name in sorted({*found, *copied}):
        both = [row for row in (found.get(name), copied.get(name)) if row is not None]
        row: dict[str, Any] = dict(max(both, key=lambda one: one["checkpoint"]))
        row["clean"] = row["clean"] if is_certain else 0
        row["checksum"] = row_checksum(row["name"], row["checkpoint"], row["resume"], row["clean"])
        rows.append(row)
    return rows


def _identity(raw: RawFile, root: int) -> str:
    """In an older file another table may begin there, even the one of events: one leaf is read, no more."""
    try:
        if btree.kind(raw.page(root)) != TABLE_LEAF:
            return ""
    except Broken:
        return ""
    rows = (row for row in tables.rows(raw, root) if len(row) == 3)
    return next((str(name) for _, name, checksum in rows if checksum == row_checksum(name)), "")


def _sealed(raw: RawFile, root: int, columns: Sequence[str], sealed: int) -> Mapping[str, Row]:
    """The rows of a table whose last column is the checksum of the first `sealed` ones."""
    rows = {}
    for values in tables.rows(raw, root):
        if len(values) == len(columns) and values[-1] == row_checksum(*values[:sealed]):
            rows[str(values[0])] = dict(zip(columns, values, strict=True))
    return rows
