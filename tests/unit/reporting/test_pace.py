"""The same thing is told once a minute, with a count, and never forgotten while it lasts."""

from __future__ import annotations

from lpforwarder.own_events import clock_jumped
from lpforwarder.reporting.changes import Change
from lpforwarder.reporting.pace import Pace


def change(key: str) -> Change:
    return Change(key=key, event=lambda stamp: clock_jumped(stamp, seconds=1.0), after=lambda told: told)


def told(pace: Pace, now: float, *keys: str) -> list[tuple[str, int]]:
    return [(one.key, repeated) for one, repeated in pace.admitted([change(key) for key in keys], now)]


def test_the_first_of_each_is_told_at_once() -> None:
    pace = Pace(60.0)
    assert told(pace, 1000.0, "down siem", "gap") == [("down siem", 0), ("gap", 0)]


def test_the_same_again_waits_until_a_minute_is_over() -> None:
    pace = Pace(60.0)
    told(pace, 1000.0, "down siem")
    assert told(pace, 1030.0, "down siem", "down other") == [("down other", 0)]
    assert told(pace, 1059.9, "down siem") == []
    assert told(pace, 1060.0, "down siem") == [("down siem", 0)]


def test_what_came_and_went_untold_is_counted() -> None:
    pace = Pace(60.0)
    told(pace, 1000.0, "down siem")
    for at in (1010.0, 1020.0, 1030.0):
        assert told(pace, at, "down siem") == []
        assert told(pace, at + 1) == []
    assert told(pace, 1200.0, "down siem") == [("down siem", 3)]
    assert told(pace, 1300.0, "down siem") == [("down siem", 0)]


def test_what_lasts_until_it_is_told_counts_once_however_often_it_is_seen() -> None:
    pace = Pace(60.0)
    told(pace, 1000.0, "down siem")
    told(pace, 1010.0, "down siem")
    told(pace, 1020.0)
    for at in range(1030, 1060):
        assert told(pace, float(at), "down siem") == []
    assert told(pace, 1060.0, "down siem") == [("down siem", 1)]


def test_what_was_not_told_for_long_is_not_remembered() -> None:
    pace = Pace(60.0)
    for number in range(1000):
        told(pace, 1000.0 + number * 100, f"down {number}")
    assert len(pace._told) == 1
