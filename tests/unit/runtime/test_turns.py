from __future__ import annotations

import threading

import pytest

from lpforwarder.runtime.turns import Turns
from tests.fakes.clock import FakeClock


class Guest:
    """A thread that takes a turn and keeps it until told to go."""

    def __init__(self, turns: Turns) -> None:
        self.inside = threading.Event()
        self._go = threading.Event()
        self._turns = turns
        self._thread = threading.Thread(target=self._visit, daemon=True)
        self._thread.start()

    def may_go(self) -> None:
        self._go.set()

    def leave(self) -> None:
        self.may_go()
        self._thread.join(10)

    def _visit(self) -> None:
        with self._turns:
            self.inside.set()
            self._go.wait(10)


def came_in(guest: Guest) -> bool:
    return guest.inside.wait(10)


def test_who_comes_when_all_turns_are_taken_waits_for_one_to_end() -> None:
    clock = FakeClock()
    turns = Turns(most=2, clock=clock)
    first, second = Guest(turns), Guest(turns)
    assert came_in(first)
    assert came_in(second)
    third = Guest(turns)
    clock.until_waiting()
    assert not third.inside.is_set()
    first.leave()
    assert came_in(third)
    second.leave()
    third.leave()


def test_a_turn_that_takes_long_holds_up_nobody() -> None:
    clock = FakeClock()
    turns = Turns(most=1, slow=0.25, clock=clock)
    slow = Guest(turns)
    assert came_in(slow)
    second = Guest(turns)
    clock.until_waiting()
    clock.advance(0.2)
    clock.until_waiting()
    assert not second.inside.is_set()
    clock.advance(0.1)
    assert came_in(second)
    second.leave()
    slow.leave()


def test_one_clock_watcher_is_enough_for_all_who_wait() -> None:
    clock = FakeClock()
    turns = Turns(most=1, clock=clock)
    inside = Guest(turns)
    assert came_in(inside)
    guests = [Guest(turns) for _ in range(5)]
    clock.until_waiting()
    clock.advance(0.1)
    clock.until_waiting()
    with pytest.raises(AssertionError):
        clock.until_waiting(2, within=0.01)
    for guest in (inside, *guests):  # each turn that ends lets one in, whoever that is
        guest.may_go()
    assert all(came_in(guest) for guest in guests)


def test_a_turn_ends_with_its_failure() -> None:
    turns = Turns(most=1)
    with pytest.raises(KeyError), turns:
        raise KeyError
    with turns:
        pass
