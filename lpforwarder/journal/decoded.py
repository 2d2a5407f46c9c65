"""The pages decoded last: several collectors near the same place decode each page once."""

from __future__ import annotations

import threading
from collections import OrderedDict

from lpforwarder.event import Entry

_PAGES = 2
_OCTETS = 4 * 2**20
"""Of stored lines; decoded they take about five times as much."""


class DecodedPages:
    """A few pages, least recently used out first; the newest is kept whatever its size."""

    def __init__(self) -> None:
        self._pages: OrderedDict[int, tuple[int, list[Entry]]] = OrderedDict()
        self._guard = threading.Lock()

    def holding(self, place: int) -> list[Entry]:
        """The entries from `place` to the end of its page; nothing when that page is not here."""
        with self._guard:
            for first, (_, entries) in self._pages.items():
                if first <= place < first + len(entries):
                    self._pages.move_to_end(first)
                    return entries[place - first :]
        return []

    def keep(self, octets: int, entries: list[Entry]) -> None:
        """Remembers one page, made of so many octets."""
        if not entries:
            return
        with self._guard:
            self._pages[entries[0].seq] = (octets, entries)
            self._pages.move_to_end(entries[0].seq)
            while len(self._pages) > 1 and self._is_too_much():
                self._pages.popitem(last=False)

    def _is_too_much(self) -> bool:
        return len(self._pages) > _PAGES or sum(octets for octets, _ in self._pages.values()) > _OCTETS
