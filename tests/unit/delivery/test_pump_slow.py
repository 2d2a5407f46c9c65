"""The pump and a collector that takes a batch slowly: signs of life, and a checkpoint that moves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from lpforwarder.delivery.encoder import Encoder
from lpforwarder.delivery.pump import OFFER_WITHIN, Limits, Pump
from lpforwarder.event import Event
from tests.fakes.journal import MemoryJournal
from tests.fakes.transport import FakeTransport
from tests.unit.delivery.test_pump import Line, Time, Token

COUNT = 20


class SlowTransport(FakeTransport):
    """Takes one message in each offer, which lasts as long as it may, and confirms it at once."""

    def __init__(self, time: Time) -> None:
        super().__init__()
        self._time = time
        self.longest = 0.0

    def send(self, messages: Sequence[bytes]) -> None:
        raise AssertionError("all at once takes too long")

    def offer(self, messages: Sequence[bytes], within: float) -> int:
        self._time.now += within
        self.longest = max(self.longest, within)
        super().send(messages[:1])
        self.confirm_now(len(self.link))
        return 1


def journal_of(count: int) -> MemoryJournal:
    journal = MemoryJournal()
    journal.append("acme", [Event.of({"id": f"e{place}"}) for place in range(1, count + 1)], [], "cursor")
    return journal


def encoder() -> Encoder:
    return Encoder(lambda _: True, Line(), Line(), 8096)


def test_each_offer_to_a_slow_collector_is_followed_by_a_sign_of_life() -> None:
    time = Time()
    transport, journal, beats = SlowTransport(time), journal_of(COUNT), [time.now]
    pump = Pump("siem", journal, encoder(), transport, Limits(fence_events=100), clock=time)
    pump.run_to_end(Token(), lambda: beats.append(time.now))
    assert [message.decode() for message in transport.received] == [f"e{place}" for place in range(1, 21)]
    assert len(beats) >= COUNT
    assert max(after - before for before, after in pairwise(beats)) <= OFFER_WITHIN
    assert transport.longest == OFFER_WITHIN


def test_the_checkpoint_moves_while_a_slow_collector_takes_a_batch() -> None:
    time = Time()
    transport, journal, places = SlowTransport(time), journal_of(COUNT), list[int]()
    pump = Pump("siem", journal, encoder(), transport, Limits(fence_events=100), clock=time)
    pump.run_to_end(Token(), lambda: places.append(journal.checkpoint("siem")))
    # A beat comes before what was confirmed during the offer is taken.
    assert places[: COUNT - 1] == list(range(COUNT - 1))
    assert journal.checkpoint("siem") == COUNT


class WatchedTransport(FakeTransport):
    """One that shows what the collector has taken; tells what the pump shows at each call."""

    def __init__(self) -> None:
        super().__init__()
        self.pulse = 0
        self.pump: Pump | None = None
        self.seen: list[object] = []

    def send(self, messages: Sequence[bytes]) -> None:
        self._note()
        self.pulse += 1
        self._note()
        super().send(messages)

    def fence(self, within: float) -> None:
        self._note()
        super().fence(within)

    def _note(self) -> None:
        assert self.pump is not None
        self.seen.append(self.pump.pulse)


def test_each_part_of_a_step_shows_that_the_worker_lives() -> None:
    time, transport = Time(), WatchedTransport()
    pump = Pump("siem", journal_of(10), encoder(), transport, Limits(fence_events=2), clock=time)
    transport.pump = pump
    before = pump.pulse
    pump.step()
    seen = [before, *transport.seen]
    assert len(seen) == len(set(seen)) == 4
