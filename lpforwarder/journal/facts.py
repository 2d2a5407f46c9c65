"""What a journal knows about itself: plain values for status, metrics and the like."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from lpforwarder.journal.scan import Gap


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """One source's totals since the journal was made; retention does not lower them."""

    events: int
    duplicates: int
    """Events that the source gave again and that were not appended."""
    rejects: int
    appended: str | None
    """When something was last appended; RFC 3339."""
    newest: str | None
    """The greatest event time seen; RFC 3339."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorFacts:
    """One collector's place and totals."""

    checkpoint: int
    resume: int
    clean: bool
    sent: int
    confirmed: int
    replayed: int
    moved: str | None
    """When the checkpoint was last recorded; RFC 3339."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReject:
    """A record that could not become an event, as it was kept."""

    source: str
    where: str
    reason: str
    time: str
    octets: int
    """How long the record was; `raw` holds the first 64 KiB of it."""
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
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
    )


def ends(connection: sqlite3.Connection) -> tuple[int, int]:
    """The last place that retention removed, and the last place there is."""
    removed, last = connection.execute("SELECT removed, last FROM state").fetchall()[0]
    return removed, last


def gaps_in(connection: sqlite3.Connection) -> list[Gap]:
    """What was found damaged, in order."""
    rows = connection.execute("SELECT first, count, reason, found FROM gap ORDER BY first").fetchall()
    return [Gap(first=first, count=count, reason=reason, found=found) for first, count, reason, found in rows]


def used_octets(connection: sqlite3.Connection) -> int:
    """Octets of the file that hold something; free pages inside are used before the file grows."""
    size, pages, free = (
        connection.execute(f"PRAGMA {name}").fetchall()[0][0]
        for name in ("page_size", "page_count", "freelist_count")
    )
    return int(size * (pages - free))


def _sources(connection: sqlite3.Connection) -> dict[str, SourceFacts]:
    rows = connection.execute(
        "SELECT name, events, duplicates, rejects, appended, newest FROM source ORDER BY name"
    )
    return {
        name: SourceFacts(
            events=events, duplicates=duplicates, rejects=rejects, appended=appended, newest=newest
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
