"""From the journal to the answer of one pull: which events, in what form, and where to go on.

Stored lines are handed on as they lie in the journal. They are decoded only where the question needs to
look inside an event (`type`, `since`, `until`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from msgspec import Struct

from lpforwarder.endpoint.contract import EndpointJournal, Lines
from lpforwarder.endpoint.query import Query
from lpforwarder.event import OWN, Event, Seq, split_lines

MOST_OCTETS = 4 * 2**20
"""Of one answer, or one event if that is longer: a client takes memory for so much and no more."""
STEP = 2_000
"""Events looked at in one read of the journal, so that a read never holds up the removal of old pages."""


_ACCESS = b'"eventId":"8013"'
"""In our own events alone: within a text its quotes would be escaped."""


class Found(Struct, frozen=True):
    """The events of one answer as JSON lines, and the place behind the last one that was looked at."""

    lines: list[bytes]
    place: Seq
    is_news: bool
    """False when all of it, if any, is about readers of this API."""


def collect(
    journal: EndpointJournal,
    query: Query,
    after: Seq,
    allowed: Collection[str] | None,
    octets: int = MOST_OCTETS,
    is_ending: Callable[[], bool] = lambda: False,
) -> Found:
    """The next events behind `after`: at most `limit` and `octets`, none only at the end of the journal.

    `allowed` are the sources the reader may see, None means all. Fewer than `limit` do not mean the end.
    A search that would take long stops where it is once `is_ending`.
    """
    lines: list[bytes] = []
    place, is_news = after, False
    takes_all = query.takes_all and not query.sources and allowed is None
    step = min(query.limit, STEP) if takes_all else STEP
    while not is_ending() and (pages := journal.stored(place, step)):
        for page in pages:
            for seq, line in _matching(page, place, query, allowed):
                octets -= len(line)
                if lines and (len(lines) >= query.limit or octets < 0):
                    return Found(lines, Seq(seq - 1), is_news)
                lines.append(line)
                is_news = is_news or page.source != OWN or _ACCESS not in line
            place = Seq(page.first + page.count - 1)
        if len(lines) >= query.limit:
            break
    return Found(lines, place, is_news)


def _matching(
    page: Lines, after: Seq, query: Query, allowed: Collection[str] | None
) -> Iterator[tuple[int, bytes]]:
    """The wanted events of a page with their places."""
    if not is_readable(page.source, query.sources, allowed) or _is_outside(page, query):
        return
    skipped = max(after + 1 - page.first, 0)
    if query.takes_all:
        yield from enumerate(page.lines.split(b"\n")[skipped:], page.first + skipped)
        return
    for seq, event in enumerate(split_lines(page.lines)[skipped:], page.first + skipped):
        if _is_wanted(event, query):
            yield seq, event.line


def is_readable(source: str, asked: Collection[str], allowed: Collection[str] | None) -> bool:
    """Whether events of this source belong into an answer.

    What is addressed to one collector, its heartbeats and repeats, is nobody else's business.
    """
    if source.startswith(f"{OWN}:") or (asked and source not in asked):
        return False
    return allowed is None or source in allowed


def _is_outside(page: Lines, query: Query) -> bool:
    """True when the times of the page alone say that nothing in it is wanted."""
    if query.since is not None and (page.newest is None or page.newest < query.since):
        return True
    return query.until is not None and (page.oldest is None or page.oldest >= query.until)


def _is_wanted(event: Event, query: Query) -> bool:
    if query.types and not query.types & {event.text("eventType"), event.text("eventId")}:
        return False
    if query.since is None and query.until is None:
        return True
    time = event.text("timestamp")
    if not time:
        return False
    return (query.since is None or time >= query.since) and (query.until is None or time < query.until)


def as_array(lines: list[bytes]) -> bytes:
    """The JSON array of the events."""
    return b"[" + b",".join(lines) + b"]"


def as_lines(lines: list[bytes]) -> bytes:
    """The events one a line (NDJSON); nothing at all when there is none."""
    return b"".join([line + b"\n" for line in lines])
