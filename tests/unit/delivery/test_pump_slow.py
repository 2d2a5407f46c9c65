"""The pump and a collector that takes a batch slowly: it shows that it lives, and notes what was confirmed."""

from __future__ import annotations

from collections.abc import Sequence

from lpforwarder.delivery.encoder import Encoder
from lpforwarder.delivery.pump import OFFER_WITHIN, Limits, Pump
from lpforwarder.event import Event
from tests.fakes.journal import MemoryJournal
from tests.fakes.links import FarEnd
from tests.fakes.patience import beside
from tests.fakes.relp_links import OK, RelpEnd, relp_to
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
    assert max(after - before for before, after in zip(beats, beats[1:], strict=False)) <= OFFER_WITHIN
    assert transport.longest == OFFER_WITHIN


def test_the_checkpoint_moves_while_a_slow_collector_takes_a_batch() -> None:
    time = Time()
    transport, journal, places = SlowTransport(time), journal_of(COUNT), list[int]()
    pump = Pump("siem", journal, encoder(), transport, Limits(fence_events=100), clock=time)
    pump.run_to_end(Token(), lambda: places.append(journal.checkpoint("siem")))
    # A beat comes before what was confirmed during the offer is taken.
    assert places[: COUNT - 1] == list(range(COUNT - 1))
    assert journal.checkpoint("siem") == COUNT


def test_a_relp_collector_that_answers_between_two_signs_of_life_gets_everything_once(
    far_end: FarEnd,
) -> None:
    journal, ends, answered = MemoryJournal(), list[RelpEnd](), list[bytes]()
    with relp_to(far_end, window=4, stall_timeout="3s") as transport:
        pump = Pump("siem", journal, encoder(), transport, Limits())

        def agree() -> None:
            ends.append(RelpEnd(far_end.accept()))
            ends[0].agree()

        def answer_two() -> None:
            answered.extend(ends[0].answer(*[OK] * min(2, COUNT - len(answered))))

        with beside(agree):
            pump.step()
        journal.append("acme", [Event.of({"id": f"e{place}"}) for place in range(COUNT)], [], "cursor")
        with beside(lambda: ends[0].goodbye(after=answered, count=COUNT)):
            pump.run_to_end(Token(), answer_two)
    assert answered == [b"e%d" % place for place in range(COUNT)]
    assert journal.checkpoint("siem") == COUNT
