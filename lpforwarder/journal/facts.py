"""What a journal knows about itself: plain values for status, metrics and the like."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from msgspec import Struct, field

from lpforwarder.errors import Blocked
from lpforwarder.journal.faults import RESTART
from lpforwarder.journal.page import row_checksum
from lpforwarder.journal.scan import Gap
from lpforwarder.journal.schema import has_identity, has_sums


class SourceFacts(Struct, frozen=True, kw_only=True):
    """One source's totals since the journal was made; retention does not lower them."""

    events: int
    duplicates: int
    """Events that the source gave again and that were not appended."""
    rejects: int
    appended: str | None
    """When something was last appended; RFC 3339."""
    newest: str | None
    """The greatest event time seen; RFC 3339."""
    kept: int = 0
    """Of the rejects those that wait for a person now: neither dropped nor too old. Goes down, too."""


class CollectorFacts(Struct, frozen=True, kw_only=True):
    """One collector's place and totals."""

    checkpoint: int
    resume: int
    clean: bool
    sent: int
    """The furthest place that was handed to the transport, as of the last record."""
    confirmed: int
    replayed: int
    moved: str | None
    """When the checkpoint was last recorded; RFC 3339."""


class SetAsideFacts(Struct, frozen=True, kw_only=True):
    """One collector's events that were set aside. `total` is the sum of the other five."""

    kept: int = 0
    """Wait for a person now."""
    again: int = 0
    """Are on their way once more."""
    sent: int = 0
    """Were confirmed when they were sent again."""
    dropped: int = 0
    """A person said so."""
    lost: int = 0
    """Had to go because the room was full."""
    total: int = 0


class StoredReject(Struct, frozen=True, kw_only=True):
    """A record that could not become an event, as it was kept."""

    number: int
    source: str
    where: str
    reason: str
    time: str
    octets: int
    """How long the record was; `raw` holds the first 64 KiB of it."""
    raw: bytes


class Facts(Struct, frozen=True, kw_only=True):
    """One view of the whole journal."""

    first: int
    """The first place that is still held; last + 1 when nothing is."""
    last: int
    octets: int
    """On the disk, with log and index; room inside that can be used again counts too."""
    used: int
    """Octets in use inside the file: what max_size is compared with."""
    sources: dict[str, SourceFacts]
    collectors: dict[str, CollectorFacts]
    gaps: tuple[Gap, ...]
    rejects: int
    """How many records were set aside since the journal was made; the newest are kept."""
    set_asides: Mapping[str, SetAsideFacts] = field(default_factory=dict)
    """By collector, those that ever had an event set aside."""


def look(connection: sqlite3.Connection, octets: int) -> Facts:
    """Everything in one view; `octets` is what the files take on the disk."""
    removed, last = ends(connection)
    return Facts(
        first=removed + 1,
        last=last,
        octets=octets,
        used=used_octets(connection),
        sources=_sources(connection),
        collectors=_collectors(connection),
        gaps=tuple(gaps_in(connection)),
        rejects=connection.execute("SELECT coalesce(sum(rejects), 0) FROM source").fetchall()[0][0],
        set_asides=_set_asides(connection),
    )


def ends(connection: sqlite3.Connection) -> tuple[int, int]:
    """The last place that retention removed, and the last place there is; Blocked when they are damaged."""
    rows = connection.execute("SELECT removed, last, checksum FROM state").fetchall()
    if not rows or rows[0][2] != row_checksum(rows[0][1], rows[0][0]):
        raise Blocked("the counter of the journal is damaged", code="LPF505", fix=RESTART)
    return rows[0][0], rows[0][1]


def identity_in(connection: sqlite3.Connection) -> str:
    """16 hexadecimal digits that no other journal has; "" when they are damaged, or in an older file."""
    if not has_identity(connection):
        return ""
    rows = connection.execute("SELECT name, checksum FROM identity").fetchall()
    return str(rows[0][0]) if rows and rows[0][1] == row_checksum(rows[0][0]) else ""


def gaps_in(connection: sqlite3.Connection) -> list[Gap]:
    """What was found damaged, in order."""
    more = "collector, missed" if has_sums(connection) else "'', '{}'"
    rows = connection.execute(f"SELECT id, first, count, reason, found, {more} FROM gap ORDER BY first, id")
    return [
        Gap(
            first=first,
            count=count,
            reason=reason,
            found=found,
            collector=collector,
            number=number,
            missed=missed_in(missed),
        )
        for number, first, count, reason, found, collector, missed in rows.fetchall()
    ]


def missed_in(text: object) -> dict[str, int]:
    """What was noted of collectors; nothing when it cannot be read any more."""
    try:
        return {str(name): int(count) for name, count in json.loads(str(text)).items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def has_set_asides(connection: sqlite3.Connection) -> bool:
    """False for a file that an older version wrote and this one has not opened for writing yet."""
    query = "SELECT count(*) FROM sqlite_master WHERE name = 'set_aside_count'"
    return bool(connection.execute(query).fetchall()[0][0])


def used_octets(connection: sqlite3.Connection) -> int:
    """Octets of the file that hold something; free pages inside are used before the file grows."""
    size, pages, free = (_asked(connection, name) for name in ("page_size", "page_count", "freelist_count"))
    return size * (pages - free)


def whole_octets(connection: sqlite3.Connection) -> int:
    """Octets that the file has once all of the log is copied into it; free pages inside count too."""
    return _asked(connection, "page_size") * _asked(connection, "page_count")


def _asked(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchall()[0][0])


def _sources(connection: sqlite3.Connection) -> dict[str, SourceFacts]:
    kept = dict(connection.execute("SELECT source, count(*) FROM reject GROUP BY source").fetchall())
    rows = connection.execute(
        "SELECT name, events, duplicates, rejects, appended, newest FROM source ORDER BY name"
    )
    return {
        name: SourceFacts(
            events=events,
            duplicates=duplicates,
            rejects=rejects,
            appended=appended,
            newest=newest,
            kept=kept.get(name, 0),
        )
        for name, events, duplicates, rejects, appended, newest in rows.fetchall()
    }


def _collectors(connection: sqlite3.Connection) -> dict[str, CollectorFacts]:
    rows = connection.execute(
        "SELECT name, checkpoint, resume, clean, sent, confirmed, replayed, moved "
        "FROM collector ORDER BY name"
    )
    return {
        name: CollectorFacts(
            checkpoint=checkpoint,
            resume=resume,
            clean=bool(clean),
            sent=sent,
            confirmed=confirmed,
            replayed=replayed,
            moved=moved,
        )
        for name, checkpoint, resume, clean, sent, confirmed, replayed, moved in rows.fetchall()
    }


def _set_asides(connection: sqlite3.Connection) -> dict[str, SetAsideFacts]:
    if not has_set_asides(connection):
        return {}
    rows = connection.execute(
        "SELECT collector, kept, again, sent, dropped, lost FROM set_aside_count ORDER BY collector"
    )
    return {
        name: SetAsideFacts(
            kept=kept,
            again=again,
            sent=sent,
            dropped=dropped,
            lost=lost,
            total=kept + again + sent + dropped + lost,
        )
        for name, kept, again, sent, dropped, lost in rows.fetchall()
    }
