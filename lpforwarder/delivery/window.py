"""Which checkpoint is safe: the core of delivery, without I/O and without a clock of its own.

The pump tells the window what it sent and how much of it was confirmed; the window answers three
questions: up to where is everything confirmed (`checkpoint`), where to go back to if the link ends
abnormally (`resume`), and what is read next (`position`). Times are seconds of one monotonic clock.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence

from lpforwarder.event import Seq


class Window:
    """The places of one collector.

    After an abnormal end `resume` lies behind the highest confirmed place by `replay_events` messages or
    by what was first confirmed in the `replay_seconds` before it, whichever reaches furthest: a collector
    that died may have read what it had not yet written. Counted from the highest confirmed place, and
    going on over any number of failures, so that each of them repeats one such window and no more.

    A new life of the process begins where the last one would have gone back to. It knows no times of
    the lives before, so for later failures those count by messages alone. `highest_sent` is what the last
    life handed to its transport: up to there everything is sent again, not for the first time.
    """

    def __init__(
        self,
        *,
        checkpoint: Seq,
        resume: Seq,
        clean: bool,
        replay_events: int,
        replay_seconds: float,
        highest_sent: int = 0,
    ) -> None:
        self.checkpoint = checkpoint
        self.position = checkpoint if clean else resume
        self.resume = max(resume, Seq(checkpoint - replay_events))
        self.first_sent = 0
        """Messages sent for the first time."""
        self.repeated = 0
        """Messages sent again."""
        self.confirmed = 0
        """Messages confirmed for the first time."""
        self._replay_events = replay_events
        self._replay_seconds = replay_seconds
        self._highest_sent = max(checkpoint, Seq(highest_sent))
        self._pending: list[Seq] = []
        self._counted = 0
        self._recent: deque[Seq] = deque(maxlen=max(replay_events, 1))
        self._history: deque[tuple[float, Seq]] = deque([(float("-inf"), self.resume)])
        """(when, highest confirmed place) over the replay time; the first entry is older than that."""
        self._last_confirmed = float("-inf")
        self._goal: Seq | None = None
        self._twice: Seq = Seq(0)

    @property
    def unconfirmed(self) -> int:
        """Messages sent on this link and not yet confirmed."""
        return len(self._pending)

    @property
    def reached(self) -> Seq:
        """All up to here is confirmed on this link or was filtered out."""
        return Seq(self._pending[0] - 1) if self._pending else self.position

    @property
    def highest_sent(self) -> Seq:
        """The furthest message that was ever handed to the kernel, or the checkpoint if that is further."""
        return max(self._highest_sent, self.checkpoint)

    @property
    def counted(self) -> int:
        """Messages confirmed since the link was opened."""
        return self._counted

    def place(self, number: int) -> Seq:
        """Where the message comes from that was sent as this one since the link was opened, from 1.

        It must not be confirmed yet.
        """
        if number <= self._counted:
            raise ValueError(f"message {number} is confirmed already")
        return self._pending[number - 1 - self._counted]

    def sent(self, seqs: Sequence[Seq], upto: Seq) -> None:
        """Notes messages handed to the kernel, in order, and that all up to `upto` was read.

        `upto` may lie behind the last of `seqs`, or `seqs` be empty: the rest was filtered out.
        """
        again = bisect_right(seqs, self._highest_sent)
        self.repeated += again
        self.first_sent += len(seqs) - again
        self._pending.extend(seqs)
        self.position = upto
        if seqs:
            self._highest_sent = max(self._highest_sent, seqs[-1])

    def confirm(self, count: int, now: float) -> bool:
        """Takes the number of messages confirmed since the link was opened; True when that moved anything.

        A smaller number than before changes nothing.
        """
        fresh = min(count - self._counted, len(self._pending))
        before = self.checkpoint
        if fresh > 0:
            # All at once, and a search for those confirmed before: 0.02 µs a message, one by one 0.3.
            places, self._pending = self._pending[:fresh], self._pending[fresh:]
            first_time = places[bisect_right(places, before) :]
            self._recent.extend(first_time)
            self.confirmed += len(first_time)
        self._counted += max(fresh, 0)
        self.checkpoint = max(self.checkpoint, self.reached)
        if fresh > 0:
            self._last_confirmed = now
            self._settle(now)
        return fresh > 0 or self.checkpoint > before

    def rewind(self, now: float, *, idle: bool = False) -> int:
        """Goes back after an end that was not a confirmed fence; how many places back from the checkpoint.

        `idle` says that the collector hung up without a reset while nothing was unconfirmed. Then what
        has been sent twice is not sent a third time: collectors and proxies that drop quiet connections
        would otherwise cause endless repeats.
        """
        if idle and not self._pending and now - self._last_confirmed >= self._replay_seconds:
            self.position = min(max(self.resume, self._twice), self.checkpoint)
        else:
            self.position = self.resume
        self._pending.clear()
        self._counted = 0
        self._goal = self.checkpoint
        return self.checkpoint - self.position

    def reopened(self) -> None:
        """The link ended with everything confirmed; counting begins anew."""
        self._counted = 0

    def _settle(self, now: float) -> None:
        """Moves `resume` up to where both limits of the replay allow."""
        if self.checkpoint > self._history[-1][1]:
            self._history.append((now, self.checkpoint))
        while len(self._history) > 1 and self._history[1][0] <= now - self._replay_seconds:
            self._history.popleft()
        by_time = self._history[0][1]
        by_count = self.resume
        if self._replay_events == 0:
            by_count = self.checkpoint
        elif len(self._recent) == self._replay_events:
            by_count = Seq(self._recent[0] - 1)
        self.resume = max(self.resume, min(by_time, by_count, self.checkpoint))
        if self._goal is not None and self.reached >= self._goal:
            self._twice, self._goal = self._goal, None
