"""What may leave the journal, and when.

- Old age: a page that every collector has confirmed leaves `keep` seconds after it was received. A page that
  somebody still waits for stays, however old it is.
- Size, `drop-delivered-first`: from nine tenths of the room for events on, confirmed pages leave early.
- Size, `pause-polling`: the same, but only while no collector is away: each has all, or confirms more all the
  time. One that is down keeps everybody's history; when the journal is full, polling pauses and the vault
  keeps the rest. One that is back makes room as it catches up, or polling would stand still until it had all.
- Whatever the setting, what is not confirmed never leaves: append() refuses instead.

What a replay would send again does not leave for its age. For want of room it does: a replay never goes back
before the oldest event, and a window of 5,000 long events could fill a small journal for ever.
Damaged pages are passed over and stay in the file: freeing their space could free the wrong place.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection
from contextlib import closing

from msgspec import Struct

from lpforwarder import rfc3339
from lpforwarder.journal.facts import ends, gaps_in, used_octets
from lpforwarder.journal.page import Part, StoredPage
from lpforwarder.journal.quota import SET_ASIDE
from lpforwarder.journal.rows import seal_state
from lpforwarder.journal.scan import pages, summaries

PAUSE = "pause-polling"
DROP = "drop-delivered-first"

MOST_PAGES = 256
MOST_OCTETS = 8 * 2**20
"""Of one step: it holds up the writer for some milliseconds; one big delete took 21.9 s."""
_TARGET = 0.9
"""Of the room for events. The tenth above it gives time to find a moment in which nobody waits."""
_LOOK_AHEAD = 1000
"""Places behind a page with a wrong time that are asked for a right one."""


class Rules(Struct, frozen=True, kw_only=True):
    """What the configuration says."""

    keep: float
    """Seconds."""
    max_size: int
    """Octets of all that the journal owns; see quota.py."""
    when_full: str


def remove_some(
    connection: sqlite3.Connection,
    rules: Rules,
    now: str,
    holding: Collection[str] | None,
    *,
    by_age: bool = True,
    wanted: int = 0,
    beside: int = 0,
    goes_on: Callable[[int], bool] = lambda _confirmed: False,
) -> int:
    """Removes a few of the oldest pages, inside the caller's transaction; how many are gone.

    `holding` are the collectors that matter, None all that were ever registered. `by_age` is False while
    the clock cannot be trusted: then size alone decides. `wanted` are the octets that must fit in, `beside`
    those of max_size that are not for events. `goes_on` is told the place that everybody has confirmed, and
    says whether it still moves.
    """
    removed, last = ends(connection)
    confirmed = confirmed_by_all(connection, last, holding)
    excess = 0.0
    moves = goes_on(confirmed)
    if rules.when_full == DROP or confirmed >= last or moves:
        limit = rules.max_size - beside
        room = min(_TARGET * limit, limit - wanted)
        excess = used_octets(connection) - room
    oldest_kept = before(now, rules.keep) if by_age else ""
    replayed = _replayed_from(connection, confirmed, holding)
    going, to = _going(connection, (removed, replayed, confirmed), (oldest_kept, now), excess)
    if to > removed:
        connection.executemany("DELETE FROM page WHERE first = ?", [(first,) for first in going])
        connection.execute("UPDATE state SET removed = ?", (to,))
        seal_state(connection)
    return len(going)


def trim_rejects(
    connection: sqlite3.Connection, rules: Rules, now: str, *, by_age: bool = True, most: int = SET_ASIDE
) -> None:
    """Removes rejects that are older than `keep`, unless the clock cannot be trusted; `most` octets stay."""
    if by_age:
        connection.execute("DELETE FROM reject WHERE time < ?", (before(now, rules.keep),))
    octets = 0
    for number, size in connection.execute("SELECT id, length(raw) FROM reject ORDER BY id DESC").fetchall():
        octets += size
        if octets > most:
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


def confirmed_by_all(connection: sqlite3.Connection, last: int, holding: Collection[str] | None) -> int:
    """The place up to which every collector that matters has confirmed; `last` when none does."""
    return min((checkpoint for checkpoint, _ in _places(connection, holding)), default=last)


def _replayed_from(connection: sqlite3.Connection, confirmed: int, holding: Collection[str] | None) -> int:
    """The place that the furthest replay would begin behind; never behind what everybody has confirmed."""
    return min((resume for _, resume in _places(connection, holding)), default=confirmed)


def _places(connection: sqlite3.Connection, holding: Collection[str] | None) -> list[tuple[int, int]]:
    """(checkpoint, resume) of the collectors that matter."""
    rows = connection.execute("SELECT name, checkpoint, min(resume, checkpoint) FROM collector").fetchall()
    return [(checkpoint, resume) for name, checkpoint, resume in rows if holding is None or name in holding]


def behind(
    connection: sqlite3.Connection, last: int, holding: Collection[str] | None
) -> tuple[tuple[str, int], ...]:
    """The collectors that matter and have not confirmed the last place, and how many places they lack."""
    rows = connection.execute(
        "SELECT name, checkpoint FROM collector WHERE checkpoint < ? ORDER BY name", (last,)
    ).fetchall()
    gaps = gaps_in(connection)
    return tuple(
        (name, last - place - sum(gap.behind(place) for gap in gaps if not gap.collector))
        for name, place in rows
        if holding is None or name in holding
    )


def _going(
    connection: sqlite3.Connection, within: tuple[int, int, int], times: tuple[str, str], excess: float
) -> tuple[list[int], int]:
    """Which pages leave now, oldest first, and the last place that is gone then.

    `within` are the last place that is gone, the one that a replay begins behind, the last confirmed;
    `times` the oldest that is kept and the present one.
    """
    to, replayed, confirmed = within
    oldest_kept, now = times
    going: list[int] = []
    octets = 0
    with closing(pages(connection, to, confirmed)) as found:
        for page in found:
            if page.end - 1 > confirmed or len(going) >= MOST_PAGES or octets >= MOST_OCTETS:
                break
            if isinstance(page, StoredPage):
                received = page.received if page.received <= now else _sooner(connection, page, now)
                is_old = received < oldest_kept and page.end - 1 <= replayed
                if not is_old and excess <= octets:
                    break
                if not isinstance(page, Part):  # what is left of a damaged page stays with it
                    octets += len(page.lines)
                    going.append(page.first)
            to = page.end - 1
    return going, to


def _sooner(connection: sqlite3.Connection, page: StoredPage, now: str) -> str:
    """When a page from the future was really received, at the latest: before those that came after it.

    A clock that was ahead for a while stamps pages with times that would hold up all later ones.
    """
    with closing(summaries(connection, page.end - 1, page.end + _LOOK_AHEAD)) as later:
        times = [received for *_, received, _ in later if isinstance(received, str) and received <= now]
    return min(times, default=page.received)
