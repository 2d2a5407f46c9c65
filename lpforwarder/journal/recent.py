"""The pages written or read last: delivery finds there what has just come, and several collectors near the
same place read each page once.

What is kept are lines. To decode what a format needs of them costs less than to keep decoded events in memory
and take them away again. A page is cut into lines when somebody reads it: the newest are read by nobody while
delivery is far behind.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from lpforwarder.event import Seq, Stretch
from lpforwarder.journal.page import StoredPage

_PAGES = 16
_OCTETS = 4 * 2**20
"""Of lines; in memory they take a tenth more. Some ten thousand usual events: two fences of delivery."""


class RecentPages:
    """A few whole pages, least recently used out first; the newest is kept whatever its size."""

    def __init__(self) -> None:
        self._pages: OrderedDict[int, _Kept] = OrderedDict()
        self._guard = threading.Lock()

    def holding(self, place: int, limit: int) -> Stretch | None:
        """What lies from `place` to the end of its page, `limit` events at most; None when it is not here."""
        with self._guard:
            for first, page in self._pages.items():
                if first <= place < page.end:
                    self._pages.move_to_end(first)
                    return page.lines().part(place - first, place - first + limit)
        return None

    def keep(self, page: StoredPage) -> None:
        """Remembers a page with one event at least."""
        with self._guard:
            self._keep(_Kept(page), page.first)

    def kept(self, page: StoredPage) -> Stretch:
        """Remembers it, and gives its lines."""
        with self._guard:
            self._keep(kept := _Kept(page), page.first)
            return kept.lines()

    def _keep(self, page: _Kept, first: int) -> None:
        self._pages[first] = page
        self._pages.move_to_end(first)
        while len(self._pages) > 1 and self._is_too_much():
            self._pages.popitem(last=False)

    def _is_too_much(self) -> bool:
        return len(self._pages) > _PAGES or sum(page.octets for page in self._pages.values()) > _OCTETS


class _Kept:
    """A page, until it is cut, and then its lines."""

    __slots__ = ("_page", "end", "octets")

    def __init__(self, page: StoredPage) -> None:
        self._page: StoredPage | Stretch = page
        self.octets, self.end = len(page.lines), page.end

    def lines(self) -> Stretch:
        if not isinstance(self._page, Stretch):
            page = self._page
            self._page = Stretch(Seq(page.first), page.source, page.lines.split(b"\n"))
        return self._page
