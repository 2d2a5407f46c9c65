"""What became of one scenario: a line for people, a JSON line for the report."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Scale = Literal["short", "full"]

MINUTES, FAULTS = "minutes of faults", "faults"
"""Figures of a mix of faults; a full run of one gets a line of its own in the report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The verdict of one scenario; it passed when nothing stands in `failures`."""

    id: str
    name: str
    seed: int
    scale: Scale
    sent: int = 0
    """Events of the truth lists."""
    lost: int = 0
    """Events missing at a collector that should have them, over all collectors, or lost in the journal."""
    dup: int = 0
    """Copies beyond the first, over all collectors."""
    dup_allowed: int | None = None
    """The most copies that fences and replay permit; None where no bound applies."""
    recovery_s: float | None = None
    """Worst time from the repair until all that waited had arrived; None where nothing is repaired."""
    message_ok: bool = True
    """Whether log or status said what they should."""
    seconds: float = 0.0
    processor_s: float = 0.0
    """Seconds of computing, of everything that took part."""
    figures: dict[str, float | int | str] = field(default_factory=dict)
    """What else was measured, by its name."""
    failures: tuple[str, ...] = ()
    """What was not as it should be, one sentence each."""

    @property
    def passed(self) -> bool:
        """Whether everything was as it should be."""
        return not self.failures

    def line(self) -> str:
        """`id seed lost dup recovery_s message_ok`, then what it was."""
        allowed = "" if self.dup_allowed is None else f"/{self.dup_allowed}"
        recovery = "-" if self.recovery_s is None else f"{self.recovery_s:.2f}"
        verdict = "ok" if self.passed else "FAILED"
        return (
            f"{self.id:>3} seed={self.seed} lost={self.lost} dup={self.dup}{allowed} recovery_s={recovery} "
            f"message_ok={str(self.message_ok).lower()} {verdict}  {self.name} "
            f"({self.sent:,} events, {self.seconds:.0f} s, computing {self.processor_s:.0f} s)"
        )

    def as_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self) | {"passed": self.passed})


def from_json(line: str) -> Outcome:
    """The outcome that as_json() wrote; KeyError or ValueError for anything else."""
    made: dict[str, Any] = json.loads(line)
    del made["passed"]
    return Outcome(**made | {"failures": tuple(made["failures"])})
