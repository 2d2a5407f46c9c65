"""How many events may go in a second."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.delivery.rate import Rate


def test_a_second_of_the_rate_may_go_at_once_and_then_as_much_as_time_passes() -> None:
    rate = Rate(500.0, 0.0)
    assert rate.allowed(0.0) == 500
    rate.spend(500)
    assert rate.allowed(0.0) == 0
    assert rate.allowed(0.1) == 50
    assert rate.allowed(3600.0) == 500


def test_less_than_one_a_second_goes_one_by_one() -> None:
    rate = Rate(30 / 60, 0.0)
    assert rate.allowed(0.0) == 1
    rate.spend(1)
    assert rate.allowed(1.9) == 0
    assert rate.allowed(2.1) == 1


def test_the_wait_ends_when_a_portion_worth_writing_may_go() -> None:
    rate = Rate(500.0, 0.0)
    rate.spend(500)
    wait = rate.wait(0.0)
    assert 0.0 < wait <= 0.1
    assert rate.allowed(wait) == 25
    assert rate.wait(wait) == 0.0


def test_the_wait_for_a_slow_rate_is_for_one_event() -> None:
    rate = Rate(0.5, 0.0)
    rate.spend(1)
    assert rate.wait(0.0) == 2.0
    assert rate.allowed(rate.wait(0.0)) == 1


@given(st.floats(0.01, 10_000), st.lists(st.tuples(st.floats(0.0, 5.0), st.integers(0, 5000)), max_size=50))
def test_never_more_goes_than_the_rate_and_one_burst(
    per_second: float, steps: list[tuple[float, int]]
) -> None:
    rate, now, sent = Rate(per_second, 0.0), 0.0, 0
    for pause, wanted in steps:
        now += pause
        count = min(wanted, rate.allowed(now))
        rate.spend(count)
        sent += count
        assert sent <= now * per_second + max(per_second, 1.0) + 1e-6
