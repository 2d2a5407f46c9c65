"""The search for a better host beside the present connection."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from lpforwarder.delivery.transports.connection import Connection, Wake
from lpforwarder.delivery.transports.dialing import Address, connect
from lpforwarder.delivery.transports.scouting import EVERY, Scout
from lpforwarder.errors import Transient
from tests.fakes.links import FarEnd
from tests.fakes.patience import PATIENCE, StandingClock, Stopwatch, fails, until


class Land:
    """Hosts that can be reached or not, and what became of those who tried."""

    def __init__(self, far_end: FarEnd) -> None:
        self.far_end = far_end
        self.healed: set[str] = set()
        self.tried: list[str] = []
        self.made: list[Connection] = []
        """Kept, so that nobody but the scout closes them."""
        self.is_open = threading.Event()
        self.is_open.set()
        self.clock = StandingClock()
        self.scout = Scout(self._reach, clock=self.clock)

    def _reach(self, host: str, wake: Wake) -> Connection:
        self.tried.append(host)
        assert self.is_open.wait(PATIENCE)
        if host not in self.healed:
            raise Transient("down")
        self.made.append(connect(Address(2, self.far_end.address), PATIENCE, wake))
        return self.made[-1]

    def look(self) -> str | None:
        """Starts a search and waits for its end."""
        assert self.scout.look(["first", "second"]) is None
        search = self.scout._search
        if search is None:
            return None
        until(lambda: search.is_over)
        found = self.scout.look(["first", "second"])
        if found is None:
            return None
        found[1].close()
        return found[0]


@pytest.fixture
def land(far_end: FarEnd) -> Iterator[Land]:
    land = Land(far_end)
    yield land
    for connection in land.made:
        connection.close()


def test_the_first_host_that_takes_us_is_found(land: Land) -> None:
    land.healed = {"second"}
    assert land.look() == "second"
    assert land.tried == ["first", "second"]
    land.clock.now += EVERY
    land.healed = {"first", "second"}
    assert land.look() == "first"


def test_nobody_is_bothered_more_often_than_every_so_often(land: Land) -> None:
    assert land.look() is None
    assert land.look() is None
    assert land.tried == ["first", "second"]
    land.clock.now += EVERY
    assert land.look() is None
    assert len(land.tried) == 4


def test_the_first_search_can_be_put_off(land: Land) -> None:
    land.scout.wait()
    assert land.look() is None
    assert land.tried == []


def test_looking_never_waits_and_there_is_one_search_at_a_time(land: Land) -> None:
    land.is_open.clear()
    with Stopwatch() as watch:
        for _ in range(100):
            assert land.scout.look(["first"]) is None
            land.clock.now += EVERY
    assert watch.wall < PATIENCE / 2
    until(lambda: land.tried == ["first"])
    land.is_open.set()


@pytest.mark.parametrize("is_found_before", [True, False])
def test_what_is_found_and_not_wanted_any_more_is_closed(is_found_before: bool, land: Land) -> None:
    land.healed = {"first"}
    if not is_found_before:
        land.is_open.clear()
    assert land.scout.look(["first"]) is None
    search = land.scout._search
    assert search is not None
    if is_found_before:
        until(lambda: search.is_over)
    land.scout.give_up()
    land.is_open.set()
    assert land.far_end.accept().recv(1) == b""


def test_what_is_found_at_the_very_moment_of_giving_up_is_closed(land: Land) -> None:
    land.healed = {"first"}
    reach = land.scout._reach

    def reach_too_late(host: str, wake: Wake) -> Connection:
        connection = reach(host, wake)
        until(lambda: land.scout._search is not None)
        land.scout.give_up()
        return connection

    land.scout._reach = reach_too_late
    assert land.scout.look(["first"]) is None
    assert land.far_end.accept().recv(1) == b""


def test_giving_up_ends_a_search_that_hangs(far_end: FarEnd) -> None:
    def reach(_: str, wake: Wake) -> Connection:
        while not wake.called:
            threading.Event().wait(0.001)
        raise Transient("given up")

    scout = Scout(reach)
    assert scout.look(["first"]) is None
    search = scout._search
    assert search is not None
    scout.give_up()
    until(lambda: search.is_over)


def test_a_find_that_has_changed_hands_obeys_its_new_owner(land: Land) -> None:
    land.healed = {"first"}
    assert land.scout.look(["first"]) is None
    search = land.scout._search
    assert search is not None
    until(lambda: search.is_over)
    found = land.scout.look(["first"])
    assert found is not None
    owner = Wake()
    found[1].obey(owner)
    search._wake.call()
    found[1].wait(0.01)
    owner.call()
    with fails("LPF290"):
        found[1].wait(PATIENCE)
    found[1].close()
