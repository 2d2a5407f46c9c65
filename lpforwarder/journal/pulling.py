"""The journal as readers over HTTP see it: pages as they lie there, and single events by their id."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, suppress

from lpforwarder.errors import Blocked
from lpforwarder.event import JSON, Entry, Event, Seq, parse, split_lines
from lpforwarder.journal.facts import ends, identity_in
from lpforwarder.journal.faults import RESTART, is_damage
from lpforwarder.journal.page import StoredPage
from lpforwarder.journal.scan import parts_of
from lpforwarder.journal.sqlite import SqliteJournal

READ_OCTETS = 4 * 2**20
"""Of one read: what an answer may have, and some milliseconds. A longer one would hold up the log."""
_ROW_OCTETS = 2 * 2**10
"""What a row costs a search beside its text, in octets that could be searched meanwhile."""
READ_EVENTS = 2_000
"""Of one read where a search has to go the way of delivery."""


class PulledJournal:
    """Satisfies what the endpoint needs of a journal; any number of threads.

    Each look at the file is one short read transaction. Close the readers over HTTP before the journal.
    """

    def __init__(self, journal: SqliteJournal) -> None:
        """Blocked (LPF505) when the journal does not know its own identity."""
        self._journal = journal
        self._identity = _identity_of(journal)
        self.newest = journal.newest
        self.ringing = journal.ringing

    def identity(self) -> str:
        """16 hexadecimal digits, made with the journal; a repair keeps them, a new journal has others."""
        return self._identity

    def oldest(self) -> Seq:
        """The place before the first event that is still kept."""
        with self._journal.view() as connection:
            return Seq(ends(connection)[0])

    def last(self) -> Seq:
        """The last place that was given; never before one that a reader has seen."""
        with self._journal.view() as connection:
            return Seq(ends(connection)[1])

    def stored(self, after: Seq, limit: int) -> list[StoredPage]:
        """Whole pages with at least `limit` events behind `after`, or READ_OCTETS; empty only at the end.

        Just what delivery reads, in its order. Damaged events are left out, and noted as delivery does.
        """
        return self._journal.stored(after, limit, READ_OCTETS)

    def of_source(self, source: str, after: Seq) -> tuple[list[StoredPage], Seq]:
        """The whole pages of that source behind `after`, in order, and the last place; reads no others.

        For sources with few pages. What is damaged is left out.
        """
        query = "SELECT first FROM page WHERE first > ? AND source = ? ORDER BY first"
        found: list[StoredPage] = []
        with self._journal.view() as connection:
            last = Seq(ends(connection)[1])
            try:
                for (first,) in connection.execute(query, (after, source)).fetchall():
                    found += parts_of(connection, first)
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
        return found, last

    def find(self, event_id: str, wanted: Callable[[str], bool] = lambda _: True) -> Entry | None:
        """The first event with this id of a wanted source, oldest first; None when there is none.

        Damaged ones are left out. Pages of other sources are passed over by their name, before anything looks
        into them: who may not see an event cannot read off the time either whether there is one.

        There is no index of ids: SQLite searches the text of all pages, some hundred MB a second, in
        transactions of READ_OCTETS. A million events take a second, or three where each is a page of its own.
        """
        forms, place = _written(event_id), self.oldest()
        while True:
            pages, end = self._likely(place, forms, wanted)
            if end == place:  # damage, or the last row, behind which nothing begins
                pages = self.stored(place, READ_EVENTS)
                if not pages:
                    return None
                end = Seq(pages[-1].end - 1)
            for page in pages:
                entry = _entry_in(page, event_id, forms) if wanted(page.source) else None
                if entry is not None:
                    return entry
            place = end

    def _likely(
        self, place: Seq, forms: Sequence[bytes], wanted: Callable[[str], bool]
    ) -> tuple[list[StoredPage], Seq]:
        """What is whole of the next wanted rows that have such a text in them, and how far was looked.

        That is only up to a row that SQLite passes by and does not find: damage above it in the tree.
        """
        found: list[StoredPage] = []
        with self._journal.view() as connection:
            firsts, end = _search(connection, place, forms, wanted)
            for first in firsts:
                parts = parts_of(connection, first)
                if not parts:
                    return found, Seq(max(first - 1, place))
                found += parts
        return found, end


def _identity_of(journal: SqliteJournal) -> str:
    with journal.view() as connection:
        name = identity_in(connection)
    if not name:
        raise Blocked("the identity of the journal is damaged", code="LPF505", fix=RESTART)
    return name


def _written(event_id: str) -> list[bytes]:
    """How a line says that this is its id. An id may also be a number, whose text is what people ask for."""
    values: list[JSON] = [event_id]
    with suppress(ValueError):
        values.append(parse(b'{"id":%b}' % event_id.encode("utf-8", "replace"))["id"])
    return [Event.of({"id": value}).line[1:-1] for value in values]


def _search(
    connection: sqlite3.Connection, place: Seq, forms: Sequence[bytes], wanted: Callable[[str], bool]
) -> tuple[list[int], Seq]:
    """Where wanted rows begin that have one of these texts, and up to where the rows follow without a hole.

    A row counts as searched when the next one begins where it says that it ends: a damaged one may lie.
    """
    connection.create_function("is_wanted", 1, lambda source: wanted(str(source)))
    holds = " OR ".join("instr(lines, ?)" for _ in forms)
    looked = f"CASE WHEN is_wanted(source) THEN {holds} END"
    query = f"SELECT first, first + count, length(lines), {looked} FROM page WHERE first > ? ORDER BY first"
    found: list[int] = []
    sure, behind, octets, pending = place, place + 1, 0, list[int]()
    try:
        with closing(connection.execute(query, (*forms, place))) as rows:
            for first, following, size, is_likely in rows:
                if first != behind:
                    break
                found += pending
                sure, behind, octets = Seq(first - 1), following, octets + (size or 0) + _ROW_OCTETS
                pending = [first] if is_likely else []
                if octets >= READ_OCTETS and sure > place:
                    break
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
    return found, sure


def _entry_in(page: StoredPage, event_id: str, forms: Sequence[bytes]) -> Entry | None:
    """The first event of a whole page with this id; only lines that have such a text are decoded."""
    for seq, line in enumerate(page.lines.split(b"\n"), page.first):
        if any(form in line for form in forms):
            (event,) = split_lines(line)
            if event.text("id") == event_id:
                return Entry(Seq(seq), page.source, event)
    return None
