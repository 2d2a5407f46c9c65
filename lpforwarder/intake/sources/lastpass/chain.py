"""A whole report: the pages of one window joined in the order of the answer, nothing twice, nothing lost."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from operator import gt, lt
from typing import Any

from lpforwarder.errors import Transient
from lpforwarder.event import JSON
from lpforwarder.intake.sources.lastpass import zone
from lpforwarder.intake.sources.lastpass.answers import Report
from lpforwarder.intake.sources.lastpass.records import Raw, raw_texts, time_text

Ask = Callable[[dict[str, Any]], Report]
"""One call with these parameters; its page, or Transient or Blocked."""

MOST_PAGES = 1_000
"""Of one window, whatever is asked for: a million events have a hundred pages."""

_SECOND = timedelta(seconds=1)
_USUAL_KEY = re.compile(r"Event[0-9]{1,9}\+*\Z")
"""Whatever else stands there may be anything, and places are listed where contents are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """The records of a window, newest first as far as the pages tell."""

    records: Sequence[JSON]
    keys: Sequence[str]
    """What the vault calls each record in its page, `Event17`."""
    heads: Sequence[tuple[int, int]]
    """Position of each page's first record, and the number of the page."""
    markers: dict[int, int]
    """Position of a page's first record → the marker that asked for the page, in microseconds."""
    pages: int
    first_page: int
    """How many records the first page had."""
    is_whole: bool
    """False when there are more pages than wanted; what has come is of no use then."""

    def where(self, position: int) -> str:
        """`page 2, Event17` for the record at this position; another name of it is not repeated."""
        first, page = self.heads[bisect_right(self.heads, (position, MOST_PAGES)) - 1]
        key = self.keys[position]
        return f"page {page}, {key if _USUAL_KEY.match(key) else f'record {position - first + 1}'}"


@dataclass(slots=True, kw_only=True)
class _Page:
    """`asked` is the marker that asked for it, None for the first; `keys` as in Chain."""

    asked: JSON
    records: list[JSON]
    keys: list[str]
    number: int


def fetch(ask: Ask, data: dict[str, Any], *, most_pages: int = MOST_PAGES, known: int = 0) -> Chain:
    """All pages of a window, `most_pages` at most, not counting what `known` records take.

    Raises Transient LPF308 when the marker does not move, and whatever `ask` raises.
    """
    report = ask(data)
    pages = [_page(report, 1, None)]
    limit = min(most_pages + known // max(len(report.records), 1), MOST_PAGES)
    while report.marker is not None and len(pages) < limit:
        marker = report.marker
        report = ask(data | {"next": marker})
        page = _page(report, len(pages) + 1, marker)
        if report.marker == marker or not page.records or _starts_over(pages, page):
            raise _stuck()
        pages.append(page)
    is_whole = report.marker is None
    if not pages[0].records and not is_whole:
        raise _stuck()
    pages = [page for page in pages if page.records] or pages[:1]
    if is_whole:
        _drop_repeated(ask, pages)
    return _joined(pages, is_whole=is_whole)


def _stuck() -> Transient:
    return Transient("the page marker of the vault does not move", code="LPF308")


def _page(report: Report, number: int, asked: JSON) -> _Page:
    """The page, turned round if it goes forward in time: the documentation says newest first."""
    records, keys = list(report.records), list(report.keys)
    times = list(map(time_text, records))
    # Not the ends: in a repeated hour, or after an account has moved, the newest may look older.
    if times != sorted(times, reverse=True) and (
        sum(map(lt, times, times[1:])) > sum(map(gt, times, times[1:]))
    ):
        records.reverse()
        keys.reverse()
    return _Page(asked=asked, records=records, keys=keys, number=number)


def _starts_over(pages: list[_Page], page: _Page) -> bool:
    """Whether the page is the first one again: the marker led back instead of on."""
    first, last = pages[0].records, pages[-1].records
    return bool(first) and first[0] == page.records[0] and time_text(first[0]) != time_text(last[-1])


def _drop_repeated(ask: Ask, pages: list[_Page]) -> None:
    """Takes out what stands on both sides of a page boundary but happened once.

    A marker includes its own instant, so a page may begin with events of the page before. Twins look just
    the same; what tells them apart is the report of that one second, asked for alone.
    """
    boundaries = [(before, page) for before, page in pairwise(pages) if _is_doubtful(before, page)]
    always = all(before.records[-1] == page.records[0] for before, page in pairwise(pages))
    aligned = all((_microseconds(page.asked) or 1) % 1_000_000 == 0 for page in pages[1:])
    for time in dict.fromkeys(time_text(page.records[0]) for _, page in boundaries):
        true = _true_counts(ask, time)
        excess = None if true is None else _counts(pages, time) - true
        for before, page in boundaries:
            if page.records and time_text(page.records[0]) == time:
                repeated = (
                    _repeated(before, page, always=always, aligned=aligned) if excess is None else excess
                )
                _drop(page, before, time, repeated)
    pages[1:] = [page for page in pages[1:] if page.records]


def _is_doubtful(before: _Page, page: _Page) -> bool:
    """Whether the page begins in the second in which the one before ends, with a record it has as well."""
    time = time_text(page.records[0])
    return time == time_text(before.records[-1]) and bool(_at(before, time) & _at(page, time))


def _at(page: _Page, time: str) -> Counter[Raw]:
    """The records of this time; those that are no objects have none."""
    return Counter(raw_texts(record) for record in page.records if time and time_text(record) == time)


def _counts(pages: list[_Page], time: str) -> Counter[Raw]:
    total: Counter[Raw] = Counter()
    for page in pages:
        total += _at(page, time)
    return total


def _true_counts(ask: Ask, time: str) -> Counter[Raw] | None:
    """What happened at this time of the account's clock; None when a page does not hold it all.

    If the second alone is empty, its ends do not count, and a second more is asked for on either side.
    """
    try:
        wall = zone.parse(time).wall
    except zone.UnreadableTime:
        return None
    for more in (timedelta(), _SECOND):
        report = ask({"from": str(wall - more), "to": str(wall + more)})
        found = _at(_page(report, 1, None), time)
        if report.marker is not None:
            return None
        if found:
            return found
    return None


def _repeated(before: _Page, page: _Page, *, always: bool, aligned: bool) -> Counter[Raw]:
    """The best guess for a second that no page holds: what follows from how the vault makes its markers.

    If no marker has a fraction, they are the instants of everything in their seconds. Else only the last
    record of a page can come again, and only if that is so at every boundary.
    """
    most = min(len(before.records), len(page.records))
    longest = next((n for n in range(most, 0, -1) if before.records[-n:] == page.records[:n]), 0)
    if not aligned:
        longest = min(longest, 1) if always else 0
    return Counter(raw_texts(record) for record in page.records[:longest])


def _drop(page: _Page, before: _Page, time: str, excess: Counter[Raw]) -> None:
    """Takes from the head of the page what the page before has, as far as there is too much of it."""
    repeatable = _at(before, time)
    kept: list[int] = []
    for position, record in enumerate(page.records):
        raw = raw_texts(record) if time_text(record) == time else None
        if raw is not None and excess[raw] > 0 and repeatable[raw] > 0:
            excess[raw] -= 1
            repeatable[raw] -= 1
        else:
            kept.append(position)
    page.records = [page.records[position] for position in kept]
    page.keys = [page.keys[position] for position in kept]


def _joined(pages: list[_Page], *, is_whole: bool) -> Chain:
    records: list[JSON] = []
    keys: list[str] = []
    heads: list[tuple[int, int]] = []
    markers: dict[int, int] = {}
    for page in pages:
        microseconds = _microseconds(page.asked)
        if microseconds is not None:
            markers[len(records)] = microseconds
        records += page.records
        heads.append((len(records) - len(page.records), page.number))
        keys += page.keys
    return Chain(
        records=records,
        keys=keys,
        heads=heads,
        markers=markers,
        pages=len(pages),
        first_page=len(pages[0].records),
        is_whole=is_whole,
    )


def _microseconds(marker: JSON) -> int | None:
    """A marker as an instant; None when it is something else."""
    if isinstance(marker, int) and not isinstance(marker, bool):
        return marker
    text = marker.strip() if isinstance(marker, str) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
