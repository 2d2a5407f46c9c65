"""One collector's poison: set aside durably, told once for each event, and noticed when all is refused.

Poison is what is wrong with one event. When one after the other is refused, something else is wrong: the
collector, or the configuration. Then setting aside would only fill its room and push out the oldest, so the
events stay where they are safe and wait.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import structlog

from lpforwarder.delivery.contract import DeliveryJournal
from lpforwarder.errors import Blocked
from lpforwarder.event import Poison

MOST_IN_A_ROW = 1000
"""Set aside without one event that was taken in between: far below what the room for them holds."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)

log = structlog.get_logger()


class SetAsides:
    """Sets aside for one collector; belongs to its thread."""

    def __init__(self, collector: str, journal: DeliveryJournal) -> None:
        self._collector = collector
        self._journal = journal
        self._unmade = 0
        self._refused = 0

    def unmade(self, poisons: Sequence[Poison], good: int) -> None:
        """Of these entries of a batch no message could be made, perhaps of none; of `good` others it could.

        Blocked (LPF604) when that has been so for too many in a row.
        """
        self._unmade = self._keep(poisons, 0 if good else self._unmade)

    def refused(self, poisons: Sequence[Poison], taken: int) -> None:
        """The collector refused these messages, perhaps none, and took `taken` others with them.

        Blocked (LPF604) when it has taken none for too long.
        """
        self._refused = self._keep(poisons, 0 if taken else self._refused)

    def _keep(self, poisons: Sequence[Poison], before: int) -> int:
        """How many there are in a row with these, which are durable then."""
        if not poisons:
            return before
        if before >= MOST_IN_A_ROW:
            raise _stuck(poisons[0])
        outcome = self._journal.set_aside(self._collector, poisons)
        for number, poison in outcome.fresh.items():
            self._tell(number, poison)
        for collector, count in outcome.lost.items():
            log.error(
                "event.dropped",
                collector=collector,
                code="LPF605",
                count=count,
                reason="the room for set-aside events is full; the oldest had to go, and nobody gets them",
                fix="look at the others: lpforwarder rejects list",
            )
        return before + len(outcome.fresh)

    def _tell(self, number: int, poison: Poison) -> None:
        log.error(
            "event.set_aside",
            collector=self._collector,
            code=poison.code,
            number=number,
            id=shown_id(poison.entry.event.text("id")),
            reason=poison.reason,
            fix=f"the others go on; see it: lpforwarder rejects show {number}",
        )


def shown_id(event_id: str) -> str:
    """The id if it is a UUID. One of another form is given from outside and may be anything, say a name."""
    return event_id if _UUID.match(event_id) else "(not a UUID)"


def _stuck(poison: Poison) -> Blocked:
    what = f"{MOST_IN_A_ROW:,} events in a row could not be handed over; the next one {poison.reason}"
    fix = (
        "mend the collector or its settings; events of one kind are left out with `exclude`. "
        "Those set aside: lpforwarder rejects list"
    )
    return Blocked(f"{what}; the others wait", code="LPF604", fix=fix)
