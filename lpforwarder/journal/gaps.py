"""What a journal knows to be missing, so that each place is told once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lpforwarder.journal.scan import ASKED_AGAIN, Gap, joined


class KnownGaps:
    """The gaps that concern everybody; used under a lock of the caller."""

    def __init__(self, gaps: Sequence[Gap]) -> None:
        self._gaps = [gap for gap in gaps if gap.count and not gap.collector]

    def first_at_end(self, last: int) -> int:
        """Where the gap begins that reaches beyond `last`, or last + 1: nothing can be read from there on."""
        return min((gap.first for gap in self._gaps if gap.end > last), default=last + 1)

    def unknown(self, gap: Gap) -> list[Gap]:
        """The parts of a gap that are not known yet."""
        parts = [range(gap.first, gap.end)]
        for known in self._gaps:
            parts = [
                part
                for one in parts
                for part in (
                    range(one.start, min(one.stop, known.first)),
                    range(max(one.start, known.end), one.stop),
                )
                if part
            ]
        return [replace(gap, first=part.start, count=len(part)) for part in parts]

    def add(self, gap: Gap) -> tuple[Gap, list[Gap]]:
        """Takes a gap in; the whole that it makes with those it touches, and those.

        What is asked of the sources again is no damage, and joins nothing.
        """
        damage = [known for known in self._gaps if known.reason != ASKED_AGAIN]
        whole, touched = joined(gap, damage) if gap.reason != ASKED_AGAIN else (gap, [])
        self._gaps = [*(known for known in self._gaps if known not in touched), whole]
        return whole, touched
