"""The pump and a collector that takes every connection, and confirms nothing."""

from __future__ import annotations

import pytest

from lpforwarder.errors import Transient
from tests.fakes.transport import FakeTransport
from tests.unit.delivery.test_pump import Bench, Token


class BrokenTransport(FakeTransport):
    """One with a bug of ours."""

    answers_fences = False
    is_broken = False

    def confirmed(self, within: float) -> int:
        return 1 // (not self.is_broken) - 1


def deaf() -> Bench:
    bench = Bench()
    bench.transport.answers_fences = False
    bench.append(5)
    return bench


def connection(bench: Bench, seconds: int, code: str) -> None:
    """One that is broken after so many seconds, as the supervisor sees it."""
    bench.settle(seconds)
    bench.transport.break_link(code=code)
    bench.fail()


def test_a_collector_that_confirms_nothing_is_stalled_in_time() -> None:
    bench = deaf()
    bench.settle(45)
    assert (bench.pump.unmoved, bench.pump.is_stalled) == (44.0, False)
    bench.settle(1)
    assert bench.pump.is_stalled


def test_a_new_connection_does_not_end_a_standstill_but_a_confirmation_does() -> None:
    bench = deaf()
    connection(bench, 10, "LPF211")
    since = bench.pump.link.unmoved_since
    assert bench.pump.is_stalled
    bench.settle(3)
    assert bench.pump.link.connected_since is not None
    assert (bench.pump.is_stalled, bench.pump.link.unmoved_since) == (True, since)
    bench.transport.confirm_now(5)
    bench.settle(1)
    assert (bench.pump.is_stalled, bench.pump.unmoved, bench.pump.link.unmoved_since) == (False, 0.0, None)


def test_one_that_hangs_up_every_few_seconds_is_stalled_too() -> None:
    bench = deaf()
    for _ in range(5):
        connection(bench, 11, "LPF212")
        bench.time.now += 60.0
    assert bench.pump.is_stalled


def test_a_restart_between_message_and_fence_is_no_standstill() -> None:
    bench = Bench()
    bench.append(5)
    bench.settle()
    bench.transport.answers_fences = False
    bench.append(5)
    connection(bench, 40, "LPF214")
    bench.settle(40)
    assert not bench.pump.is_stalled


def test_one_that_cannot_be_reached_is_not_called_stalled_until_it_is() -> None:
    bench = deaf()
    connection(bench, 10, "LPF211")
    bench.transport.refuses = "nobody listens"
    bench.fail()
    assert not bench.pump.is_stalled
    bench.transport.refuses = None
    bench.settle(1)
    assert bench.pump.is_stalled


def test_what_was_confirmed_just_before_the_end_counts() -> None:
    bench = deaf()
    connection(bench, 10, "LPF211")
    bench.settle(3)
    bench.transport.confirm_now(5)
    bench.transport.break_link(code="LPF214")
    bench.fail()
    assert not bench.pump.is_stalled
    assert bench.checkpoint == 5


def test_a_standstill_is_over_when_nothing_is_left_to_send() -> None:
    bench = deaf()
    connection(bench, 10, "LPF211")
    for place in range(1, 6):
        bench.journal.damage(place)
    bench.settle(1)
    assert not bench.pump.is_stalled


def test_a_bug_in_the_transport_leaves_no_clock_running() -> None:
    bench = deaf()
    bench.transport = BrokenTransport()
    bench.again()
    bench.settle(10)
    bench.transport.is_broken = True
    with pytest.raises(ZeroDivisionError):
        bench.pump.run(Token(), lambda: None)
    before = bench.pump.unmoved
    bench.time.now += 100.0
    assert bench.pump.unmoved == before


def test_a_refused_connection_is_raised_as_before() -> None:
    bench = deaf()
    bench.transport.refuses = "nobody listens"
    with pytest.raises(Transient, match="nobody listens"):
        bench.pump.step()
    assert not bench.pump.link.is_reachable
