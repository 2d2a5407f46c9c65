"""How late events are when they are handed over."""

from __future__ import annotations

from typing import Any

from lpforwarder.delivery.lateness import Lateness
from lpforwarder.event import OWN, Event, Seq, Stretch, addressed_to

NOW = 1_767_225_600.0  # 2026-01-01T00:00:00Z


def entry(time: Any, source: str = "acme") -> Stretch:
    return Stretch(Seq(1), source, [Event.of({"id": "x", "timestamp": time}).line])


def noted(*stretches: Stretch) -> dict[str, Any]:
    lateness = Lateness(clock=lambda: NOW)
    lateness.note(stretches)
    return lateness.spread.as_json()


def count(*stretches: Stretch) -> int:
    counted: int = noted(*stretches)["buckets"][-1][1]
    return counted


def test_the_oldest_event_of_a_batch_counts_and_no_other() -> None:
    made = noted(entry("2025-12-31T23:59:20.000Z"), entry("2025-12-31T23:59:59.000Z"))
    assert made["sum"] == 40.0
    assert dict(made["buckets"])[30.0] == 0
    assert dict(made["buckets"])[60.0] == dict(made["buckets"])[None] == 1


def test_own_events_are_passed_over() -> None:
    own = (entry("2025-12-31T00:00:00.000Z", OWN), entry("2025-12-31T00:00:00.000Z", addressed_to("siem")))
    assert noted(*own, entry("2025-12-31T23:59:50.000Z"))["sum"] == 10.0
    assert count(*own) == 0


def test_an_event_without_a_time_of_our_form_does_not_count() -> None:
    assert count(entry("yesterday")) == 0
    assert count(entry(None)) == 0
    assert count(Stretch(Seq(1), "acme", [b'{"id":"x"}'])) == 0


def test_an_event_of_the_future_is_not_late() -> None:
    assert noted(entry("2026-01-01T00:00:05.000Z"))["sum"] == 0.0
    assert count(entry("2026-01-01T00:00:05.000Z")) == 1
