"""What the log says about a journal that was damaged: while it is opened, and while it is read."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from lpforwarder.journal.notice import REBUILT
from lpforwarder.journal.rebuilding import Rebuilt
from lpforwarder.journal.scan import Gap

log = structlog.get_logger()

SAY_EVERY = 5.0  # seconds between two signs of life of a long salvage
UNREADABLE = "LPF508"
EXPIRED = "LPF512"


def tell_gap(gap: Gap) -> None:
    """One line for a gap: lost, asked for again, or removed before one collector came back for it."""
    if gap.collector:
        log.warning(
            "journal.expired",
            collector=gap.collector,
            code=EXPIRED,
            first=gap.first,
            count=gap.count,
            reason=gap.reason,
        )
    elif gap.count and not gap.is_loss:
        log.warning(
            "journal.asked_again", code=UNREADABLE, first=gap.first, count=gap.count, reason=gap.reason
        )
    else:
        log.error("journal.damaged", first=gap.first, count=gap.count, reason=gap.reason, code=UNREADABLE)


def tell_rebuilt(rebuilt: Rebuilt | None) -> None:
    """One line when a new journal had to be begun."""
    if rebuilt is not None:
        log.error(
            "journal.set_aside",
            code=REBUILT,
            reason=rebuilt.reason,
            file=rebuilt.aside or None,
            salvaged=rebuilt.events,
            lost=rebuilt.lost,
            asked_again=rebuilt.asked_again,
        )


class Salvaging:
    """Hears how many events a salvage has taken over; says so now and then, and keeps systemd patient."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        self._meanwhile = meanwhile
        self._events = 0
        self._told = time.monotonic()

    def __call__(self, events: int) -> None:
        self._events += events
        if time.monotonic() - self._told >= SAY_EVERY:
            self._told = time.monotonic()
            log.info("journal.salvaging", events=self._events)
            self._meanwhile()
