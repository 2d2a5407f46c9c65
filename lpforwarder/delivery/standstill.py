"""Whether a collector gets anywhere: it may take one connection after the other and confirm nothing.

Pure; times are seconds of one monotonic clock, and the pump tells them.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from lpforwarder.delivery.window import Window
from lpforwarder.errors import Failure, Transient

LEAST_PATIENCE = 45.0  # seconds a link may be up without a confirmation of what was sent
FENCE_SLACK = 15.0  # seconds a fence may take beyond its time
HUNG = frozenset({"LPF211"})  # the transport itself has given up a link on which nothing was taken


class _Owed(Struct, frozen=True, kw_only=True):
    """What others may ask about at any time: one value, so that they never see half of a change."""

    before: float = 0.0
    """Seconds on connections before this one, and on this one before the last pause."""
    since: float | None = None
    """Since when something waits on the present connection."""
    is_given_up: bool = False

    def seconds(self, now: float) -> float:
        return self.before + (now - self.since if self.since is not None else 0.0)


class Standstill:
    """How long a collector has confirmed nothing new, over all its connections, and whether that is too long.

    Seconds without a connection do not count, and a restart in the middle of something is no standstill: a
    connection that has confirmed anything new and then breaks leaves nothing behind. One that was given up
    because nothing was taken makes the collector `stalled` at once. Only a confirmation ends that, of a place
    that was not reached since the checkpoint last moved: neither a new connection nor the same messages
    confirmed over and over.

    One thread tells it what happens; any may ask.
    """

    def __init__(self, fence_seconds: float) -> None:
        self.patience = max(LEAST_PATIENCE, fence_seconds + FENCE_SLACK)
        """Seconds until nothing confirmed is too long."""
        self._owed = _Owed()
        self._has_moved = False
        """On this connection."""
        self._checkpoint = self._furthest = -1

    def seconds(self, now: float) -> float:
        """For how long something was on the way to a connected collector, and nothing new was confirmed."""
        return self._owed.seconds(now)

    @property
    def is_standing(self) -> bool:
        """Nothing new was confirmed on the last connection either."""
        owed = self._owed
        return owed.is_given_up or owed.before > 0.0

    def is_stalled(self, now: float) -> bool:
        """It takes connections, and gets nowhere."""
        owed = self._owed
        return owed.is_given_up or owed.seconds(now) >= self.patience

    def begins(self) -> None:
        """A connection is up: nothing is on the way on it, and nothing was confirmed."""
        self._owed = replace(self._owed, since=None)
        self._has_moved = False

    def owes(self, now: float) -> None:
        """Something is handed over."""
        if self._owed.since is None:
            self._owed = replace(self._owed, since=now)

    def confirmed(self, window: Window, now: float) -> bool:
        """Something was confirmed; True when that is new."""
        is_new = window.checkpoint > self._checkpoint or window.reached > self._furthest
        self._furthest = -1 if window.checkpoint > self._checkpoint else max(self._furthest, window.reached)
        self._checkpoint = window.checkpoint
        if is_new:
            self._has_moved = True
            self._owed = _Owed(since=now if window.unconfirmed else None)
        elif not window.unconfirmed:
            self._owed = replace(self._owed, before=self.seconds(now), since=None)
        return is_new

    def nothing_waits(self) -> None:
        """There is nothing that could be confirmed."""
        self._owed = _Owed()

    def broke(self, failure: Failure | None, now: float) -> None:
        """The connection ended, not everything confirmed."""
        is_given_up = self.is_stalled(now) or (failure is not None and failure.code in HUNG)
        before = 0.0 if self._has_moved and not is_given_up else self.seconds(now)
        self._owed = _Owed(before=before, is_given_up=is_given_up)
        self._has_moved = False


def confirms_nothing(peer: str) -> Transient:
    """What is wrong with a collector that is stalled, while its link is up and nothing else is known."""
    return Transient(
        f"{peer} takes connections and confirms nothing that it is sent",
        code="LPF223",
        fix="look at the collector: it hangs, its disk is full, or what is behind it takes nothing",
    )
