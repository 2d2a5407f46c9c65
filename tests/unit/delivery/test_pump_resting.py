"""A pump that sleeps: what wakes it, and how soon."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from lpforwarder.errors import Transient
from lpforwarder.runtime.stop import Stop
from tests.fakes.patience import PATIENCE, Stopwatch, until
from tests.unit.delivery.test_pump import Bench, names

SOON = 1.0
"""Seconds; less than a sleep in a quiet hour."""


class Running:
    """A pump that runs in a thread of its own, on a link that was made long ago."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.stop = Stop()
        self.ended_with: Transient | None = None
        self.beats = 0
        self.bench.pump.step()
        self.bench.time.now += 3600.0
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        until(lambda: self.beats > 0, "the first look")

    def _run(self) -> None:
        try:
            self.bench.pump.run(self.stop, self._beat)
        except Transient as error:
            self.ended_with = error

    def _beat(self) -> None:
        self.beats += 1

    def end(self) -> None:
        self.stop.set(0.0)
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()


@pytest.fixture
def running() -> Iterator[Running]:
    made = Running()
    yield made
    made.end()


def test_an_event_is_sent_at_once(running: Running) -> None:
    with Stopwatch() as watch:
        running.bench.append(3)
        until(lambda: running.bench.ids == names(1, 3), "the delivery")
    assert watch.wall < SOON


def test_a_stop_is_noticed_at_once(running: Running) -> None:
    with Stopwatch() as watch:
        running.end()
    assert watch.wall < SOON


def test_an_abort_is_noticed_at_once(running: Running) -> None:
    with Stopwatch() as watch:
        running.bench.pump.abort()
        running.thread.join(PATIENCE)
    assert watch.wall < SOON
    assert running.ended_with is not None


def test_a_link_that_ends_is_noticed_without_anything_to_send(running: Running) -> None:
    running.bench.transport.break_link("hung up", code="LPF212")
    running.thread.join(PATIENCE)
    assert running.ended_with is not None
    assert running.ended_with.code == "LPF212"


def test_a_quiet_pump_seldom_wakes_up(running: Running) -> None:
    before = running.beats
    threading.Event().wait(1.0)  # no more than one look falls into it
    assert running.beats - before <= 1


def test_a_pump_that_has_ended_is_rung_no_more(running: Running) -> None:
    running.end()
    running.bench.append(1)
    assert running.bench.ids == []
