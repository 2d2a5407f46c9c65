from __future__ import annotations

from pathlib import Path

import pytest

from bench.guarding import Trend, drawn, read, report, write
from bench.medians import spread


@pytest.mark.parametrize(
    ("rounds", "says"),
    [
        ([0.30, 0.31, 0.32], "no change"),
        ([0.30, 0.90, 0.90], "no change"),  # one round as good as ever: the others had bad luck
        ([0.50, 0.55, 0.60], "::warning::"),
        ([0.10, 0.11, 0.12], "better"),
    ],
)
def test_only_what_noise_cannot_explain_is_a_warning(rounds: list[float], says: str) -> None:
    told = report(spread(rounds), Trend(ratio=0.30, history=(("2026-01-01", 0.30),)))
    assert says in told
    assert says == "::warning::" or "::warning::" not in told


def test_without_anything_stored_it_says_so() -> None:
    assert "nothing is stored" in report(spread([0.3]), None)


def test_what_is_recorded_is_what_the_next_run_compares_with(tmp_path: Path) -> None:
    file = tmp_path / "ratios.json"
    assert read(file) is None
    write(file, Trend(ratio=0.3, history=(("2026-01-01", 0.3),)).with_("2026-01-02", 0.25))
    assert read(file) == Trend(ratio=0.25, history=(("2026-01-01", 0.3), ("2026-01-02", 0.25)))


def test_the_trend_forgets_what_is_long_ago() -> None:
    trend = Trend(ratio=1.0)
    for day in range(100):
        trend = trend.with_(str(day), 1.0)
    assert len(trend.history) == 30
    assert trend.history[-1] == ("99", 1.0)


def test_bars_are_as_high_as_their_values() -> None:
    assert drawn([1.0, 0.0, 0.5]) == "█▁▅"
