"""One collector's loop: read, encode, send, confirm, record.

The pump never retries: when the link breaks it records what was confirmed, goes back, and raises; the
supervisor runs it again. Its checkpoint says *confirmed*, never *sent*.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import structlog
from msgspec import Struct

from lpforwarder.delivery.contract import DeliveryJournal, Refusal, Transport
from lpforwarder.delivery.encoder import LAST_NUMBER, Encoded, Encoder
from lpforwarder.delivery.lateness import Lateness
from lpforwarder.delivery.link import LinkWatch
from lpforwarder.delivery.rate import Rate
from lpforwarder.delivery.resting import BUSY, Resting
from lpforwarder.delivery.set_asides import SetAsides
from lpforwarder.delivery.standstill import Standstill
from lpforwarder.delivery.window import Window
from lpforwarder.errors import Failure
from lpforwarder.event import Entry, Event, Poison, Seq, Stretch
from lpforwarder.runtime.bell import Bell
from lpforwarder.runtime.measures import Measures
from lpforwarder.runtime.stop import Stop

HUNG_UP = frozenset({"LPF212", "LPF221"})  # the collector closed without a reset
BATCH = 1000  # entries read and sent at once: at audit sizes some 400 KB, a few writes
OFFER_WITHIN = 1.0  # seconds between two signs of life while a slow collector takes a batch
IDLE_FENCE = 2.0  # seconds without a new event after which a fence costs nobody anything
RECORD_EVERY = 0.25  # seconds between two checkpoints on a link that confirms all the time

log = structlog.get_logger()


class Limits(Struct, frozen=True, kw_only=True):
    """How much may be unconfirmed at most, and how much is sent again after an abnormal end."""

    fence_events: int = 5000
    fence_seconds: float = 30.0
    replay_events: int = 5000
    replay_seconds: float = 10.0
    rate: float | None = None
    """Events a second at most."""


class Pump:
    """Moves one collector's events from the journal to its transport."""

    def __init__(
        self,
        name: str,
        journal: DeliveryJournal,
        encoder: Encoder,
        transport: Transport,
        limits: Limits,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._standstill = Standstill(limits.fence_seconds)
        self._watch = LinkWatch(name, transport, self._standstill, clock=clock)
        self.link = self._watch.link
        self._rate = None if limits.rate is None else Rate(limits.rate, clock())
        self._journal = journal
        self._encoder = encoder
        self._transport = transport
        self._limits = limits
        self._clock = clock
        self._bell = Bell()
        self._resting = Resting(self._rate, clock)
        self._offer: Callable[[Sequence[bytes], float], int] | None = getattr(transport, "offer", None)
        self._beat: Callable[[], None] = lambda: None
        self._open = False
        self._unfenced = self._parts_done = 0
        self._first_unfenced_at = 0.0
        self._last_sent_at = 0.0
        self._fenced_at = 0.0
        self._recorded_at = float("-inf")
        self._recorded = (0, 0)
        self._set_asides = SetAsides(name, journal)
        self._lateness = Lateness()
        self._handed_over = 0
        self._refusals: list[Refusal] = []
        """Not yet set aside."""
        self._refused = 0
        """Messages refused that were not confirmed before; the window counts them as confirmed."""
        self._first_number = 0
        checkpoint = journal.checkpoint(name)
        # Nothing behind the checkpoint: nothing can have been sent and not confirmed.
        clean = journal.clean(name) or checkpoint >= journal.newest()
        self.window = Window(
            checkpoint=checkpoint,
            resume=journal.resume(name),
            clean=clean,
            replay_events=max(limits.replay_events, limits.fence_events),
            replay_seconds=limits.replay_seconds,
            # No checksum covers it: what lies behind the end cannot have been sent.
            highest_sent=min(journal.sent(name), journal.newest()),
        )
        journal.advance(name, checkpoint, self.window.resume, clean=False)

    # ---- the loop -------------------------------------------------------------------------------------

    def run(self, stop: Stop, beat: Callable[[], None]) -> None:
        """Forwards until stopped, then drains. Raises what broke the link, after recording."""
        self._beat = beat
        try:
            with self._journal.ringing(self._bell.ring), stop.ringing(self._bell.ring):
                while not stop.stopping:
                    moved = self.step()
                    beat()
                    if not moved:
                        self._rest(stop)
                self._finish(stop, beat)
        finally:
            self._end()

    def run_to_end(self, stop: Stop, beat: Callable[[], None]) -> None:
        """Forwards what the journal holds now, and returns when all of it is confirmed."""
        self._beat = beat
        try:
            self.step()
            self._finish(stop, beat)
        finally:
            self._end()

    def measures(self) -> Measures:
        """How many messages were handed to the network, repeats too, and how late."""
        return {"events_sent": self._handed_over, "delivery_seconds": self._lateness.spread.as_json()}

    @property
    def unmoved(self) -> float:
        """Seconds in which it was connected, something was sent and nothing new confirmed; over all links."""
        return self._standstill.seconds(self._clock())

    @property
    def is_stalled(self) -> bool:
        """The collector takes connections and confirms nothing new: to be connected is no success."""
        return self.link.is_reachable and self._standstill.is_stalled(self._clock())

    @property
    def pulse(self) -> object:
        """Changes within a step, too: after each part, and whenever the collector has taken something."""
        return self._parts_done, getattr(self._transport, "pulse", None)

    def abort(self) -> None:
        """Ends the call in flight; from another thread."""
        self._transport.abort()
        self._bell.ring()

    def step(self) -> bool:
        """One batch, without sleeping; False when there was nothing to do."""
        if not self._open:
            self._connect()
        self._watch.look()
        self._parts_done += 1
        moved = self._send_batch()
        self._parts_done += 1
        if not (moved or self.window.unconfirmed or self.link.is_held):
            self._watch.idles()
        if self._fence_due(moved):
            self._fence(0.0)
        return self._collect(0.0) or moved

    # ---- its parts ------------------------------------------------------------------------------------

    def _connect(self) -> None:
        try:
            self._transport.open()
        except Failure:
            self._watch.unreachable()
            raise
        finally:
            self._watch.look_at_certificates()
        self._open = True
        self._unfenced = 0
        self._first_number = self._encoder.number
        self._refusals.clear()
        self._resting.stirs()
        self._watch.connected()

    def _send_batch(self) -> bool:
        if self.window.position >= self._journal.newest():
            return False  # known from memory; to look into the file costs a link that idles most of its time
        room = self._limits.fence_events - self.window.unconfirmed
        # Half of what may be unconfirmed travels on one connection, so that one fills while one is fenced.
        limit = self._held(min(BATCH, room, self._per_connection() - self._unfenced))
        if limit <= 0:
            return False
        stretches = self._journal.stretches(self.window.position, limit)
        if not stretches:
            return False
        self._send(stretches)
        return True

    def _held(self, limit: int) -> int:
        """As many of them as the rate allows now."""
        if self._rate is None:
            return limit
        allowed = self._rate.allowed(self._clock())
        self.link.is_held = allowed < 1 <= limit and self.window.position < self._journal.newest()
        return min(limit, allowed)

    def _per_connection(self) -> int:
        return max(self._limits.fence_events // 2, 1)

    def _send(self, stretches: Sequence[Stretch]) -> None:
        encoded = self._encoded(stretches)
        last = stretches[-1]
        upto = Seq(last.first + len(last.lines) - 1)
        is_first_time = stretches[0].first > self.window.highest_sent
        if encoded.messages:
            # Noted first: what broke half-way may have arrived, and counts as sent.
            self.window.sent(encoded.seqs, upto)
            self._watch.sends()
            if self._rate is not None:
                self._rate.spend(len(encoded.messages))
            self._hand_over(encoded.messages)
            self._last_sent_at = self._clock()
            self._handed_over += len(encoded.messages)
            if is_first_time:
                self._lateness.note(stretches)
            if not self._unfenced:
                self._first_unfenced_at = self._last_sent_at
            self._unfenced += len(encoded.messages)
            self._watch.sent()
        else:
            self.window.sent((), upto)

    def _hand_over(self, messages: list[bytes]) -> None:
        """All of them, in the pace of the collector; one that is slow moves its checkpoint meanwhile."""
        if self._offer is None:
            self._transport.send(messages)
            return
        place = 0
        while (place := place + self._offer(messages[place:], OFFER_WITHIN)) < len(messages):
            self._beat()
            self._collect(0.0)

    def _encoded(self, stretches: Sequence[Stretch]) -> Encoded:
        """The messages with their places. What none can be made of is set aside, durably."""
        number = self._encoder.number
        try:
            encoded = self._encoder.encode_all(stretches)
            self._set_asides.unmade(encoded.poisons, len(encoded.messages))
        except Failure:
            self._encoder.number = number  # nothing of this is sent now
            raise
        return encoded

    def _fence_due(self, moved: bool) -> bool:
        if not self.window.unconfirmed:
            return False
        if self._unfenced >= self._per_connection():
            return True
        now = self._clock()
        if self._unfenced and now - self._first_unfenced_at >= self._limits.fence_seconds:
            return True
        quiet = now - max(self._last_sent_at, self._fenced_at)
        return not moved and quiet >= min(IDLE_FENCE, self._limits.fence_seconds)

    def _fence(self, within: float) -> None:
        self._fenced_at = self._clock()
        self._unfenced = 0
        self._transport.fence(within)

    def _collect(self, within: float) -> bool:
        """Takes what was confirmed; True when that moved the checkpoint."""
        moved = self._take(self._transport.confirmed(within))
        if moved and (not self.window.unconfirmed or self._clock() - self._recorded_at >= RECORD_EVERY):
            self._record()
        return moved

    def _take(self, count: int) -> bool:
        """Notes what is confirmed, once what the collector refused of it is set aside durably.

        True when that moved anything. `count` is what the transport said of this link.
        """
        self._refusals += self._transport.refused()
        due = [refusal for refusal in self._refusals if refusal.number <= count]
        fresh = count - self.window.counted
        if due or fresh > 0:
            poisons = [self._poison(refusal) for refusal in due]
            self._set_asides.refused(poisons, fresh - len(due))
            self._refused += sum(poison.entry.seq > self.window.checkpoint for poison in poisons)
            self._refusals = [refusal for refusal in self._refusals if refusal.number > count]
        moved = self.window.confirm(count, self._clock())
        if moved:
            self._watch.moved(self.window)
            self._resting.stirs()
        return moved

    def _poison(self, refusal: Refusal) -> Poison:
        """The event that was refused, and its message as it was sent."""
        seq = self.window.place(refusal.number)
        found = self._journal.read(Seq(seq - 1), 1)
        reason = "was refused by the collector"
        if not found or found[0].seq != seq:
            reason += "; the journal was damaged meanwhile and does not hold it any more"
            return Poison(
                entry=Entry(seq, "", Event.of({})), code="LPF602", reason=reason, detail=refusal.reason
            )
        number = (self._first_number + refusal.number - 2) % LAST_NUMBER + 1
        message = self._encoder.again(found[0], number)
        return Poison(entry=found[0], code="LPF602", reason=reason, detail=refusal.reason, message=message)

    def _record(self, *, clean: bool = False) -> None:
        window = self.window
        taken = window.confirmed - self._refused
        confirmed, repeated = self._recorded
        self._recorded = (taken, window.repeated)
        self._recorded_at = self._clock()
        self._journal.advance(
            self.name,
            window.checkpoint,
            window.resume,
            clean=clean,
            sent=window.highest_sent,
            confirmed=taken - confirmed,
            replayed=window.repeated - repeated,
        )

    def _rest(self, stop: Stop) -> None:
        """Sleeps, or waits for the collector when it must confirm before we may send."""
        if self.window.unconfirmed >= self._limits.fence_events:
            self._collect(BUSY)
        else:
            within = self._resting.seconds(self.window.unconfirmed, is_held=self.link.is_held)
            self._bell.wait(min(within, stop.left()))

    def _finish(self, stop: Stop, beat: Callable[[], None]) -> None:
        """Sends what waits now and fences it, as long as the drain lasts. A courtesy: safety is elsewhere."""
        if not self._open:
            return
        goal = self._journal.newest()
        while stop.left() > 0 and self.window.checkpoint < goal:
            if self.window.position < goal:
                moved = self.step()
                if not moved:
                    self._rest(stop)
            else:
                self._fence(min(BUSY, stop.left()))
                self._collect(0.0)
            beat()
        self._collect(0.0)

    def _end(self) -> None:
        """Ends the link: counts what was confirmed, goes back if that is not all, closes."""
        if not self._open:
            return
        self._open = False
        self._watch.disconnected()
        try:
            self._settle()
        finally:
            self._transport.close()

    def _settle(self) -> None:
        failure: Failure | None = None
        try:
            self._take(self._transport.confirmed(0.0))
            self._transport.confirmed(0.0)
        except Failure as error:
            failure = error
        except BaseException:
            self._watch.broke(None)
            self.window.rewind(self._clock())  # or the next link's counts would confirm this one's messages
            raise
        if failure is not None or self.window.unconfirmed:
            self._go_back(failure)
        else:
            self.window.reopened()
            self._record(clean=True)

    def _go_back(self, failure: Failure | None) -> None:
        idle = failure is not None and failure.code in HUNG_UP
        self._watch.broke(failure)
        back = self.window.rewind(self._clock(), idle=idle)
        self._record()
        log.warning(
            "collector.disconnected",
            collector=self.name,
            code=failure.code if failure else "LPF219",
            reason=failure.what if failure else "not everything was confirmed in time",
            checkpoint=self.window.checkpoint,
            repeats=back,
        )
