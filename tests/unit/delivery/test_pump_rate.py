"""A collector with a rate limit: how fast it gets events, and what goes on meanwhile."""

from __future__ import annotations

import time

from lpforwarder.delivery.encoder import Encoder
from lpforwarder.delivery.pump import Limits, Pump
from lpforwarder.event import Entry, Event
from lpforwarder.runtime.stop import Stop
from tests.fakes.journal import MemoryJournal
from tests.fakes.patience import PATIENCE, StandingClock, Stopwatch
from tests.fakes.transport import FakeTransport


class Line:
    """A formatter and an envelope in one that show the id."""

    def format(self, event: Event) -> bytes:
        return event.text("id").encode()

    def wrap(self, event: Event, payload: bytes, sequence: int | None = None) -> bytes:
        return payload


def token(left: float) -> Stop:
    """A stop that has begun, with so many seconds left."""
    stop = Stop()
    stop.set(left)
    return stop


class Bench:
    def __init__(self, rate: float | None, *, real: bool = False, every: int = 1) -> None:
        self.journal = MemoryJournal()
        self.transport = FakeTransport()
        self.clock = StandingClock()

        def wanted(entry: Entry) -> bool:
            return int(entry.event.text("id")) % every == 0

        clock = time.monotonic if real else self.clock
        encoder = Encoder(wanted, Line(), Line(), 8096)
        self.pump = Pump("siem", self.journal, encoder, self.transport, Limits(rate=rate), clock=clock)

    def append(self, count: int) -> None:
        first = self.journal.newest()
        events = [Event.of({"id": f"{place}"}) for place in range(first, first + count)]
        self.journal.append("acme", events, [], "cursor")

    @property
    def sent(self) -> int:
        return len(self.transport.received)


def test_no_more_than_the_rate_goes_out() -> None:
    bench = Bench(500.0)
    bench.append(3000)
    sent = []
    for _ in range(4):
        for _ in range(10):
            bench.pump.step()
        sent.append(bench.sent)
        bench.clock.now += 1.0
    assert sent == [500, 1000, 1500, 2000]
    assert bench.transport.received == [b"%d" % number for number in range(2000)]


def test_without_a_limit_all_goes_out_at_once() -> None:
    bench = Bench(None)
    bench.append(2000)
    for _ in range(5):
        bench.pump.step()
    assert bench.sent == 2000
    assert not bench.pump.link.is_held


def test_what_the_filter_drops_costs_nothing() -> None:
    bench = Bench(100.0, every=10)
    bench.append(1000)
    while bench.pump.step():
        pass
    assert bench.sent == 100


def test_it_is_shown_that_events_wait_because_of_the_rate() -> None:
    bench = Bench(10.0)
    bench.append(15)
    bench.pump.step()
    assert not bench.pump.link.is_held
    bench.pump.step()
    assert bench.pump.link.is_held
    bench.clock.now += 1.0
    bench.pump.step()
    bench.pump.step()
    assert bench.sent == 15
    assert not bench.pump.link.is_held  # nothing waits any more


def test_fences_and_confirmations_go_on_while_events_are_held() -> None:
    bench = Bench(1 / 60)
    bench.append(10)
    bench.pump.step()
    assert (bench.sent, bench.journal.checkpoint("siem")) == (1, 0)
    for _ in range(10):
        bench.clock.now += 0.5
        bench.pump.step()
    assert (bench.sent, bench.transport.fences, bench.journal.checkpoint("siem")) == (1, 1, 1)
    assert bench.pump.link.is_held


def test_a_drain_obeys_the_rate_and_hands_over_what_its_time_allows() -> None:
    bench = Bench(200.0, real=True)
    bench.append(300)
    bench.pump.step()
    with Stopwatch() as watch:
        bench.pump.run(token(10.0), lambda: None)
    assert bench.sent == 300
    assert bench.journal.checkpoint("siem") == 300
    assert 0.4 < watch.wall < 5.0


def test_a_drain_that_is_over_leaves_the_rest_in_the_journal() -> None:
    bench = Bench(1.0, real=True)
    bench.append(300)
    bench.pump.step()
    with Stopwatch() as watch:
        bench.pump.run(token(0.3), lambda: None)
    assert watch.wall < PATIENCE
    assert 1 <= bench.sent <= 2 + watch.wall


def test_waiting_for_the_rate_costs_no_computing() -> None:
    bench = Bench(1.0, real=True)
    bench.append(300)
    with Stopwatch() as watch:
        bench.pump.run(token(0.5), lambda: None)
    assert watch.computing < 0.1
