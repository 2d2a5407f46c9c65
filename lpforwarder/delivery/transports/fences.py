"""Connections we have half-closed, and what their end says about what was sent on them.

A collector that does not close such a connection three times in a row is believed by its kernel instead.
It may only have hung for a while, so it is asked again: after an hour, then ever more rarely.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lpforwarder.delivery.transports.connection import Connection

FENCE_TIMEOUT = 30.0  # seconds until a collector that has not closed counts as not answering
FENCE_FAILURES = 3  # in a row, until we no longer ask for it
SETTLE = 0.025  # seconds a process that dies needs at most to close all its sockets
RECONSIDERED = 3600.0  # seconds after which a collector that did not answer is asked again; then doubled
SELDOM = 86_400.0  # seconds between two such questions at most


@dataclass(slots=True)
class Fenced:
    """A half-closed connection: its messages end at `upto`, counted since open()."""

    connection: Connection
    upto: int
    deadline: float
    ended_at: float | None = None


class Fences:
    """The half-closed connections of one link, oldest first, and how its collector treats them.

    `confirm` is what counts now: `close` or, configured or fallen back to, `kernel`.
    """

    def __init__(self, confirm: str, clock: Callable[[], float]) -> None:
        self.confirm = confirm
        self.unanswered = 0
        """Fences in a row that the collector did not answer in time."""
        self.is_wary = False
        """The last fence cost us the link: look longer at the next connection before half-closing."""
        self._clock = clock
        self._pending: deque[Fenced] = deque()
        self._ask_again_at = float("-inf")
        self._reconsider_at = float("inf")
        self._rest = RECONSIDERED

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def are_read(self) -> bool:
        """Every half-closed connection has been read to its end, or nobody can say."""
        return self.confirm != "close" or not self._pending or self._pending[-1].ended_at is not None

    @property
    def upto(self) -> int | None:
        """Messages up to here have been fenced; None when no fence is under way."""
        return self._pending[-1].upto if self._pending else None

    @property
    def watched(self) -> Connection | None:
        """The connection whose end is awaited next."""
        return next((fenced.connection for fenced in self._pending if fenced.ended_at is None), None)

    def add(self, connection: Connection, upto: int) -> None:
        """Notes a connection that has just been half-closed."""
        self._pending.append(Fenced(connection, upto, self._clock() + FENCE_TIMEOUT))

    def take_all(self) -> list[Connection]:
        """All connections, for the caller to end."""
        connections = [fenced.connection for fenced in self._pending]
        self._pending.clear()
        return connections

    # ---- whether the collector answers -----------------------------------------------------------------

    def may_begin(self) -> bool:
        """Whether it makes sense to fence now."""
        if self._clock() >= self._reconsider_at:
            self._reconsider()
        return self.confirm == "close" and self.is_due

    @property
    def is_due(self) -> bool:
        """A next connection may be asked for: the last one was not refused a moment ago."""
        return self._clock() >= self._ask_again_at

    def ask_later(self) -> None:
        """No next connection is to be had: that is no answer either, and soon asked for again."""
        self._count_unanswered()
        self._ask_again_at = self._clock() + FENCE_TIMEOUT / FENCE_FAILURES

    def died_young(self) -> None:
        """The next connection broke before it carried anything: the collector died, or takes one only.

        The first time we only become wary. If that does not help, the fence counts as not answered: else
        such a collector would cost a reconnect and a replay with every fence, for ever.
        """
        if self.is_wary:
            self._count_unanswered()
        self.is_wary = True

    def _count_unanswered(self) -> None:
        self.unanswered += 1
        if self.unanswered >= FENCE_FAILURES and self.confirm == "close":
            self.confirm = "kernel"
            self._reconsider_at = self._clock() + self._rest
            self._rest = min(2 * self._rest, SELDOM)

    def _reconsider(self) -> None:
        """One fence on trial: the next one that is not answered is the last."""
        self.confirm = "close"
        self.unanswered = FENCE_FAILURES - 1
        self._reconsider_at = float("inf")
        self._ask_again_at = float("-inf")
        for fenced in self._pending:
            fenced.deadline = self._clock() + FENCE_TIMEOUT

    # ---- what is confirmed -----------------------------------------------------------------------------

    def answered(self, check_health: Callable[[], None]) -> Iterator[int]:
        """Under `close`: up to where messages are confirmed by the connections that have ended well.

        `check_health` raises unless the next connection is still healthy: only a process that is alive is
        known to have kept what it read.
        """
        now = self._clock()
        for fenced in self._pending:
            self._look_for_end(fenced, now)
        while self._pending and now - (self._pending[0].ended_at or now) >= SETTLE:
            self._pending[0].connection.unacknowledged()  # raises if a reset came after the end
            check_health()
            oldest = self._pending.popleft()
            oldest.connection.close()
            self.unanswered = 0
            self.is_wary = False
            self._rest = RECONSIDERED
            yield oldest.upto

    def acknowledged(self) -> Iterator[int]:
        """Under `kernel`: the same for those left from `close`, by what the far kernel has acknowledged."""
        while self._pending and not self._pending[0].connection.unacknowledged():
            oldest = self._pending.popleft()
            oldest.connection.close()
            yield oldest.upto

    def _look_for_end(self, fenced: Fenced, now: float) -> None:
        if fenced.ended_at is not None:
            return
        if fenced.connection.ended():
            fenced.ended_at = now
        elif now >= fenced.deadline:
            fenced.deadline = now + FENCE_TIMEOUT
            self._count_unanswered()
