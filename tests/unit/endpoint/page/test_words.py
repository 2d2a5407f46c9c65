"""Numbers and times as people read them."""

from __future__ import annotations

from typing import Any

import pytest

from lpforwarder.endpoint.page.words import ago, count, octets, rank, receipt, span, state_of
from tests.fakes.facts import collector, error, source

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


@pytest.mark.parametrize(
    ("kind", "part", "words", "place"),
    [
        ("sources", source(), "running", 2),
        ("sources", source(state="waiting", error=error()), "cannot be read", 0),
        ("sources", source(state="waiting", error=error("LPF501")), "paused", 0),
        ("sources", source(state="blocked", error=error("LPF301")), "needs a person", 0),
        ("sources", source(alarms=[error("LPF318")]), "running", 1),
        ("sources", source(state="stopped"), "stopped", 1),
        ("collectors", collector(), "connected", 2),
        ("collectors", collector(connected_since=None), "running", 2),
        ("collectors", collector(state="waiting", error=error()), "unreachable", 0),
        ("collectors", collector(state="crashed", error=error("LPF900")), "crashed: a bug of ours", 0),
        ("collectors", collector(stalled_since=NOW), "stalled", 0),
        ("collectors", collector(state="waiting", error=error("LPF211"), stalled_since=NOW), "stalled", 0),
        ("collectors", collector(state="blocked", error=error(), stalled_since=NOW), "needs a person", 0),
        ("collectors", collector(set_aside=1), "connected", 1),
        ("collectors", collector(lost=1), "connected", 1),
    ],
)
def test_a_part_is_told_in_a_few_words_and_trouble_sorts_first(
    kind: str, part: dict[str, Any], words: str, place: int
) -> None:
    assert (state_of(kind, part), rank(part)) == (words, place)


def test_how_a_collector_confirms_is_told() -> None:
    assert [receipt(way) for way in ("close", "kernel", "relp", "", "new")] == [
        "its close",
        "its kernel only",
        "acknowledged",
        "–",
        "new",
    ]
