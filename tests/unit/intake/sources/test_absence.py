"""A gap of rotation is short; a file that is gone, or never was, is not."""

from __future__ import annotations

from lpforwarder.intake.sources.absence import Absence
from tests.fakes.patience import StandingClock


def test_a_file_that_was_never_seen_is_missed_at_once() -> None:
    assert not Absence(30.0, StandingClock()).is_short()


def test_a_gap_is_short_for_its_grace_and_each_gap_has_its_own() -> None:
    clock = StandingClock()
    absence = Absence(30.0, clock)
    for _ in range(3):
        absence.ends()
        assert absence.is_short()
        clock.now += 29.9
        assert absence.is_short()
    clock.now += 0.2
    assert not absence.is_short()
    absence.ends()
    assert absence.is_short()
