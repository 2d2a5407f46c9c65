"""Several hosts of one collector: which one is taken, and when the first one is taken again."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from lpforwarder.delivery.transports.connection import Connection, Wake
from lpforwarder.delivery.transports.dialing import Address
from lpforwarder.delivery.transports.failures import unresolved
from lpforwarder.delivery.transports.hosts import Hosts
from lpforwarder.errors import Blocked, Failure, Transient
from tests.fakes.links import (
    FarEnd,
    black_hole,
)
from tests.fakes.patience import (
    LaterClock,
    Stopwatch,
    a_moment_later,
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

    def reach_next(self, host: str) -> str:
        reached, connection = self.hosts.reach_next(host, self.opened[-1])
        self.opened.append(connection)
        return reached

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


def test_the_next_host_is_taken_when_the_first_is_down_and_the_first_again_when_it_heals(
    bench: Bench,
) -> None:
    address = bench.names.addresses.pop("first")
    assert bench.reach() == "second"
    bench.names.addresses["first"] = address
    bench.clock.later += 0.5
    assert bench.reach_next("second") == "first"
    assert bench.verified == ["second", "first"]


@pytest.mark.parametrize("kind", [Transient, Blocked])
def test_a_host_that_cannot_be_verified_does_not_hide_one_that_can(
    kind: type[Transient] | type[Blocked], bench: Bench
) -> None:
    bench.refusing["first"] = kind("no", code="LPF205")
    assert bench.reach() == "second"
    assert bench.reach_next("second") == "second"


def test_what_a_person_must_mend_is_told_rather_than_what_time_may_mend(bench: Bench) -> None:
    bench.refusing["first"] = Blocked("expired", code="LPF205")
    del bench.names.addresses["second"]
    with pytest.raises(Blocked, match="expired"):
        bench.reach()


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


def test_a_host_that_swallows_packets_is_not_waited_for_at_each_fence() -> None:
    with black_hole() as hole, FarEnd() as far_end:
        bench = Bench(Names(first=[hole], second=[far_end.address]), connect_timeout=0.3)
        with Stopwatch() as once:
            assert bench.reach() == "second"
        with Stopwatch() as soon:
            assert bench.reach_next("second") == "second"
        bench.clock.later += 10.0
        with Stopwatch() as later:
            assert bench.reach_next("second") == "second"
        bench.close()
    assert once.wall >= 0.3
    assert soon.wall < 0.3
    assert later.wall >= 0.3


def test_a_host_that_refuses_at_once_is_asked_again_at_once(bench: Bench) -> None:
    bench.refusing["first"] = Transient("no")
    bench.reach()
    bench.refusing.clear()
    bench.clock.later += 0.5
    assert bench.reach_next("second") == "first"


def test_abort_ends_the_walk_through_the_hosts() -> None:
    with black_hole() as hole, FarEnd() as far_end:
        bench = Bench(Names(first=[hole], second=[far_end.address]), connect_timeout=60.0)
        with a_moment_later(bench.wake.call), Stopwatch() as watch, pytest.raises(Transient) as raised:
            bench.reach()
    assert raised.value.code == "LPF290"
    assert watch.wall < 0.5
    assert not bench.verified
