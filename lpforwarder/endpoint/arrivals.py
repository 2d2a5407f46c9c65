"""Tells waiting clients of new events: one thread asks the journal, any number of requests wait for it."""

from __future__ import annotations

import asyncio
import threading

from lpforwarder.endpoint.contract import EndpointJournal
from lpforwarder.event import Seq

ROUND = 1.0
"""Seconds the thread waits in one go; how soon it notices the end."""


class Arrivals:
    """Belongs to one event loop; close() ends its thread within a moment."""

    def __init__(self, journal: EndpointJournal) -> None:
        self._journal = journal
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._watch, name="arrivals", daemon=True)
        self._thread.start()

    async def behind(self, place: Seq, within: float) -> bool:
        """Waits until there is something behind `place`; False when there is not within so many seconds."""
        until = self._loop.time() + within
        while self._journal.newest() <= place:
            arrived = self._arrived
            if self._closed or (left := until - self._loop.time()) <= 0:
                return False
            try:
                await asyncio.wait_for(arrived.wait(), left)
            except TimeoutError:
                return self._journal.newest() > place
        return True

    @property
    def is_closed(self) -> bool:
        """True once nobody is told of anything any more."""
        return self._closed

    def close(self) -> None:
        """Lets everybody go who waits."""
        self._closed = True
        self._ring()

    def _watch(self) -> None:
        seen = self._journal.newest()
        while not self._closed:
            self._journal.wait(seen, ROUND)
            newest = self._journal.newest()
            if newest > seen:
                seen = newest
                try:
                    self._loop.call_soon_threadsafe(self._ring)
                except RuntimeError:  # the loop has ended before us
                    return

    def _ring(self) -> None:
        arrived, self._arrived = self._arrived, asyncio.Event()
        arrived.set()
