"""The reading half of a journal: works beside the process that writes, and when none does."""

from __future__ import annotations

import math
import os
import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lpforwarder.event import Cursor, Entry, Seq, Stretch
from lpforwarder.event_page import kind_of
from lpforwarder.journal import schema, set_asides
from lpforwarder.journal.connections import Readers
from lpforwarder.journal.descriptors import Hold
from lpforwarder.journal.facts import Facts, StoredReject, ends, gaps_in, has_set_asides, look
from lpforwarder.journal.faults import is_there
from lpforwarder.journal.gaps import KnownGaps
from lpforwarder.journal.hidden import HiddenRows
from lpforwarder.journal.page import StoredPage, row_checksum
from lpforwarder.journal.recent import RecentPages
from lpforwarder.journal.scan import Gap, pages
from lpforwarder.journal.set_asides import SetAside
from lpforwarder.journal.waiting import WaitingCounter, Wanted


def open_reader(path: Path) -> JournalReader:
    """A journal to look at; needs no lock, and the writer may come and go meanwhile.

    FileNotFoundError when there is none yet; Denied when it cannot be read or is not ours.
    """
    if not is_there(path):
        raise FileNotFoundError(f"there is no journal at {path}")
    reader = JournalReader(path)
    try:
        with reader.view() as connection:
            schema.check(connection)
            if not schema.version_of(connection):
                raise FileNotFoundError(f"the journal at {path} has not been begun yet")
    except BaseException:
        reader.close()
        raise
    return reader


class JournalReader:
    """Answers from the file alone; any number of threads, each call one short read transaction."""

    def __init__(self, path: Path, *, on_gap: Callable[[Gap], None] | None = None) -> None:
        self._path = path
        self._hold = Hold(path)
        self._readers = Readers(path)
        self._recent = RecentPages()
        self._waiting = WaitingCounter()
        self._hidden = HiddenRows(path)
        self.has_hidden = False
        """True once a row was only found by looking along the file."""
        self._on_gap = on_gap
        self.view = self._readers.transaction

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes every connection; may be called twice."""
        self._readers.close()
        self._hold.release()

    def hold_one(self) -> None:
        """Keeps a connection open until close(), so that no other one is the last."""
        self._readers.hold_one()

    # ---- entries ----------------------------------------------------------------------------------------

    def read(self, after: Seq, limit: int) -> list[Entry]:
        """Entries behind `after` in order, at most `limit`; empty at the end. Damaged ones are left out."""
        return [entry for part in self.stretches(after, limit) for entry in part.entries()]

    def stretches(self, after: Seq, limit: int) -> list[Stretch]:
        """The same as lines, not decoded: runs of neighbours from one page, none of them empty."""
        found: list[Stretch] = []
        position, left = int(after), limit
        while left > 0 and (held := self._recent.holding(position + 1, left)) is not None:
            found.append(held)
            position, left = position + len(held.lines), left - len(held.lines)
        for page in self.stored(position, left) if left > 0 else ():
            begin = max(0, position + 1 - page.first)
            found.append(self._recent.kept(page).part(begin, begin + left))
            left -= len(found[-1].lines)
        return found

    def stored(self, after: int, limit: int, octets: float = math.inf) -> list[StoredPage]:
        """Whole pages with at least `limit` events behind `after`, or so many octets; empty only at the end.

        In the order of delivery, not decoded. Damaged ones are left out, and gaps on the way are told.
        """
        found: list[StoredPage] = []
        gaps: list[Gap] = []
        have = 0
        with self.view() as connection:
            removed, last = ends(connection)
            position = max(after, removed)
            with closing(self.walk(connection, position, last)) as rows:
                for row in rows:
                    if isinstance(row, Gap):
                        gaps.append(row)
                        continue
                    found.append(row)
                    have += row.end - max(row.first, position + 1)
                    octets -= len(row.lines)
                    if have >= limit or octets <= 0:
                        break
        if self._on_gap is not None:
            for gap in gaps:
                self._on_gap(gap)
        return found

    def newest(self) -> Seq:
        """The last place in the journal."""
        with self.view() as connection:
            return Seq(ends(connection)[1])

    def waiting(self, checkpoint: int, wanted: Wanted) -> tuple[int, str | None]:
        """How many wanted events lie behind `checkpoint`, and when the oldest of them was received.

        Counted from the tallies; only the page with the checkpoint in its middle is decoded.
        """
        with self.view() as connection:

            def partial(place: int, last: int) -> int:
                return self._wanted_in_page(connection, place, last, wanted)

            return self._waiting.count(connection, checkpoint, wanted, partial)

    # ---- places -----------------------------------------------------------------------------------------

    def cursor(self, source: str) -> Cursor | None:
        """The place behind the last append of this source; None before the first, or when it is damaged."""
        rows = self._rows("SELECT name, cursor, checksum FROM source WHERE name = ?", source)
        if not rows or rows[0][1] is None or rows[0][2] != row_checksum(*rows[0][:2]):
            return None
        return Cursor(rows[0][1])

    def checkpoint(self, collector: str) -> Seq:
        """All up to here is confirmed by this collector; 0 for one that is not known."""
        return Seq(self._place(collector)[0])

    def resume(self, collector: str) -> Seq:
        """Where to go back to after an abnormal end; never ahead of the checkpoint."""
        return Seq(self._place(collector)[1])

    def clean(self, collector: str) -> bool:
        """True when the last life of this collector ended with everything it had sent confirmed."""
        return bool(self._place(collector)[2])

    def sent(self, collector: str) -> Seq:
        """The furthest place that was sent to this collector; 0 when nobody knows. No checksum covers it."""
        rows = self._rows("SELECT sent FROM collector WHERE name = ?", collector)
        return Seq(rows[0][0] if rows and isinstance(rows[0][0], int) else 0)

    # ---- facts ------------------------------------------------------------------------------------------

    def facts(self) -> Facts:
        """Everything that status shows, from one view."""
        octets = sum(_size(f"{self._path}{suffix}") for suffix in ("", "-wal", "-shm"))
        with self.view() as connection:
            return look(connection, octets)

    def gaps(self) -> tuple[Gap, ...]:
        """What was journaled and cannot be read any more, in order."""
        with self.view() as connection:
            return tuple(gaps_in(connection))

    def untold_gaps(self) -> tuple[Gap, ...]:
        """The gaps, and the notes without a count, that gaps_told() has not heard of; in order."""
        with self.view() as connection:
            if not schema.has_sums(connection):
                return ()
            told = {number for (number,) in connection.execute("SELECT id FROM gap WHERE told")}
            return tuple(gap for gap in gaps_in(connection) if gap.number not in told)

    def rejects(self, limit: int = 100, *, contents: bool = True) -> list[StoredReject]:
        """The newest records that could not become events, newest first; without contents `raw` is empty."""
        raw = "raw" if contents else "x''"
        rows = self._rows(
            f"SELECT id, source, place, reason, time, octets, {raw} FROM reject ORDER BY id DESC LIMIT ?",
            limit,
        )
        return [_reject(row) for row in rows]

    def reject(self, number: int) -> StoredReject | None:
        """The one with this number; None when there is none any more."""
        rows = self._rows(
            "SELECT id, source, place, reason, time, octets, raw FROM reject WHERE id = ?", number
        )
        return _reject(rows[0]) if rows else None

    def set_asides(self, limit: int = 1000) -> list[SetAside]:
        """The newest events that collectors could not take, oldest of them first, without contents."""
        with self.view() as connection:
            return set_asides.listing(connection, limit) if has_set_asides(connection) else []

    def set_aside_numbered(self, number: int) -> list[SetAside]:
        """With contents, what people call by this number: one for each collector at most."""
        with self.view() as connection:
            return set_asides.numbered(connection, number) if has_set_asides(connection) else []

    # ---- its parts --------------------------------------------------------------------------------------

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self.view() as connection:
            return connection.execute(query, values).fetchall()

    def walk(self, connection: sqlite3.Connection, position: int, last: int) -> Generator[StoredPage | Gap]:
        """Whole pages behind `position`, and a Gap for what not even a look at the file itself finds."""
        with closing(pages(connection, position, last)) as rows:
            for row in rows:
                if isinstance(row, Gap):
                    for gap in KnownGaps(gaps_in(connection)).unknown(row):
                        yield from self._look_behind(gap)
                else:
                    yield row

    def _look_behind(self, gap: Gap) -> Generator[StoredPage | Gap]:
        position = gap.first
        with closing(self._hidden.across(range(gap.first, gap.end))) as rows:
            for row in rows:
                if row.first > position:
                    yield replace(gap, first=position, count=row.first - position)
                yield row
                self._found_hidden()
                position = row.end
        if position < gap.end:
            yield replace(gap, first=position, count=gap.end - position)

    def _found_hidden(self) -> None:
        """There are rows that SQLite does not find any more."""
        self.has_hidden = True

    def keep(self, page: StoredPage) -> None:
        """A whole page stays in memory for whoever reads there next."""
        self._recent.keep(page)

    def forget(self, upto: int) -> None:
        """Nothing up to that place stays in memory."""
        self._recent.forget(upto)

    def _wanted_in_page(
        self, connection: sqlite3.Connection, checkpoint: int, last: int, wanted: Wanted
    ) -> int:
        """How many events behind the checkpoint are wanted of the page that ends with `last`."""
        with closing(pages(connection, checkpoint, last)) as rows:
            parts = [row for row in rows if isinstance(row, StoredPage) and row.end <= last + 1]
        entries = (entry for part in parts for entry in part.entries())
        behind = (entry for entry in entries if entry.seq > checkpoint)
        return sum(1 for entry in behind if wanted(entry.source, *kind_of(entry.event)))

    def _place(self, collector: str) -> tuple[int, int, int]:
        rows = self._rows(
            "SELECT name, checkpoint, resume, clean, checksum FROM collector WHERE name = ?", collector
        )
        if not rows or rows[0][-1] != row_checksum(*rows[0][:-1]):
            return 0, 0, 0
        _, checkpoint, resume, clean, _ = rows[0]
        return checkpoint, resume, clean


def _reject(row: Sequence[Any]) -> StoredReject:
    number, source, where, reason, time, octets, raw = row
    return StoredReject(
        number=number, source=source, where=where, reason=reason, time=time, octets=octets, raw=raw
    )


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0
