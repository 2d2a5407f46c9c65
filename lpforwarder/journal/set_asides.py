"""Events that a collector could not take: kept with their reason until they are sent again or dropped.

A row begins as `kept`. A person's command appends its event once more, for that collector alone: `again`.
Then it is confirmed (`sent`), or refused once more and `kept` again. A person may also have it `dropped`.
What is sent or dropped loses its contents at once; the rest of the row stays while a replay may still come
by its place, or the same event would be set aside a second time.

All functions run inside a transaction of the caller, so that an event is never in two states or in none.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field

from lpforwarder.event import OWN, Entry, Poison, addressed_to, split_lines
from lpforwarder.journal import quota
from lpforwarder.journal.crc import crc32
from lpforwarder.journal.facts import ends
from lpforwarder.journal.page import row_checksum, store
from lpforwarder.journal.rows import insert_page

MOST_OCTETS = quota.SET_ASIDE
"""Of all contents together, or a quarter of a small journal; then the oldest go, counted as lost.

The newest stays whatever its size."""
_ROW_OCTETS = 256
"""What a row takes beside its contents, about."""
_LONGEST_DETAIL = 2000
"""Characters of somebody else's words."""
_LONGEST_ID = 200
_DAMAGED = "the journal was damaged at the place where it was to be sent again from"

_SMALL = "id, collector, number, place, state, own, event_id, code, reason, detail, time, tries, octets"
_FIND = (
    "SELECT id, place, state, number, own FROM set_aside WHERE collector = ? AND (number = ? OR place = ?) "
    "ORDER BY place = ? DESC LIMIT 1"
)


class SetAside(Struct, frozen=True, kw_only=True):
    """One event that a collector could not take."""

    id: int
    collector: str
    number: int
    """Its first place in the journal: what people call it by."""
    place: int
    """Where it was last tried from; another one than `number` once it was sent again."""
    state: str
    """`kept`, or `again` while it is on its way once more."""
    own: str
    """The event id of what the forwarder says about itself, empty for all others: see insert()."""
    event_id: str
    code: str
    reason: str
    detail: str
    time: str
    """When it was set aside last; RFC 3339."""
    tries: int
    octets: int
    """Of message and event together."""
    message: bytes = b""
    """As last tried. Empty when none could be made, and in a listing."""
    line: bytes = b""
    """The event as JSON; empty in a listing."""
    is_whole: bool = True
    """False when what was read is not what was written. A listing does not look."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of events that were to be set aside."""

    fresh: Mapping[int, Poison] = field(default_factory=dict)
    """Those that were not known yet, or had been sent again, by the number people call them."""
    lost: Mapping[str, int] = field(default_factory=dict)
    """Collector → how many older ones had to make room, never to be sent."""


def insert(
    connection: sqlite3.Connection,
    collector: str,
    poisons: Iterable[Poison],
    time: str,
    most: int = MOST_OCTETS,
) -> Outcome:
    """Sets events aside. One that is known already, met again by a replay, changes nothing.

    Of what the forwarder says about itself the newest of each kind is kept, and nothing is counted: a
    collector that refuses heartbeats would fill the room, and one that refuses the report of what was set
    aside would be told of that for ever. `most` octets of contents stay; then the oldest go.
    """
    fresh: dict[int, Poison] = {}
    for poison in poisons:
        seq = poison.entry.seq
        rows = connection.execute(_FIND, (collector, seq, seq, seq)).fetchall()
        if not rows:
            own = _insert(connection, collector, poison, time)
        elif rows[0][1] == seq and rows[0][2] in ("again", "sent"):
            own = rows[0][4]
            _keep_again(connection, rows[0][0], poison, time)
            _count(connection, collector, rows[0][2], -1, own)
        else:
            continue
        _count(connection, collector, "kept", 1, own)
        fresh[rows[0][3] if rows else seq] = poison
    return Outcome(fresh=fresh, lost=_trim(connection, most) if fresh else {})


def settle(connection: sqlite3.Connection, collector: str) -> None:
    """Follows a checkpoint that moved, in the same transaction: what was sent again and passed is `sent`."""
    rows = connection.execute(
        "SELECT checkpoint, resume FROM collector WHERE name = ? "
        "AND EXISTS (SELECT 1 FROM set_aside WHERE collector = ?)",
        (collector, collector),
    ).fetchall()
    if not rows:
        return
    checkpoint, resume = rows[0]
    passed = connection.execute(
        "SELECT id, own, EXISTS (SELECT 1 FROM gap WHERE first <= place AND place < first + count "
        "AND gap.collector IN ('', set_aside.collector)) "
        "FROM set_aside WHERE collector = ? AND state = 'again' AND place <= ?",
        (collector, checkpoint),
    ).fetchall()
    for number, own, is_gone in passed:
        if is_gone:
            _keep_after_damage(connection, number)
        else:
            _empty(connection, number, "sent")
        _count(connection, collector, "again", -1, own)
        _count(connection, collector, "kept" if is_gone else "sent", 1, own)
    connection.execute(
        "DELETE FROM set_aside WHERE collector = ? AND state IN ('sent', 'dropped') "
        "AND number <= ? AND place <= ?",
        (collector, resume, resume),
    )


def append_again(connection: sqlite3.Connection, ids: Sequence[int], received: str) -> list[int]:
    """Appends these events for their collectors alone and marks them `again`; the ids of those it did.

    Left out is what is not `kept` any more, and what is damaged. One page for each collector.
    """
    done: list[int] = []
    rows = [row for row in _rows(connection, ids) if row.state == "kept" and row.is_whole]
    for collector in sorted({row.collector for row in rows}):
        mine = [row for row in rows if row.collector == collector]
        events = [event for row in mine for event in split_lines(row.line)]
        place = ends(connection)[1] + 1
        insert_page(connection, store(place, addressed_to(collector), events, received))
        for row in mine:
            connection.execute(
                "UPDATE set_aside SET state = 'again', place = ? WHERE id = ?", (place, row.id)
            )
            _seal(connection, row.id)
            _count(connection, collector, "kept", -1, row.own)
            _count(connection, collector, "again", 1, row.own)
            place += 1
        done += [row.id for row in mine]
    return done


def drop(connection: sqlite3.Connection, ids: Sequence[int]) -> list[int]:
    """Forgets what these hold, for good; the ids of those it did. What is on its way is left out."""
    done = []
    for row in _rows(connection, ids):
        if row.state == "kept":
            _empty(connection, row.id, "dropped")
            _count(connection, row.collector, "kept", -1, row.own)
            _count(connection, row.collector, "dropped", 1, row.own)
            done.append(row.id)
    return done


def listing(connection: sqlite3.Connection, limit: int) -> list[SetAside]:
    """The newest, oldest of them first, without contents."""
    rows = connection.execute(
        f"SELECT {_SMALL} FROM set_aside WHERE state IN ('kept', 'again') ORDER BY id DESC LIMIT ?", (limit,)
    ).fetchall()
    return [_made(row) for row in reversed(rows)]


def numbered(connection: sqlite3.Connection, number: int) -> list[SetAside]:
    """Everything that people call by this number, with contents: one for each collector at most."""
    ids = connection.execute(
        "SELECT id FROM set_aside WHERE number = ? AND state IN ('kept', 'again') ORDER BY collector",
        (number,),
    ).fetchall()
    return _rows(connection, [row[0] for row in ids])


# ---- one row ---------------------------------------------------------------------------------------------


def _rows(connection: sqlite3.Connection, ids: Sequence[int]) -> list[SetAside]:
    """Whole rows in the order of their places; those that are gone are left out."""
    found = []
    for number in ids:
        query = f"SELECT {_SMALL}, message, line, checksum FROM set_aside WHERE id = ?"
        for *small, message, line, checksum in connection.execute(query, (number,)).fetchall():
            is_whole = checksum == _checksum(small, message, line)
            found.append(_made(small, message=message, line=line, is_whole=is_whole))
    return sorted(found, key=lambda row: (row.number, row.collector))


def _made(
    columns: Sequence[object], *, message: bytes = b"", line: bytes = b"", is_whole: bool = True
) -> SetAside:
    values = dict(zip(_SMALL.split(", "), columns, strict=True))
    return SetAside(**values, message=message, line=line, is_whole=is_whole)  # type: ignore[arg-type]


def _insert(connection: sqlite3.Connection, collector: str, poison: Poison, time: str) -> str:
    """Keeps one that was not known; its `own`."""
    seq, own = poison.entry.seq, _own(collector, poison.entry)
    if own:
        connection.execute(
            "DELETE FROM set_aside WHERE collector = ? AND own = ? AND state = 'kept'", (collector, own)
        )
    made = connection.execute(
        "INSERT INTO set_aside (collector, number, place, state, own, event_id, code, reason, detail, time, "
        "tries, octets, message, line) VALUES (?, ?, ?, 'kept', ?, ?, ?, ?, ?, ?, 1, ?, ?, ?)",
        (collector, seq, seq, own, _id_of(poison), *_told(poison), time, *_contents(poison)),
    )
    assert made.lastrowid is not None
    _seal(connection, made.lastrowid)
    return own


def _own(collector: str, entry: Entry) -> str:
    """The event id of what the forwarder says about itself; empty for all others, whatever they claim."""
    is_ours = entry.source == OWN
    if entry.source == addressed_to(collector):  # a heartbeat; what is sent again is known by its place
        is_ours = entry.event.fields.get("source") == OWN
    return entry.event.text("eventId") if is_ours else ""


def _keep_again(connection: sqlite3.Connection, number: int, poison: Poison, time: str) -> None:
    """It was refused once more. The contents are as they are now: the message may be another one."""
    connection.execute(
        "UPDATE set_aside SET state = 'kept', tries = tries + 1, code = ?, reason = ?, detail = ?, time = ?, "
        "octets = ?, message = ?, line = ? WHERE id = ?",
        (*_told(poison), time, *_contents(poison), number),
    )
    _seal(connection, number)


def _keep_after_damage(connection: sqlite3.Connection, number: int) -> None:
    connection.execute(
        "UPDATE set_aside SET state = 'kept', code = 'LPF508', reason = ?, detail = '' WHERE id = ?",
        (_DAMAGED, number),
    )
    _seal(connection, number)


def _empty(connection: sqlite3.Connection, number: int, state: str) -> None:
    connection.execute(
        "UPDATE set_aside SET state = ?, detail = '', octets = 0, message = x'', line = x'' WHERE id = ?",
        (state, number),
    )
    _seal(connection, number)


def _id_of(poison: Poison) -> str:
    return poison.entry.event.text("id")[:_LONGEST_ID]


def _told(poison: Poison) -> tuple[str, str, str]:
    detail = poison.detail[:_LONGEST_DETAIL].encode("utf-8", "replace").decode("utf-8")
    return poison.code, poison.reason, detail


def _contents(poison: Poison) -> tuple[int, bytes, bytes]:
    message, line = poison.message, poison.entry.event.line
    return len(message) + len(line), message, line


def _seal(connection: sqlite3.Connection, number: int) -> None:
    """Writes the checksum of a row."""
    query = f"SELECT {_SMALL}, message, line FROM set_aside WHERE id = ?"
    *small, message, line = connection.execute(query, (number,)).fetchall()[0]
    checksum = _checksum(small, message, line)
    connection.execute("UPDATE set_aside SET checksum = ? WHERE id = ?", (checksum, number))


def _checksum(small: Sequence[object], message: object, line: object) -> int:
    if not (isinstance(message, bytes) and isinstance(line, bytes)):
        return -1  # damaged: no row was written like this
    return crc32(line, crc32(message, row_checksum(*small)))


# ---- counting and making room ----------------------------------------------------------------------------


def _count(connection: sqlite3.Connection, collector: str, state: str, number: int, own: str) -> None:
    if own:
        return
    connection.execute("INSERT OR IGNORE INTO set_aside_count (collector) VALUES (?)", (collector,))
    connection.execute(
        f"UPDATE set_aside_count SET {state} = {state} + ? WHERE collector = ?", (number, collector)
    )


def _trim(connection: sqlite3.Connection, most: int) -> dict[str, int]:
    """Removes the oldest until the rest has room; how many of each collector are lost by that."""
    rows = connection.execute(
        "SELECT id, collector, octets, own FROM set_aside WHERE state = 'kept' ORDER BY id DESC"
    ).fetchall()
    taken, lost = 0, Counter[str]()
    for place, (number, collector, octets, own) in enumerate(rows):
        taken += octets + _ROW_OCTETS
        if place and taken > most:
            connection.execute("DELETE FROM set_aside WHERE id = ?", (number,))
            _count(connection, collector, "kept", -1, own)
            _count(connection, collector, "lost", 1, own)
            lost[collector] += not own
    return {collector: count for collector, count in lost.items() if count}
