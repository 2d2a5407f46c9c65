"""When a collector that takes connections gets nowhere, and what ends that."""

from __future__ import annotations

from typing import Any

import pytest

from lpforwarder.delivery.standstill import Standstill, confirms_nothing
from lpforwarder.delivery.window import Window
from lpforwarder.errors import Transient
from lpforwarder.event import Seq

CLOSED = Transient("closed", code="LPF212")
HUNG = Transient("took nothing", code="LPF211")


class Bench:
    """A window, its standstill, and a clock."""

    def __init__(self, fence_seconds: float = 30.0, kind: type[Standstill] = Standstill) -> None:
        self.now = 1000.0
        self.window = Window(
            checkpoint=Seq(0), resume=Seq(0), clean=True, replay_events=100, replay_seconds=0.0
        )
        self.standstill = kind(fence_seconds)

    def sends(self, upto: int) -> None:
        seqs = [Seq(place) for place in range(self.window.position + 1, upto + 1)]
        self.window.sent(seqs, Seq(upto))
        self.standstill.owes(self.now)

    def confirms(self, count: int) -> bool:
        self.window.confirm(count, self.now)
        return self.standstill.confirmed(self.window, self.now)

    def breaks(self, failure: Transient) -> None:
        self.standstill.broke(failure, self.now)
        self.window.rewind(self.now)

    def connection(self, seconds: float, *, confirms: int = 0, end: Transient = CLOSED) -> None:
        """One from beginning to end; ten minutes later the next may come."""
        self.standstill.begins()
        self.sends(5)
        if confirms:
            self.confirms(confirms)
        self.now += seconds
        self.breaks(end)
        self.now += 600.0

    @property
    def is_stalled(self) -> bool:
        return self.standstill.is_stalled(self.now)


class WatchedStandstill(Standstill):
    """Says what another thread could read at any moment of a change."""

    now: float | None = None
    """From when on it is watched, and the time of those who ask."""

    def __init__(self, fence_seconds: float) -> None:
        self.seen: list[tuple[float, bool]] = []
        super().__init__(fence_seconds)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if self.now is not None:
            self.seen.append((self.seconds(self.now), self.is_stalled(self.now)))


@pytest.mark.parametrize(("fence_seconds", "patience"), [(0.1, 45.0), (30.0, 45.0), (31.0, 46.0)])
def test_a_fence_may_take_its_time_and_some_more(fence_seconds: float, patience: float) -> None:
    bench = Bench(fence_seconds)
    bench.sends(5)
    bench.now += patience - 0.1
    assert not bench.is_stalled
    bench.now += 0.1
    assert bench.is_stalled


def test_nothing_on_the_way_is_no_standstill() -> None:
    bench = Bench()
    bench.now += 1e6
    assert bench.standstill.seconds(bench.now) == 0.0
    bench.sends(5)
    bench.confirms(5)
    bench.now += 1e6
    assert not bench.is_stalled


def test_seconds_add_up_over_connections_and_not_between_them() -> None:
    bench = Bench()
    bench.connection(20.0)
    bench.connection(20.0)
    assert (bench.standstill.seconds(bench.now), bench.is_stalled) == (40.0, False)
    bench.connection(5.0)
    assert bench.is_stalled


@pytest.mark.parametrize("confirms", [0, 1])
def test_nobody_who_asks_meanwhile_hears_of_the_same_seconds_twice(confirms: int) -> None:
    bench = Bench(kind=WatchedStandstill)
    watched = bench.standstill
    assert isinstance(watched, WatchedStandstill)
    bench.sends(5)
    if confirms:
        bench.confirms(confirms)
    bench.now += 30.0
    watched.now = bench.now
    bench.breaks(CLOSED)
    assert watched.seen
    assert {seen for seen in watched.seen if seen not in ((30.0, False), (0.0, False))} == set()
    assert watched.seconds(bench.now) == (0.0 if confirms else 30.0)


def test_what_one_connection_has_confirmed_excuses_no_later_one() -> None:
    bench = Bench()
    bench.standstill.begins()
    bench.sends(5)
    bench.confirms(5)
    bench.window.reopened()  # it ends with nothing on the way
    bench.standstill.begins()
    bench.sends(10)
    bench.now += 40.0
    bench.breaks(CLOSED)
    assert bench.standstill.seconds(bench.now) == 40.0


def test_no_time_runs_while_nothing_is_on_the_way_although_nothing_new_was_confirmed() -> None:
    bench = Bench()
    for _ in range(3):  # the first two may be news
        bench.connection(10.0, confirms=3)
    before = bench.standstill.seconds(bench.now)
    bench.standstill.begins()
    bench.sends(3)
    bench.now += 5.0
    assert not bench.confirms(3)
    bench.now += 600.0
    assert bench.standstill.seconds(bench.now) == before + 5.0
    bench.sends(5)
    bench.now += 5.0
    assert bench.standstill.seconds(bench.now) == before + 10.0


def test_a_restart_in_the_middle_of_something_is_no_standstill() -> None:
    bench = Bench()
    bench.sends(2)
    bench.confirms(1)
    for place in range(2, 30):
        bench.now += 40.0
        bench.breaks(CLOSED)
        assert bench.standstill.seconds(bench.now) == 0.0
        bench.sends(30)
        bench.confirms(place)  # one place further than on the connection before
    assert not bench.is_stalled


def test_a_link_that_was_given_up_is_one_at_once_whatever_it_confirmed_before() -> None:
    bench = Bench()
    bench.connection(2.0, confirms=1, end=HUNG)
    assert bench.is_stalled
    bench.sends(5)
    assert bench.is_stalled, "to be connected is no success"
    bench.confirms(2)
    assert not bench.is_stalled
    assert bench.standstill.seconds(bench.now) == 0.0


def test_the_same_messages_over_and_over_are_no_progress() -> None:
    bench = Bench()
    for _ in range(5):  # the first two may be news
        bench.connection(20.0, confirms=3)
    assert bench.is_stalled
    assert not bench.confirms(3)
    bench.sends(5)
    assert bench.confirms(4)
    assert not bench.is_stalled


def test_what_is_sent_again_may_be_confirmed_once_more_before_it_counts_no_longer() -> None:
    bench = Bench()
    bench.sends(50)
    bench.confirms(40)
    bench.breaks(CLOSED)
    bench.sends(50)  # slow, from the beginning
    for count in range(1, 40):
        bench.now += 30.0
        assert bench.confirms(count)
        assert not bench.is_stalled


def test_when_nothing_waits_any_more_all_is_well() -> None:
    bench = Bench()
    bench.connection(50.0)
    assert bench.is_stalled
    bench.standstill.nothing_waits()
    assert (bench.is_stalled, bench.standstill.is_standing) == (False, False)


def test_what_is_wrong_has_a_code_and_a_remedy() -> None:
    failure = confirms_nothing("192.0.2.1:2514")
    assert (failure.code, "192.0.2.1:2514" in failure.what, bool(failure.fix)) == ("LPF223", True, True)
