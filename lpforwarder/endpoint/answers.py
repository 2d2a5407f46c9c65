"""Answers with events: how much memory all of them may hold together, and how they reach a client.

A client that takes nothing holds its answer until it is hung up on. So answers get smaller while many are
under way: an answer may always hold fewer events than were asked for.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from lpforwarder.endpoint.pull import MOST_OCTETS

ALL_OCTETS = 16 * 2**20
"""Of all answers under way, about."""
LEAST_OCTETS = 64 * 2**10
"""What the next one may have in any case, or one event if that is longer."""
PIECE = 128 * 2**10
"""Octets handed to the network at once; the next piece waits until the client has taken most of them."""


class Budget:
    """Counts octets of answers under way; for several threads."""

    def __init__(self, octets: int = ALL_OCTETS) -> None:
        self._left = octets
        self._guard = threading.Lock()

    @property
    def left(self) -> int:
        """Octets; below 0 when there are more answers than it was made for."""
        return self._left

    @contextmanager
    def share(self) -> Iterator[int]:
        """The most octets for an answer that is being made: a part of what is left."""
        with self._guard:
            share = max(min(self._left // 4, MOST_OCTETS), LEAST_OCTETS)
            self._left -= share
        try:
            yield share
        finally:
            self.give_back(share)

    def take(self, octets: int) -> None:
        """For an answer that is made."""
        with self._guard:
            self._left -= octets

    def give_back(self, octets: int) -> None:
        """It is sent, or dropped."""
        with self._guard:
            self._left += octets


class Piecemeal(Response):
    """Goes out in pieces, as fast as the client takes them, and counts in the budget until it is gone."""

    def __init__(self, body: bytes, media_type: str, headers: Mapping[str, str], budget: Budget) -> None:
        super().__init__(body, media_type=media_type, headers=headers)
        budget.take(len(body))
        self._gone = weakref.finalize(self, budget.give_back, len(body))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Sends it."""
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        try:
            await send(start)
            for place in range(0, len(self.body), PIECE):
                piece = bytes(self.body[place : place + PIECE])
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                # Without a turn the loop cannot say that the client is gone, and complains of each piece.
                await asyncio.sleep(0)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._gone()
