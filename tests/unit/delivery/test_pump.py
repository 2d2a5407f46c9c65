"""The pump, one step at a time, between a journal in memory and a transport in memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lpforwarder.delivery.encoder import Encoder
from lpforwarder.delivery.pump import Limits, Pump
from lpforwarder.errors import Transient
from lpforwarder.event import Entry, Event, Seq
from lpforwarder.runtime.stop import Stop
from tests.fakes.journal import MemoryJournal
from tests.fakes.transport import FakeTransport


class Line:
    """A formatter and an envelope in one that show the id."""

    def format(self, event: Event) -> bytes:
        return event.text("id").encode()

    def wrap(self, event: Event, payload: bytes, sequence: int | None = None) -> bytes:
        return payload


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Token(Stop):
    """A stop token of which a test says how much is left."""

    def __init__(self, left: float = float("inf")) -> None:
        super().__init__()
        if left != float("inf"):
            self.set(left)


class Bench:
    """A pump with everything around it; `again()` is the next life of the process."""

    def __init__(self, *, wanted: Callable[[Entry], bool] = lambda _: True, **limits: float) -> None:
        self.journal = MemoryJournal()
        self.transport = FakeTransport()
        self.time = Time()
        self.wanted = wanted
        self.limits = Limits(**{"fence_events": 10, "replay_events": 10, **limits})  # type: ignore[arg-type]
        self.pump = self.again()

    def again(self) -> Pump:
        encoder = Encoder(self.wanted, Line(), Line(), 8096)
        self.pump = Pump("siem", self.journal, encoder, self.transport, self.limits, clock=self.time)
        return self.pump

    def append(self, count: int) -> None:
        first = self.journal.newest() + 1
        events = [Event.of({"id": f"e{place}"}) for place in range(first, first + count)]
        self.journal.append("acme", events, [], "cursor")

    def settle(self, steps: int = 50) -> None:
        for _ in range(steps):
            self.time.now += 1.0
            self.pump.step()

    def fail(self) -> None:
        """Runs until the broken link is raised, as the supervisor would see it."""
        with pytest.raises(Transient):
            self.pump.run(Token(), lambda: None)

    @property
    def checkpoint(self) -> int:
        return self.journal.checkpoint("siem")

    @property
    def ids(self) -> list[str]:
        return [message.decode() for message in self.transport.received]


def names(first: int, last: int) -> list[str]:
    return [f"e{place}" for place in range(first, last + 1)]


def test_every_event_arrives_in_order_and_is_confirmed() -> None:
    bench = Bench()
    bench.append(47)
    bench.settle()
    assert bench.ids == names(1, 47)
    assert bench.checkpoint == 47


def test_sent_is_not_confirmed() -> None:
    bench = Bench()
    bench.transport.answers_fences = False
    bench.append(5)
    bench.settle()
    assert bench.ids == names(1, 5)
    assert bench.checkpoint == 0


def test_no_more_than_one_fence_is_unconfirmed() -> None:
    bench = Bench()
    bench.transport.answers_fences = False
    bench.append(100)
    bench.settle()
    assert len(bench.ids) == 10


def test_a_connection_is_fenced_while_the_rest_of_the_window_is_filled() -> None:
    bench = Bench()
    bench.transport.answers_fences = False
    bench.append(100)
    bench.pump.step()
    assert (len(bench.ids), bench.transport.fences) == (5, 1)


def test_a_quiet_link_is_fenced_after_two_seconds() -> None:
    bench = Bench(fence_seconds=30.0)
    bench.append(1)
    bench.pump.step()
    bench.time.now += 1.9
    bench.pump.step()
    assert bench.transport.fences == 0
    bench.time.now += 0.2
    bench.pump.step()
    assert bench.transport.fences == 1


def test_a_steady_trickle_is_fenced_after_the_fence_time() -> None:
    bench = Bench(fence_events=1000, fence_seconds=30.0)
    for _ in range(20):
        bench.append(1)
        bench.pump.step()
        bench.time.now += 1.5
    assert bench.transport.fences == 0
    bench.append(1)
    bench.pump.step()
    assert bench.transport.fences == 1


def test_a_fence_that_could_not_begin_is_asked_for_again() -> None:
    bench = Bench()
    bench.transport.answers_fences = False
    bench.append(30)
    bench.settle(5)
    before = bench.transport.fences
    bench.settle(10)
    assert bench.transport.fences > before


def test_what_the_filter_drops_counts_as_done() -> None:
    bench = Bench(wanted=lambda entry: entry.seq % 10 == 0)
    bench.append(25)
    bench.settle()
    assert bench.ids == ["e10", "e20"]
    assert bench.checkpoint == 25


def test_a_broken_link_repeats_what_was_not_confirmed() -> None:
    bench = Bench()
    bench.append(30)
    bench.settle(3)
    bench.transport.break_link(loses=5)
    bench.fail()
    bench.settle()
    assert sorted(set(bench.ids), key=lambda name: int(name[1:])) == names(1, 30)
    assert bench.checkpoint == 30


def test_the_replay_window_is_sent_again_even_if_it_was_confirmed() -> None:
    bench = Bench(replay_seconds=0.0)
    bench.append(30)
    bench.settle()
    bench.transport.break_link()
    bench.fail()
    bench.settle()
    assert bench.ids == names(1, 30) + names(21, 30)


def test_what_was_confirmed_is_recorded_before_the_broken_link_is_raised() -> None:
    bench = Bench()
    bench.transport.answers_fences = False
    bench.append(10)
    bench.settle(3)
    bench.transport.confirm_now(7)
    bench.transport.break_link()
    bench.fail()
    assert bench.checkpoint == 7


def test_the_link_is_closed_and_never_used_again() -> None:
    bench = Bench()
    bench.append(1)
    bench.settle(1)
    bench.transport.break_link()
    bench.fail()
    assert (bench.transport.opened, bench.transport.closed) == (1, 1)
    bench.settle(1)
    assert bench.transport.opened == 2


def test_a_refused_connection_repeats_nothing() -> None:
    bench = Bench(replay_seconds=0.0)
    bench.append(20)
    bench.settle()
    bench.transport.break_link()
    bench.fail()
    bench.transport.refuses = "refused"
    for _ in range(5):
        bench.fail()
    bench.transport.refuses = None
    bench.settle()
    assert bench.ids == names(1, 20) + names(11, 20)


def test_after_a_kill_the_next_life_begins_behind_the_checkpoint() -> None:
    bench = Bench(replay_seconds=0.0)
    bench.append(40)
    bench.settle()
    bench.transport.answers_fences = False
    bench.append(5)
    bench.settle(2)
    bench.transport.received.clear()
    bench.again()  # no farewell: the process was killed
    bench.transport.answers_fences = True
    bench.settle()
    assert bench.ids == names(31, 45)


def test_a_kill_with_everything_confirmed_repeats_nothing() -> None:
    bench = Bench()
    bench.append(40)
    bench.settle()
    bench.transport.received.clear()
    bench.again()
    bench.append(1)
    bench.settle()
    assert bench.ids == ["e41"]


def test_a_drain_sends_what_waits_and_ends_clean() -> None:
    bench = Bench()
    bench.append(3)
    bench.pump.step()
    bench.append(30)
    bench.pump.run(Token(left=5.0), lambda: None)
    assert bench.ids == names(1, 33)
    assert bench.checkpoint == 33
    assert bench.journal.clean("siem")


def test_a_drain_without_time_left_loses_nothing() -> None:
    bench = Bench()
    bench.transport.answers_fences = False
    bench.append(8)
    bench.settle(2)
    bench.pump.run(Token(left=0.0), lambda: None)
    assert bench.checkpoint == 0
    assert not bench.journal.clean("siem")
    bench.transport.answers_fences = True
    bench.again()
    bench.settle()
    assert bench.checkpoint == 8


def test_running_to_the_end_confirms_all_and_returns() -> None:
    bench = Bench()
    bench.append(123)
    bench.pump.run_to_end(Token(), lambda: None)
    assert bench.ids == names(1, 123)
    assert bench.checkpoint == 123


def test_a_collector_that_does_not_answer_fences_is_shown_as_kernel() -> None:
    bench = Bench()
    bench.append(1)
    bench.settle(1)
    bench.transport.confirm = "kernel"
    bench.settle(1)
    assert bench.pump.link.confirm == "kernel"


def test_totals_tell_repeats_from_first_confirmations() -> None:
    bench = Bench(replay_seconds=0.0)
    bench.append(30)
    bench.settle()
    bench.transport.break_link()
    bench.fail()
    bench.settle()
    place = bench.journal.places["siem"]
    assert (place.confirmed, place.replayed) == (30, 10)


def test_what_a_life_sent_unconfirmed_counts_as_repeated_in_the_next_one() -> None:
    bench = Bench(replay_seconds=0.0)
    bench.transport.answers_fences = False
    bench.append(8)
    bench.settle(2)
    bench.pump.run(Token(left=0.0), lambda: None)
    assert bench.journal.sent("siem") == 8
    bench.transport.answers_fences = True
    bench.again()
    bench.append(4)
    bench.settle()
    assert bench.ids == names(1, 8) + names(1, 12)
    place = bench.journal.places["siem"]
    assert (place.confirmed, place.replayed) == (12, 8)


def test_what_a_damaged_row_says_to_be_sent_ends_with_the_journal() -> None:
    bench = Bench()
    bench.append(3)
    bench.journal.advance("siem", Seq(0), Seq(0), sent=2**40)
    bench.again()
    assert bench.pump.window.highest_sent == 3


def test_the_checkpoint_is_monotonic_while_a_replay_is_under_way() -> None:
    bench = Bench(replay_seconds=0.0)
    bench.append(30)
    bench.settle()
    bench.transport.break_link()
    bench.fail()
    bench.transport.answers_fences = False
    bench.settle(1)
    assert bench.checkpoint == 30
    assert bench.journal.checkpoint("siem") == Seq(30)


def test_a_batch_is_measured_once_however_often_it_is_sent() -> None:
    bench = Bench(replay_events=10)
    bench.transport.answers_fences = False
    events = [Event.of({"id": f"e{place}", "timestamp": "2026-01-01T00:00:00.000Z"}) for place in range(4)]
    bench.journal.append("acme", events, [], "cursor")
    bench.settle()
    bench.transport.break_link()
    bench.fail()
    bench.settle()
    assert len(bench.transport.received) == 8
    assert bench.pump.measures()["events_sent"] == 8
    assert bench.pump.measures()["delivery_seconds"]["buckets"][-1][1] == 1
