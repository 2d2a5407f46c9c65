"""The last 24 hours in steps of five minutes."""

from __future__ import annotations

from lpforwarder.endpoint.history import STEP, STEPS, History
from tests.fakes.facts import collector, error, facts, source


def events(history: History, kind: str = "sources", name: str = "acme") -> list[int]:
    return [step.events for step in history.steps(kind, name)]


def test_what_came_between_two_looks_is_counted_in_its_step() -> None:
    history = History()
    for number, total in enumerate((100, 103, 110, 110)):
        history.note(facts(sources={"acme": source(events=total)}), 1000.0 + number * STEP)
    assert events(history) == [0, 3, 7, 0]


def test_several_looks_in_one_step_add_up() -> None:
    history = History()
    for number, total in enumerate((0, 1, 2, 3, 4)):
        history.note(facts(sources={"acme": source(events=total)}), number * 60.0)
    assert events(history) == [4]


def test_a_pause_leaves_empty_steps_and_no_more_than_a_day_is_kept() -> None:
    history = History()
    history.note(facts(), 0.0)
    history.note(facts(), 3 * STEP)
    assert len(events(history)) == 4
    history.note(facts(), 1000 * STEP)
    assert len(events(history)) == STEPS


def test_a_trouble_stays_visible_in_its_step() -> None:
    history = History()
    history.note(facts(collectors={"siem": collector(error=error())}), 0.0)
    history.note(facts(), 60.0)
    history.note(facts(), STEP)
    assert [step.in_trouble for step in history.steps("collectors", "siem")] == [True, False]


def test_a_counter_that_began_anew_takes_nothing_away() -> None:
    history = History()
    for number, total in enumerate((10, 0, 5)):
        history.note(facts(sources={"acme": source(events=total)}), number * STEP)
    assert events(history) == [0, 0, 5]


def test_a_part_that_came_later_has_steps_since_then() -> None:
    history = History()
    history.note(facts(), 0.0)
    history.note(facts(sources={"acme": source(), "late": source()}), STEP)
    assert len(events(history, name="late")) == 1
    assert events(history, name="nobody") == []


def test_a_part_that_is_no_longer_configured_is_forgotten() -> None:
    history = History()
    history.note(facts(sources={"acme": source(), "gone": source()}), 0.0)
    history.note(facts(), STEP)
    assert events(history, name="gone") == []


def test_the_last_steps_alone_can_be_asked_for() -> None:
    history = History()
    for number, total in enumerate((0, 1, 3, 6)):
        history.note(facts(sources={"acme": source(events=total)}), number * STEP)
    assert [step.events for step in history.steps("sources", "acme", 3)] == [1, 2, 3]
    assert len(history.steps("sources", "acme", 9)) == 4
