from __future__ import annotations

import pytest

from lpforwarder.errors import Transient
from lpforwarder.journal.held import TRY_EVERY, HeldPlaces
from lpforwarder.journal.rows import Move
from tests.unit.journal.conftest import Bench

FAILURE = Transient("no room", code="LPF501")


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def held(time: Time) -> HeldPlaces:
    return HeldPlaces(time)


def test_nothing_is_held_at_first(held: HeldPlaces) -> None:
    assert (held.of("siem"), held.failure, held.may_try) == (None, None, True)
    assert held.all() == {}


def test_a_place_is_held_until_it_is_written(held: HeldPlaces, time: Time) -> None:
    held.keep("siem", Move(to=3, resume=2), FAILURE)
    assert (held.of("siem"), held.failure, held.may_try) == (Move(to=3, resume=2), FAILURE, False)
    time.now += TRY_EVERY
    assert held.may_try
    held.keep("archive", Move(to=1, resume=1))
    held.written("siem")
    assert held.failure is FAILURE  # the other one still waits
    held.written("archive")
    assert held.failure is None
    assert held.all() == {}


def test_two_moves_are_one() -> None:
    first = Move(to=5, resume=4, clean=True, sent=1, confirmed=2, replayed=3)
    second = Move(to=3, resume=9, sent=10, confirmed=20, replayed=30)
    assert second.after(first) == Move(to=5, resume=5, sent=10, confirmed=22, replayed=33)
    assert second.after(None) == second


def test_facts_show_places_that_are_held(bench: Bench, held: HeldPlaces) -> None:
    journal = bench.open()
    journal.register("siem", "oldest")
    facts = journal.facts()
    assert held.over(facts) is facts
    held.keep("siem", Move(to=3, resume=2, confirmed=3))
    held.keep("nobody", Move(to=9, resume=9))
    row = held.over(facts).collectors["siem"]
    assert (row.checkpoint, row.resume, row.confirmed) == (3, 2, 3)
    assert set(held.over(facts).collectors) == {"siem"}
