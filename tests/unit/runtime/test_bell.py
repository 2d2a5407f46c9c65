"""A bell that one worker sleeps on, and those that are rung together."""

from __future__ import annotations

import select
import threading

import pytest

from lpforwarder.runtime.bell import Bell, Bells, SelectableBell
from tests.fakes.patience import PATIENCE, Stopwatch, beside, until

LONG = 3600.0


def test_a_ring_ends_a_sleep() -> None:
    bell, woken = Bell(), threading.Event()

    def sleep() -> None:
        bell.wait(LONG)
        woken.set()

    with beside(sleep):
        bell.ring()
        assert woken.wait(PATIENCE)


def test_a_ring_before_the_sleep_is_not_lost() -> None:
    bell = Bell()
    bell.ring()
    with Stopwatch() as watch:
        bell.wait(LONG)
    assert watch.wall < PATIENCE


def test_many_rings_end_one_sleep() -> None:
    bell = Bell()
    bell.ring()
    bell.ring()
    bell.wait(LONG)
    with Stopwatch() as watch:
        bell.wait(0.05)
    assert watch.wall >= 0.05


def test_all_are_rung_and_only_while_they_ask_for_it() -> None:
    bells, heard = Bells(), list[str]()
    with bells.ringing(lambda: heard.append("a")):
        with bells.ringing(lambda: heard.append("b")):
            bells.ring()
        bells.ring()
    bells.ring()
    assert heard == ["a", "b", "a"]


def test_a_bell_is_rung_no_more_after_a_failure() -> None:
    bells, heard = Bells(), list[str]()
    with pytest.raises(ZeroDivisionError), bells.ringing(lambda: heard.append("a")):
        raise ZeroDivisionError
    bells.ring()
    assert heard == []


def test_nobody_is_rung_after_the_end_of_its_block() -> None:
    """Whoever was being rung at the end of its block is waited for: what it rings may be gone then."""
    bells, began, go_on = Bells(), threading.Event(), threading.Event()
    told: list[str] = []

    def slow() -> None:
        began.set()
        assert go_on.wait(PATIENCE)
        told.append("rung")

    def stay() -> None:
        with bells.ringing(slow):
            assert began.wait(PATIENCE)
            told.append("leaves")
        told.append("has left")

    with beside(stay):
        until(lambda: bool(bells._rings))
        with beside(bells.ring):
            until(lambda: told == ["leaves"])
            go_on.set()
    assert told == ["leaves", "rung", "has left"]


def test_one_to_select_for_can_be_heard_until_it_was_cleared() -> None:
    def is_heard() -> bool:
        return bool(select.select([bell], [], [], 0)[0])

    with SelectableBell() as bell:
        bell.clear()
        assert not is_heard()
        bell.ring()
        bell.ring()
        assert is_heard()
        assert is_heard()
        bell.clear()
        assert not is_heard()


def test_one_to_select_for_ends_a_sleep() -> None:
    heard = threading.Event()

    def sleep() -> None:
        select.select([bell], [], [], LONG)
        heard.set()

    with SelectableBell() as bell, beside(sleep):
        bell.ring()
        assert heard.wait(PATIENCE)
