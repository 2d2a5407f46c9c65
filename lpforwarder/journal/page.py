"""One row of the journal: a page of events as it was appended, and how to tell that it is still whole."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count as counting
from itertools import repeat
from typing import cast

from lpforwarder import rfc3339
from lpforwarder.event import Entry, Event, Seq, join_lines, split_lines

_OUR_TIME = len("2022-12-14T17:33:43.369Z")

Kind = tuple[str, str, int]
"""Event type, event id, severity: what filters ask for."""


@dataclass(frozen=True, slots=True)
class StoredPage:
    """The columns of one row, in their order. Read from a file they may be anything: ask is_whole()."""

    first: int
    count: int
    source: str
    oldest: str | None
    """Least and greatest event time of the page; None when no event has one."""
    newest: str | None
    received: str
    tally: str
    """How many events there are of each kind, so that counting needs no decoding; see kinds_in()."""
    checksum: int
    lines: bytes

    @property
    def end(self) -> int:
        """The place behind the last event."""
        return self.first + self.count

    def is_whole(self) -> bool:
        """False when a single octet is not what was appended."""
        return isinstance(self.lines, bytes) and self.checksum == _checksum(self)

    def entries(self) -> list[Entry]:
        """The events with their places; only for a page that is whole."""
        places = cast("Iterator[Seq]", counting(self.first))
        return list(map(Entry, places, repeat(self.source), split_lines(self.lines)))


def store(first: int, source: str, events: Sequence[Event], received: str) -> StoredPage:
    """The row for these events; `received` is the present time."""
    oldest, newest = span(events)
    page = StoredPage(
        first, len(events), source, oldest, newest, received, tally(events), 0, join_lines(events)
    )
    return StoredPage(*page_columns(page)[:-2], _checksum(page), page.lines)


def page_columns(page: StoredPage) -> tuple[int, int, str, str | None, str | None, str, str, int, bytes]:
    """The columns in the order of the table."""
    return (
        page.first,
        page.count,
        page.source,
        page.oldest,
        page.newest,
        page.received,
        page.tally,
        page.checksum,
        page.lines,
    )


def row_checksum(*values: object) -> int:
    """CRC-32 over the values of a row; also a function of our SQL. JSON keeps the borders apart."""
    return zlib.crc32(json.dumps(values, default=repr).encode("ascii"))


def _checksum(page: StoredPage) -> int:
    columns = page_columns(page)[:-2]
    return zlib.crc32(page.lines, row_checksum(*columns))


# ---- counting by kind -----------------------------------------------------------------------------------


def tally(events: Sequence[Event]) -> str:
    """Compact JSON `[[eventType, eventId, severity, count], …]`, equal for equal counts."""
    kinds = Counter([kind_of(event) for event in events])
    rows = [[*kind, number] for kind, number in sorted(kinds.items())]
    return json.dumps(rows, separators=(",", ":"))


def kind_of(event: Event) -> Kind:
    """What a filter asks for."""
    return event.text("eventType"), event.text("eventId"), event.severity


@lru_cache(maxsize=256)  # a page's tally has about 1 KB, so this stays under a few MB
def kinds_in(tally: str) -> tuple[tuple[Kind, int], ...]:
    """Each kind with its count; nothing when the text is damaged."""
    try:
        return tuple(((str(a), str(b), int(c)), int(number)) for a, b, c, number in json.loads(tally))
    except (ValueError, TypeError):
        return ()


# ---- time span ------------------------------------------------------------------------------------------


def span(events: Sequence[Event]) -> tuple[str | None, str | None]:
    """The least and the greatest event time in our form; None when no event has a time."""
    stamps = [stamp for event in events if type(stamp := event.fields.get("timestamp")) is str]
    if not stamps:
        return None, None
    ends = min(stamps), max(stamps)
    # Texts of our form sort like times. Anything else in the page, and each must be read.
    if set(map(len, stamps)) == {_OUR_TIME} and ends == tuple(map(rfc3339.canonical, ends)):
        return ends
    times = sorted(time for stamp in stamps if (time := rfc3339.canonical(stamp)) is not None)
    return (times[0], times[-1]) if times else (None, None)
