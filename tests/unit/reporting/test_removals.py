"""What a SIEM hears of what is removed while it is in trouble."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from lpforwarder.delivery.formats.cef import CefFormat, CefOptions
from lpforwarder.event import Event
from lpforwarder.own_events import About, Stamp
from lpforwarder.reporting import removals
from tests.fakes import strict_cef

SINCE, NOW = "2026-11-22T11:58:30.000Z", "2026-11-22T12:00:00.000Z"
STAMP = Stamp(life="here", number=1, time=NOW)
TROUBLE = "was removed from the configuration; it had been in trouble for 1m30s."


@pytest.mark.parametrize(
    ("event_id", "sentence", "make"),
    [
        ("8006", f"Source acme {TROUBLE}", partial(removals.source_removed, source="acme", since=SINCE)),
        (
            "8008",
            f"Collector siem {TROUBLE}",
            partial(removals.collector_removed, collector="siem", since=SINCE),
        ),
        (
            "8015",
            "Collector siem: the alarm LPF220 is over: it was removed from the configuration.",
            partial(removals.alarm_removed, about=About(kind="collector", name="siem"), code="LPF220"),
        ),
    ],
)
def test_it_ends_as_a_recovery_does_and_says_that_it_is_none(
    event_id: str, sentence: str, make: Callable[[Stamp], Event]
) -> None:
    event = make(STAMP)
    assert (event.text("eventId"), event.text("result")) == (event_id, "success")
    assert event.text("message") == sentence
    assert event.text("reason") == "it was removed from the configuration"
    arrived = set(strict_cef.read(CefFormat(CefOptions()).format(event)).extension.values())
    assert {event.text(name) for name in event.fields.keys() - {"eventId", "severity"}} <= arrived


def test_nobody_counts_what_waits_for_a_collector_that_is_gone() -> None:
    event = removals.collector_removed(STAMP, collector="siem", since=SINCE)
    assert (event.fields["seconds"], "eventsWaited" in event.fields) == (90, False)
