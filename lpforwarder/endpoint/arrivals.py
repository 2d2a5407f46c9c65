"""Tells waiting clients of new events: the journal rings, and any number of requests wait for it."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

from lpforwarder.endpoint.contract import EndpointJournal
from lpforwarder.event import Seq


class Arrivals:
    """Belongs to one event loop, which must not end before close()."""

    def __init__(self, journal: EndpointJournal) -> None:
        self._journal = journal
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._waiting = 0
        self._is_closed = False
        self._ringing = ExitStack()
        self._ringing.enter_context(journal.ringing(self._call))

    async def behind(self, place: Seq, within: float) -> bool:
        """Waits until there is something behind `place`; False when there is not within so many seconds."""
        self._waiting += 1  # before it looks: what comes after the look rings
        try:
            return await self._behind(place, self._loop.time() + within)
        finally:
            self._waiting -= 1

    @property
    def is_closed(self) -> bool:
        """True once nobody is told of anything any more."""
        return self._is_closed

    def close(self) -> None:
        """Lets everybody go who waits; may be called twice."""
        self._ringing.close()
        self._is_closed = True
        self._ring()

    async def _behind(self, place: Seq, until: float) -> bool:
        while self._journal.newest() <= place:
            arrived = self._arrived
            if self._is_closed or (left := until - self._loop.time()) <= 0:
                return False
            try:
                await asyncio.wait_for(arrived.wait(), left)
            except TimeoutError:
                return self._journal.newest() > place
        return True

    def _call(self) -> None:
        """By whoever appends; a loop in which nobody waits sleeps on."""
        if self._waiting:
            self._loop.call_soon_threadsafe(self._ring)

    def _ring(self) -> None:
        arrived, self._arrived = self._arrived, asyncio.Event()
        arrived.set()
