"""How often somebody may ask."""

from __future__ import annotations

from lpforwarder.endpoint.pace import Pace


class Now:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_a_burst_passes_and_then_only_the_rate() -> None:
    now = Now()
    pace = Pace(clock=now)
    assert [pace.wait_of("a", 2.0, 3.0) for _ in range(4)] == [0, 0, 0, 1]
    now.seconds += 0.5
    assert [pace.wait_of("a", 2.0, 3.0) for _ in range(2)] == [0, 1]


def test_names_do_not_take_from_each_other() -> None:
    pace = Pace(clock=Now())
    assert [pace.wait_of(name, 1.0, 1.0) for name in ("a", "b", "a")] == [0, 0, 1]


def test_a_slow_rate_tells_the_whole_time() -> None:
    pace = Pace(clock=Now())
    assert [pace.wait_of("a", 1 / 60, 1.0) for _ in range(2)] == [0, 60]


def test_a_pause_does_not_save_up_more_than_the_burst() -> None:
    now = Now()
    pace = Pace(clock=now)
    pace.wait_of("a", 1.0, 2.0)
    now.seconds += 1e6
    assert [pace.wait_of("a", 1.0, 2.0) for _ in range(3)] == [0, 0, 1]
