from __future__ import annotations

import pytest

from bench.medians import Spread, percentile, ratios, spread


def test_a_spread_has_the_middle_and_both_ends() -> None:
    assert spread([3.0, 1.0, 8.0]) == Spread(median=3.0, least=1.0, most=8.0, runs=3)


def test_ratios_are_taken_round_by_round() -> None:
    # The machine was ten times slower in the second round; that does not change who is faster.
    assert ratios([20.0, 2.0], [10.0, 1.0]) == Spread(median=2.0, least=2.0, most=2.0, runs=2)


def test_rounds_must_be_pairs() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratios([1.0, 2.0], [1.0])


@pytest.mark.parametrize(("percent", "value"), [(50, 50), (99, 99), (100, 100), (1, 1)])
def test_a_percentile_is_one_of_the_values(percent: float, value: float) -> None:
    assert percentile([float(number) for number in range(100, 0, -1)], percent) == value


def test_of_one_value_every_percentile_is_that_value() -> None:
    assert percentile([7.0], 50) == percentile([7.0], 99) == 7.0
