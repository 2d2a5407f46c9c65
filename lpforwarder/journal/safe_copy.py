"""The last safe copy of all places, in a small file beside the journal: what a new one can go on from.

It is replaced as a whole, and only after what it tells is safe in the journal. So a journal that ends before
it has lost its end, and one that cannot be read loses the cursors and checkpoints of some seconds at most.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from lpforwarder.journal.crc import crc32
from lpforwarder.journal.facts import ends, identity_in
from lpforwarder.journal.page import row_checksum
from lpforwarder.runtime import replacing

VERSION = 1
AHEAD = 100_000
"""Numbers that may be given before the copy is made anew. Who has only the copy goes on behind them."""

Row = Mapping[str, Any]
"""Column → value."""


class SafeCopy(Struct, frozen=True, kw_only=True):
    """Places as they once were, all at the same moment."""

    time: str
    """RFC 3339."""
    last: int
    removed: int
    closed: bool = False
    """True when the journal was closed in order: then no log is missing."""
    damage: str = ""
    """Why the file must be set aside at the next start; empty when nothing is known."""
    checked: int = 0
    """Up to here the file was last read and found to be what was written."""
    sources: Mapping[str, Row] = field(default_factory=dict)
    collectors: Mapping[str, Row] = field(default_factory=dict)
    identity: str = ""
    """Whose copy this is. A journal that has nothing else left keeps it, and so do readers their cursors:
    its numbers go on behind all that were given, so an old cursor can never mean another event. Copies of
    older versions have none."""

    @property
    def beyond(self) -> int:
        """No number behind this one was ever given."""
        return self.last if self.closed else self.last + AHEAD


def place_of(journal: Path) -> Path:
    """The file beside the journal that holds the copy."""
    return journal.with_name(journal.name + ".safe")


def take(connection: sqlite3.Connection, time: str) -> SafeCopy:
    """What the journal says now; inside a read transaction of the caller."""
    removed, last = ends(connection)
    return SafeCopy(
        time=time,
        last=last,
        removed=removed,
        sources=_rows(connection, "source", ("name", "cursor")),
        collectors=_rows(connection, "collector", ("name", "checkpoint", "resume", "clean")),
        identity=identity_in(connection),
    )


def write(journal: Path, copy: SafeCopy) -> None:
    """Puts it beside the journal, safe against power cuts; OSError, and the old one stays."""
    told = {
        "version": VERSION,
        "time": copy.time,
        "last": copy.last,
        "removed": copy.removed,
        "closed": copy.closed,
        "damage": copy.damage,
        "checked": copy.checked,
        "sources": copy.sources,
        "collectors": copy.collectors,
        "identity": copy.identity,
    }
    replacing.replace(place_of(journal), _text({**told, "checksum": _checksum(told)}))


def read(journal: Path) -> SafeCopy | None:
    """The copy beside the journal; None when there is none, or not as it was written."""
    try:
        told = json.loads(place_of(journal).read_bytes())
        checksum = told.pop("checksum")
        if told.pop("version") != VERSION or not _is_whole({"version": VERSION, **told}, checksum):
            return None
        return SafeCopy(**told)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def damaged(copy: SafeCopy, reason: str) -> SafeCopy:
    """The same places, and that the file must be set aside; the first reason stays."""
    return replace(copy, damage=copy.damage or reason)


def _rows(connection: sqlite3.Connection, table: str, sealed: tuple[str, ...]) -> dict[str, Row]:
    """The rows whose checksum fits, by name."""
    cursor = connection.execute(f"SELECT * FROM {table} ORDER BY name")
    names = [column[0] for column in cursor.description]
    found = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
    return {
        row["name"]: row for row in found if row["checksum"] == row_checksum(*(row[key] for key in sealed))
    }


def _text(told: Mapping[str, Any]) -> bytes:
    """On one line: with `indent` the json module writes it in Python, 0.2 s for a thousand sources."""
    return json.dumps(told, sort_keys=True).encode("ascii") + b"\n"


def _checksum(told: Mapping[str, Any]) -> int:
    return crc32(_text(told))


def _is_whole(told: Mapping[str, Any], checksum: int) -> bool:
    """True for what write() wrote; earlier versions indented it."""
    if checksum == _checksum(told):
        return True
    return checksum == crc32(json.dumps(told, indent=1, sort_keys=True).encode("ascii") + b"\n")
