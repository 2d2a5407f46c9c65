"""When something is worth a report: the thresholds, and what they make of a source or a collector. Pure."""

from __future__ import annotations

from msgspec import Struct

from lpforwarder.delivery.certificates import THRESHOLDS
from lpforwarder.reporting.told import Down
from lpforwarder.reporting.view import CollectorView, SourceView


class Thresholds(Struct, frozen=True, kw_only=True):
    """Seconds, where nothing else is said."""

    failing: float = 60.0
    """A shorter failure is no news: most heal by themselves."""
    silent: float = 300.0
    """A source that has not answered for so long, and for `silent_polls` polls, is silent."""
    silent_polls: int = 10
    clock: float = 30.0
    """How far the clocks may disagree between two looks."""
    pause: float = 60.0
    """Between two reports of the same thing."""


USUAL = Thresholds()


def source_state(source: SourceView, thresholds: Thresholds) -> str:
    """`up`, `blocked`, `failing`, `silent`, or `` while nobody can say."""
    if source.state == "blocked":
        return "blocked"
    if source.error is not None:
        return "failing" if source.failing >= thresholds.failing else ""
    if source.state != "running":
        return ""
    if source.silent >= max(thresholds.silent_polls * source.poll_interval, thresholds.silent):
        return "silent"
    return "up" if source.last_poll is not None else ""


def collector_state(collector: CollectorView, thresholds: Thresholds) -> str:
    """`up`, `blocked`, `failing`, `stalled`, or `` while nobody can say.

    One that takes each connection and soon hangs up is failing, although it is up for moments; one that
    confirms nothing on any of them is stalled, whether it is connected at the moment or not.
    """
    if collector.state == "blocked":
        return "blocked"
    if _is_stalled(collector, thresholds):
        return "stalled"
    if collector.error is not None:
        return "failing" if collector.failing >= thresholds.failing else ""
    return "up" if collector.is_connected and not collector.failing else ""


def _is_stalled(collector: CollectorView, thresholds: Thresholds) -> bool:
    if collector.unmoved >= max(thresholds.failing, collector.patience):
        return True
    return collector.is_stalled and collector.failing >= thresholds.failing


def is_worse(state: str, down: Down | None) -> bool:
    """Whether a state must be told after what was told: that a person is needed is news at any time."""
    if state in ("", "up"):
        return False
    return down is None or (state == "blocked" and down.state != "blocked")


def warning(days_left: int) -> int | None:
    """The nearest of the warnings that are due for a certificate, in days; None while it lasts for long."""
    passed = [days for days in THRESHOLDS if (days_left <= days if days else days_left < 0)]
    return min(passed, default=None)
