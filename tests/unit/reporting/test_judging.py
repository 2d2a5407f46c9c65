"""When a source or a collector counts as down, and when a certificate is worth a word."""

from __future__ import annotations

import pytest

from lpforwarder.reporting.judging import USUAL, collector_state, is_worse, source_state, warning
from lpforwarder.reporting.told import Down
from lpforwarder.reporting.view import CollectorView, SourceView
from lpforwarder.runtime.worker import WorkerError

ERROR = WorkerError(code="LPF202", text="refused")
POLLED = "2026-11-22T12:00:00.000Z"


@pytest.mark.parametrize(
    ("source", "state"),
    [
        (SourceView(state="running", last_poll=POLLED), "up"),
        (SourceView(state="running"), ""),
        (SourceView(state="waiting", error=ERROR, failing=59.9), ""),
        (SourceView(state="waiting", error=ERROR, failing=60.0), "failing"),
        (SourceView(state="crashed", error=ERROR, failing=60.0), "failing"),
        (SourceView(state="blocked", error=ERROR), "blocked"),
        (SourceView(state="running", last_poll=POLLED, failing=600.0), "up"),
        (SourceView(state="stopped", last_poll=POLLED, silent=1e6), ""),
        (SourceView(state="running", silent=299.9, poll_interval=1.0), ""),
        (SourceView(state="running", silent=300.0, poll_interval=1.0), "silent"),
        (SourceView(state="running", last_poll=POLLED, silent=599.9, poll_interval=60.0), "up"),
        (SourceView(state="running", last_poll=POLLED, silent=600.0, poll_interval=60.0), "silent"),
    ],
)
def test_a_source_is_judged_by_its_errors_and_its_silence(source: SourceView, state: str) -> None:
    assert source_state(source, USUAL) == state


@pytest.mark.parametrize(
    ("collector", "state"),
    [
        (CollectorView(state="running", is_connected=True), "up"),
        (CollectorView(state="running"), ""),
        (CollectorView(state="waiting", error=ERROR, failing=59.9), ""),
        (CollectorView(state="waiting", error=ERROR, failing=60.0), "failing"),
        (CollectorView(state="blocked", error=ERROR), "blocked"),
        (CollectorView(state="stopped"), ""),
        (CollectorView(state="running", is_connected=True, unmoved=59.9, patience=60.0), "up"),
        (CollectorView(state="running", is_connected=True, unmoved=60.0, patience=60.0), "stalled"),
        (CollectorView(state="running", is_connected=True, unmoved=99.0, patience=100.0), "up"),
        # On whatever connections, and in the pauses between them.
        (CollectorView(state="running", unmoved=1e6), "stalled"),
        (CollectorView(state="waiting", error=ERROR, failing=1.0, unmoved=60.0, patience=60.0), "stalled"),
        (CollectorView(state="waiting", error=ERROR, failing=60.0, unmoved=50.0), "failing"),
        (CollectorView(state="waiting", error=ERROR, failing=59.9, is_stalled=True), ""),
        (CollectorView(state="waiting", error=ERROR, failing=60.0, is_stalled=True), "stalled"),
        (CollectorView(state="running", error=ERROR, is_connected=True, is_stalled=True), ""),
        (CollectorView(state="blocked", error=ERROR, unmoved=1e6, is_stalled=True), "blocked"),
        # One that hangs up on every connection is up for a moment now and then.
        (CollectorView(state="running", is_connected=True, failing=3600.0), ""),
    ],
)
def test_a_collector_is_judged_by_its_failures_until_a_run_was_good(
    collector: CollectorView, state: str
) -> None:
    assert collector_state(collector, USUAL) == state


@pytest.mark.parametrize(
    ("state", "before", "is_news"),
    [
        ("up", None, False),
        ("", None, False),
        ("failing", None, True),
        ("silent", None, True),
        ("blocked", None, True),
        ("failing", "silent", False),
        ("blocked", "failing", True),
        ("blocked", "blocked", False),
        ("failing", "blocked", False),
        ("", "blocked", False),
    ],
)
def test_after_a_report_only_the_need_for_a_person_is_news(
    state: str, before: str | None, is_news: bool
) -> None:
    down = None if before is None else Down(state=before, since=POLLED)
    assert is_worse(state, down) == is_news


@pytest.mark.parametrize(
    ("days", "warned"),
    [(400, None), (31, None), (30, 30), (15, 30), (14, 14), (4, 14), (3, 3), (0, 3), (-1, 0), (-99, 0)],
)
def test_a_certificate_is_warned_of_30_14_and_3_days_ahead_and_at_its_end(
    days: int, warned: int | None
) -> None:
    assert warning(days) == warned
