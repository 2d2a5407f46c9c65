"""Numbers and times as people read them."""

from __future__ import annotations

import pytest

from lpforwarder.endpoint.page.words import ago, count, octets, span

NOW = "2026-11-22T20:00:00.000Z"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 s"),
        (-5, "0 s"),
        (40, "40 s"),
        (65, "1 min"),
        (7800, "2 h 10 min"),
        (3600, "1 h"),
        (270_000, "3 d 3 h"),
        (86_400 + 59, "1 d"),
    ],
)
def test_a_span_has_two_units_at_most(seconds: float, expected: str) -> None:
    assert span(seconds) == expected


def test_times_are_told_from_now() -> None:
    assert ago("2026-11-22T19:59:20.000Z", NOW) == "40 s ago"
    assert ago("2026-11-22T20:00:41.000Z", NOW) == "in 41 s"
    assert ago(None, NOW) == ago("never", NOW) == "–"


def test_sizes_and_counts_are_short() -> None:
    assert [octets(number) for number in (0, 999, 214_000_000, 5e15)] == [
        "0 B",
        "999 B",
        "214 MB",
        "5000.0 TB",
    ]
    assert [count(number, "event") for number in (0, 1, 48112)] == ["0 events", "1 event", "48,112 events"]
