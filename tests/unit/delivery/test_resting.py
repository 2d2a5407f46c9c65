"""How long a collector's loop sleeps."""

from __future__ import annotations

import pytest

from lpforwarder.delivery.rate import Rate
from lpforwarder.delivery.resting import BUSY, LIVELY, MOMENT, QUIET, Resting
from lpforwarder.delivery.transports.connection import AT_ONCE
from lpforwarder.delivery.transports.liveness import SILENCE
from tests.fakes.patience import StandingClock


def test_in_a_quiet_hour_it_looks_seldom() -> None:
    assert Resting(None, StandingClock()).seconds(0, is_held=False) == QUIET


def test_what_is_unconfirmed_is_looked_at_all_the_time() -> None:
    assert Resting(None, StandingClock()).seconds(1, is_held=False) == BUSY


def test_a_moment_after_something_happened_it_looks_more_often() -> None:
    clock = StandingClock()
    resting = Resting(None, clock)
    resting.stirs()
    assert resting.seconds(0, is_held=False) == LIVELY
    clock.now += MOMENT
    assert resting.seconds(0, is_held=False) == QUIET


@pytest.mark.parametrize(("per_second", "seconds"), [(1000.0, BUSY), (4.0, 0.25), (1 / 60, LIVELY)])
def test_it_wakes_up_when_the_rate_allows_more(per_second: float, seconds: float) -> None:
    clock = StandingClock()
    rate = Rate(per_second, clock())
    rate.spend(rate.allowed(clock()))
    resting = Resting(rate, clock)
    assert resting.seconds(0, is_held=True) == pytest.approx(seconds, abs=0.031)
    assert resting.seconds(0, is_held=False) == QUIET


def test_a_dead_peer_is_noticed_within_thirty_seconds_on_an_idle_link() -> None:
    """As docs/reliability.md promises: it has been silent for SILENCE, and then somebody must look."""
    assert SILENCE + QUIET < 30.0


def test_a_collector_that_hangs_up_at_once_is_known_as_one_that_does() -> None:
    """LPF221 is what a link that ends within AT_ONCE ends with; whoever looks later takes it for LPF212."""
    assert LIVELY < AT_ONCE < MOMENT
