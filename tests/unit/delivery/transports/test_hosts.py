"""Several hosts of one collector: which one is taken, and when the first one is taken again."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from lpforwarder.delivery.transports.connection import Connection, Wake
from lpforwarder.delivery.transports.dialing import Address
from lpforwarder.delivery.transports.failures import unresolved
from lpforwarder.delivery.transports.hosts import DISTRUST, HASTE, LONGEST_DISTRUST, Hosts
from lpforwarder.delivery.transports.scouting import EVERY
from lpforwarder.errors import Blocked, Failure, Transient
from tests.fakes.collectors import Collector, Manners
from tests.fakes.links import FarEnd, black_hole
from tests.fakes.patience import (
    PATIENCE,
    LaterClock,
    Stopwatch,
    a_moment_later,
    fails,
    until,
)


class Names:
    """Looks names up in a table; what is not in it is unknown."""

    def __init__(self, **addresses: list[tuple[str, int]]) -> None:
        self.addresses = addresses

    def __call__(self, host: str, _: int) -> list[Address]:
        if host not in self.addresses:
            raise unresolved(host, ValueError())
        return [Address(socket.AF_INET, address) for address in self.addresses[host]]


class Bench:
    """Hosts with everything around them; `refusing` says what is wrong with a host of that name."""

    def __init__(self, names: Names, *, connect_timeout: float = 5.0) -> None:
        self.names = names
        self.clock = LaterClock()
        self.wake = Wake()
        self.refusing: dict[str, Failure] = {}
        self.verified: list[str] = []
        self.opened: list[Connection] = []
        self.hosts = Hosts(
            ("first", "second"),
            6514,
            self.wake,
            self._verify,
            connect_timeout=connect_timeout,
            clock=self.clock,
            look_up=names,
        )

    def _verify(self, connection: Connection, host: str) -> None:
        if host in self.refusing:
            connection.close()
            raise self.refusing[host]
        self.verified.append(host)

    def reach(self) -> str:
        host, connection = self.hosts.reach()
        self.opened.append(connection)
        return host

    def reach_next(self, host: str, *, is_wary: bool = False) -> str:
        reached, connection = self.hosts.reach_next(host, self.opened[-1], is_wary=is_wary)
        self.opened.append(connection)
        return reached

    def better(self, host: str) -> str | None:
        """Waits for the search under way; what it has found."""
        found = self.hosts.better(host)
        search = self.hosts._scout._search
        if found is None and search is not None:
            until(lambda: search.is_over)
            found = self.hosts.better(host)
        if found is None:
            return None
        self.opened.append(found[1])
        return found[0]

    def close(self) -> None:
        for connection in self.opened:
            connection.close()


@pytest.fixture
def far_ends() -> Iterator[tuple[FarEnd, FarEnd]]:
    with FarEnd() as first, FarEnd() as second:
        yield first, second


@pytest.fixture
def bench(far_ends: tuple[FarEnd, FarEnd]) -> Iterator[Bench]:
    first, second = far_ends
    bench = Bench(Names(first=[first.address], second=[second.address]))
    yield bench
    bench.close()


def test_the_first_host_is_taken_while_it_answers(bench: Bench) -> None:
    assert bench.reach() == "first"
    assert bench.verified == ["first"]


def test_the_next_host_is_taken_when_the_first_is_down(bench: Bench) -> None:
    del bench.names.addresses["first"]
    assert bench.reach() == "second"
    assert bench.verified == ["second"]
    told = bench.hosts.before("second")["first"]
    assert told is not None
    assert told.code == "LPF201"


def test_the_first_host_is_found_again_when_it_heals_and_not_sooner(bench: Bench) -> None:
    address = bench.names.addresses.pop("first")
    bench.reach()
    assert bench.better("second") is None  # it has just been tried
    bench.clock.later += EVERY
    assert bench.better("second") is None
    bench.names.addresses["first"] = address
    bench.clock.later += EVERY
    assert bench.better("second") == "first"
    assert bench.verified == ["second", "first"]
    assert bench.hosts.before("second") == {"first": None}


def test_what_was_found_beside_is_ended_by_the_transports_own_abort(bench: Bench) -> None:
    address = bench.names.addresses.pop("first")
    bench.reach()
    bench.names.addresses["first"] = address
    bench.clock.later += EVERY
    assert bench.better("second") == "first"
    bench.wake.call()
    with fails("LPF290"):
        bench.opened[-1].wait(PATIENCE)


def test_nothing_is_better_than_the_first_host(bench: Bench) -> None:
    bench.reach()
    bench.clock.later += EVERY
    assert bench.better("first") is None
    assert bench.hosts._scout._search is None


def test_a_host_that_hangs_up_as_soon_as_we_are_connected_has_not_healed() -> None:
    with Collector(list, manners=Manners(hangs_up=True)) as first, FarEnd() as second:
        bench = Bench(Names(first=[first.address], second=[second.address]))
        bench.refusing["first"] = Transient("down", code="LPF202")
        assert bench.reach() == "second"
        bench.refusing.clear()
        bench.clock.later += EVERY
        assert bench.better("second") is None
        bench.close()


def test_a_host_that_takes_connections_and_nothing_else_is_tried_last_for_a_while(bench: Bench) -> None:
    assert bench.reach() == "first"
    bench.hosts.distrust("first")
    assert bench.reach() == "second"
    bench.clock.later += EVERY
    assert bench.better("second") is None
    bench.clock.later += DISTRUST
    assert bench.better("second") == "first"
    assert bench.reach() == "first"


def test_one_that_disappoints_again_is_tried_last_for_longer_until_it_confirms_something(
    bench: Bench,
) -> None:
    def seconds_of_distrust() -> int:
        bench.hosts.distrust("first")
        seconds = bench.hosts._avoided["first"] - bench.clock()
        bench.clock.later += seconds
        return round(seconds)

    assert [seconds_of_distrust() for _ in range(3)] == [45, 90, 180]
    bench.hosts.trust("first")
    assert seconds_of_distrust() == DISTRUST
    for _ in range(10):
        seconds_of_distrust()
    assert seconds_of_distrust() == LONGEST_DISTRUST


def test_one_that_is_distrusted_is_still_better_than_none(bench: Bench) -> None:
    bench.hosts.distrust("first")
    bench.refusing["second"] = Transient("no", code="LPF202")
    assert bench.reach() == "first"


@pytest.mark.parametrize("kind", [Transient, Blocked])
def test_a_host_that_cannot_be_verified_does_not_hide_one_that_can(
    kind: type[Transient] | type[Blocked], bench: Bench
) -> None:
    bench.refusing["first"] = kind("no", code="LPF205")
    assert bench.reach() == "second"


def test_what_a_person_must_mend_is_told_rather_than_what_time_may_mend(bench: Bench) -> None:
    bench.refusing["first"] = Blocked("expired", code="LPF205")
    del bench.names.addresses["second"]
    with pytest.raises(Blocked, match="expired"):
        bench.reach()


def test_when_time_mends_it_all_every_host_is_told(bench: Bench) -> None:
    bench.refusing["first"] = Transient("first is down", code="LPF203")
    bench.refusing["second"] = Transient("second is down", code="LPF202")
    with pytest.raises(Transient, match="first is down; second is down") as raised:
        bench.reach()
    assert raised.value.code == "LPF202"


def test_a_second_connection_to_the_same_host_is_left_for_the_caller_to_verify(bench: Bench) -> None:
    bench.reach()
    assert bench.reach_next("first") == "first"
    assert bench.verified == ["first"]


def test_a_second_connection_goes_to_the_same_address_as_long_as_the_name_has_it(
    far_ends: tuple[FarEnd, FarEnd], bench: Bench
) -> None:
    here, there = (far_end.address for far_end in far_ends)
    bench.names.addresses["first"] = [here]
    bench.reach()
    bench.names.addresses["first"] = [there, here]
    bench.reach_next("first")
    bench.names.addresses["first"] = [there]
    bench.reach_next("first")

    asked = [connection.peer for connection in bench.opened]
    assert asked == [f"127.0.0.1:{port}" for port in (here[1], here[1], there[1])]


def test_a_resolver_that_is_down_does_not_end_a_link_that_is_up(bench: Bench) -> None:
    bench.reach()
    del bench.names.addresses["first"], bench.names.addresses["second"]
    assert bench.reach_next("first") == "first"


def test_a_resolver_that_hangs_delays_a_further_connection_by_a_moment_once_and_a_new_one_by_no_more() -> (
    None
):
    may_answer = threading.Event()
    with FarEnd() as far_end:
        bench = Bench(Names(first=[far_end.address], second=[]))
        bench.reach()
        find = bench.names

        def look_up(host: str, port: int) -> list[Address]:
            assert may_answer.wait(PATIENCE)
            return find(host, port)

        bench.hosts._lookups._look_up = look_up
        with Stopwatch() as first:
            assert bench.reach_next("first") == "first"
        with Stopwatch() as again:
            for _ in range(10):
                assert bench.reach_next("first") == "first"
        may_answer.set()
        bench.close()
    assert HASTE <= first.wall < PATIENCE / 2
    assert again.wall < 5 * HASTE


def test_a_second_connection_is_never_to_another_host(bench: Bench, far_ends: tuple[FarEnd, FarEnd]) -> None:
    bench.reach()
    far_ends[0].refuse()
    with pytest.raises(Transient):
        bench.reach_next("first")
    assert bench.verified == ["first"]


def test_who_is_wary_looks_whether_the_second_connection_lives() -> None:
    with Collector(list, manners=Manners(hangs_up=True)) as collector:
        bench = Bench(Names(first=[collector.address], second=[]))
        bench.reach()
        assert bench.reach_next("first") == "first"
        with pytest.raises(Transient):
            bench.reach_next("first", is_wary=True)
        bench.close()


def test_a_host_that_swallows_packets_is_found_beside_without_any_waiting() -> None:
    with black_hole() as hole, FarEnd() as far_end:
        bench = Bench(Names(first=[hole], second=[far_end.address]), connect_timeout=1.0)
        with Stopwatch() as once:
            assert bench.reach() == "second"
        bench.clock.later += 10.0
        with Stopwatch() as beside:
            for _ in range(10):
                assert bench.hosts.better("second") is None
                assert bench.reach_next("second") == "second"
        bench.hosts.give_up()
        bench.close()
    assert once.wall >= 1.0
    assert beside.wall < 5.0  # ten seconds if each of the ten had waited


def test_a_host_that_keeps_us_waiting_is_tried_last_at_the_next_link() -> None:
    with black_hole() as hole, FarEnd() as far_end:
        bench = Bench(Names(first=[hole], second=[far_end.address]), connect_timeout=1.0)
        bench.reach()
        with Stopwatch() as again:
            assert bench.reach() == "second"
        bench.clock.later += 10.0
        with Stopwatch() as later:
            assert bench.reach() == "second"
        bench.close()
    assert again.wall < 1.0
    assert later.wall >= 1.0


def test_abort_ends_the_walk_through_the_hosts() -> None:
    with black_hole() as hole, FarEnd() as far_end:
        bench = Bench(Names(first=[hole], second=[far_end.address]), connect_timeout=60.0)
        with a_moment_later(bench.wake.call), Stopwatch() as watch, pytest.raises(Transient) as raised:
            bench.reach()
    assert raised.value.code == "LPF290"
    assert watch.wall < PATIENCE / 2
    assert not bench.verified
