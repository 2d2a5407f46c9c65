"""The stop token."""

import math
import threading

from lpforwarder.runtime.stop import Stop
from tests.fakes.clock import FakeClock


def test_nobody_has_to_hurry_before_the_stop() -> None:
    stop = Stop(FakeClock())
    assert not stop.stopping
    assert stop.left() == math.inf


def test_the_drain_runs_out_and_never_below_zero() -> None:
    clock = FakeClock()
    stop = Stop(clock)
    stop.set(within=10)
    assert stop.stopping
    assert stop.left() == 10
    clock.advance(4)
    assert stop.left() == 6
    clock.advance(40)
    assert stop.left() == 0


def test_a_second_stop_can_only_bring_the_end_nearer() -> None:
    stop = Stop(FakeClock())
    stop.set(within=10)
    stop.set(within=30)
    assert stop.left() == 10
    stop.set(within=0)
    assert stop.left() == 0


def test_a_stop_without_a_deadline_is_a_stop() -> None:
    stop = Stop(FakeClock())
    stop.set(within=math.inf)
    assert stop.stopping
    assert stop.wait(5)
    assert stop.left() == math.inf


def test_a_wait_lasts_its_time_and_says_that_nobody_stops() -> None:
    clock = FakeClock()
    stop = Stop(clock)
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(stop.wait(60)))
    thread.start()
    clock.until_waiting()
    clock.advance(59)
    clock.until_waiting()
    assert answers == []
    clock.advance(1)
    thread.join(10)
    assert answers == [False]


def test_a_stop_ends_a_wait_at_once() -> None:
    clock = FakeClock()
    stop = Stop(clock)
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(stop.wait(3600)))
    thread.start()
    clock.until_waiting()
    stop.set(within=1)
    thread.join(10)
    assert answers == [True]


def test_a_wait_after_the_stop_returns_at_once() -> None:
    stop = Stop(FakeClock())
    stop.set(within=1)
    assert stop.wait(3600)


def test_it_tells_until_when_its_worker_sleeps_on_purpose() -> None:
    clock = FakeClock()
    stop = Stop(clock)
    assert stop.rested_until == -math.inf
    thread = threading.Thread(target=lambda: stop.wait(60))
    thread.start()
    clock.until_waiting()
    assert stop.rested_until == clock.monotonic() + 60
    clock.advance(75)
    thread.join(10)
    assert stop.rested_until == clock.monotonic()


def test_the_machines_own_clock_is_the_default() -> None:
    stop = Stop()
    assert not stop.wait(0.001)


def test_a_stop_rings_a_worker_that_sleeps_on_its_own_bell() -> None:
    stop, rung = Stop(), list[bool]()
    with stop.ringing(lambda: rung.append(stop.stopping)):
        assert rung == []
        stop.set(within=10)
        stop.set(within=0)  # its drain has become shorter
    stop.set(within=0)
    assert rung == [True, True]
