"""What may leave the journal, and when.

- Old age: a page that every collector has confirmed leaves `keep` seconds after it was received. A page that
  somebody still waits for stays, however old it is.
- Size, `drop-delivered-first`: from nine tenths of `max_size` on, confirmed pages leave before their time.
- Size, `pause-polling`: the same, but only while no collector waits for anything. A collector that is down
  keeps everybody's history; when the journal is full, polling pauses and the vault keeps the rest.
- Whatever the setting, what is not confirmed never leaves: append() refuses instead.

*Confirmed* is counted from the place a collector would go back to, so that a replay finds what it needs.
Damaged pages are passed over and stay in the file: freeing their space could free the wrong place.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass

from lpforwarder import rfc3339
from lpforwarder.journal.facts import ends, used_octets
from lpforwarder.journal.page import StoredPage
from lpforwarder.journal.rows import seal_state
from lpforwarder.journal.scan import pages

PAUSE = "pause-polling"
DROP = "drop-delivered-first"

MOST_PAGES = 256
MOST_OCTETS = 8 * 2**20
"""Of one step: it holds up the writer for some milliseconds; one big delete took 21.9 s."""
_TARGET = 0.9
"""Of max_size. The tenth above it gives time to find a moment in which nobody waits."""
MOST_REJECT_OCTETS = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the configuration says."""

    keep: float
    """Seconds."""
    max_size: int
    """Octets in use inside the file."""
    when_full: str


def remove_some(
    connection: sqlite3.Connection, rules: Rules, now: str, holding: Collection[str] | None
) -> int:
    """Removes a few of the oldest pages, inside the caller's transaction; how many are gone.

    `holding` are the collectors that matter, None all that were ever registered.
    """
    removed, last = ends(connection)
    confirmed, nobody_waits = _confirmed(connection, last, holding)
    excess = 0.0
    if rules.when_full == DROP or nobody_waits:
        excess = used_octets(connection) - _TARGET * rules.max_size
    going, to = _going(connection, (removed, confirmed), before(now, rules.keep), excess)
    if to > removed:
        connection.executemany("DELETE FROM page WHERE first = ?", [(first,) for first in going])
        connection.execute("UPDATE state SET removed = ?", (to,))
        seal_state(connection)
    return len(going)


def trim_rejects(connection: sqlite3.Connection, rules: Rules, now: str) -> None:
    """Removes rejects that are older than `keep`, or too many."""
    connection.execute("DELETE FROM reject WHERE time < ?", (before(now, rules.keep),))
    octets = 0
    for number, size in connection.execute("SELECT id, length(raw) FROM reject ORDER BY id DESC").fetchall():
        octets += size
        if octets > MOST_REJECT_OCTETS:
            connection.execute("DELETE FROM reject WHERE id <= ?", (number,))
            return


def before(now: str, seconds: float) -> str:
    """The time that many seconds before `now`, not before the year 1."""
    moment = rfc3339.parse(now)
    if moment is None:
        raise ValueError(f"{now!r} is not a time")
    try:
        return rfc3339.render(moment - round(seconds * 1000))
    except ValueError:
        return "0001-01-01T00:00:00.000Z"


def _confirmed(
    connection: sqlite3.Connection, last: int, holding: Collection[str] | None
) -> tuple[int, bool]:
    """The place up to which nobody needs anything any more, and whether nobody waits at all."""
    places = [
        (checkpoint, resume)
        for name, checkpoint, resume in connection.execute("SELECT name, checkpoint, resume FROM collector")
        if holding is None or name in holding
    ]
    needed = min((min(place) for place in places), default=last)
    return needed, all(checkpoint >= last for checkpoint, _ in places)


def _going(
    connection: sqlite3.Connection, within: tuple[int, int], oldest_kept: str, excess: float
) -> tuple[list[int], int]:
    """Which pages leave now, oldest first, and the last place that is gone then."""
    to, confirmed = within
    going: list[int] = []
    octets = 0
    with closing(pages(connection, to, confirmed)) as found:
        for page in found:
            if page.end - 1 > confirmed or len(going) >= MOST_PAGES or octets >= MOST_OCTETS:
                break
            if isinstance(page, StoredPage):
                if page.received >= oldest_kept and excess <= octets:
                    break
                octets += len(page.lines)
                going.append(page.first)
            to = page.end - 1
    return going, to
