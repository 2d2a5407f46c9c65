from __future__ import annotations

import pytest

from lpforwarder import rfc3339
from lpforwarder.journal.clock_watch import STEADY, ClockWatch, boot_seconds
from tests.fakes.pages import TIME

HOUR, DAY = 3600.0, 86_400.0


class Clocks:
    """A wall clock that may be set, and one that may not."""

    def __init__(self) -> None:
        self.wall = rfc3339.parse(TIME) or 0
        self.even = 50.0

    def now(self) -> str:
        return rfc3339.render(self.wall)

    def go_on(self, seconds: float, jump: float = 0.0) -> None:
        self.even += seconds
        self.wall += round((seconds + jump) * 1000)

    def watch(self, last_seen: str = "") -> ClockWatch:
        return ClockWatch(self.now, last_seen, lambda: self.even)


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


def test_time_that_passes_is_no_jump(clocks: Clocks) -> None:
    watch = clocks.watch()
    for seconds in (0.0, 10.0, 7 * DAY):
        clocks.go_on(seconds, jump=30.0)
        assert watch.look() is None
    assert watch.is_steady
    assert watch.steady_in == 0.0


@pytest.mark.parametrize("jump", [HOUR, -HOUR, DAY, -DAY, 365 * DAY, 61.0])
def test_a_jump_is_told_once_and_ages_do_not_count_for_a_while(clocks: Clocks, jump: float) -> None:
    watch = clocks.watch()
    clocks.go_on(10.0, jump)
    assert watch.look() == pytest.approx(jump)
    assert not watch.is_steady
    clocks.go_on(10.0)
    assert watch.look() is None
    assert watch.steady_in == pytest.approx(STEADY - 10.0)
    clocks.go_on(STEADY)
    assert watch.is_steady


def test_a_clock_set_right_again_is_a_jump_as_well(clocks: Clocks) -> None:
    watch = clocks.watch()
    clocks.go_on(1.0, DAY)
    watch.look()
    clocks.go_on(STEADY / 2, -DAY)
    assert watch.look() == pytest.approx(-DAY)
    assert watch.steady_in == STEADY


@pytest.mark.parametrize(
    ("silence", "is_steady"), [(10.0, True), (HOUR, True), (30 * DAY, False), (-30.0, True), (-HOUR, False)]
)
def test_a_long_silence_and_a_step_back_before_the_start_make_it_wait(
    clocks: Clocks, silence: float, is_steady: bool
) -> None:
    seen = clocks.now()
    clocks.wall += round(silence * 1000)
    assert clocks.watch(seen).is_steady is is_steady


def test_without_knowing_when_it_was_last_at_work_the_clock_is_believed(clocks: Clocks) -> None:
    assert clocks.watch("").is_steady


def test_the_even_clock_goes_on() -> None:
    before = boot_seconds()
    assert boot_seconds() >= before > 0
