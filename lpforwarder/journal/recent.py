"""The pages written or read last: delivery finds there what has just come, and several collectors near the
same place read each page once.

What is kept are lines. To decode what a format needs of them costs less than to keep decoded events in memory
and take them away again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from lpforwarder.event import Stretch

_PAGES = 16
_OCTETS = 4 * 2**20
"""Of lines; in memory they take a tenth more. Some ten thousand usual events: two fences of delivery."""


class RecentPages:
    """A few pages, least recently used out first; the newest is kept whatever its size."""

    def __init__(self) -> None:
        self._pages: OrderedDict[int, tuple[int, Stretch]] = OrderedDict()
        self._guard = threading.Lock()

    def holding(self, place: int) -> Stretch | None:
        """What lies from `place` to the end of its page; None when that page is not here."""
        with self._guard:
            for first, (_, page) in self._pages.items():
                count = len(page.lines)
                if first <= place < first + count:
                    self._pages.move_to_end(first)
                    return page.part(place - first, count)
        return None

    def keep(self, octets: int, page: Stretch) -> None:
        """Remembers a page of so many octets, with one event at least."""
        with self._guard:
            self._pages[page.first] = (octets, page)
            self._pages.move_to_end(page.first)
            while len(self._pages) > 1 and self._is_too_much():
                self._pages.popitem(last=False)

    def _is_too_much(self) -> bool:
        return len(self._pages) > _PAGES or sum(octets for octets, _ in self._pages.values()) > _OCTETS
