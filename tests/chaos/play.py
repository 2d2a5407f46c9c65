"""What a scenario is, and what it gets to work with: a seed, a folder, a size, a sheet for the verdict."""

from __future__ import annotations

import random
import resource
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from tests.chaos.outcome import Outcome, Scale

T = TypeVar("T")

_TELL_EVERY = 5.0  # seconds between two words on progress
_MOST_FAILURES = 20  # sentences that are kept; the first ones tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One fault and what must come of it."""

    id: str
    """As in the table: its number, with a letter where one number stands for several runs."""
    name: str
    """The fault in a few words."""
    expected: str
    """What must come of it, for the report."""
    run: Callable[[Play], None]
    is_ours: bool = True
    """False for the same accident behind somebody else's forwarding, where losses are no failure."""
    peers: bool = False
    """Needs rsyslog and syslog-ng."""
    space: tuple[str, ...] = ()
    """Name spaces of its own, as options of unshare: `--mount`, `--net`."""
    load: float = 1.0
    """How much of a processor it takes; one that mostly waits takes little."""
    limit: tuple[float, float] = (150.0, 3600.0)
    """Seconds after which it is given up, short and full."""

    @property
    def place(self) -> tuple[bool, int, str]:
        """Sorts by the number in the table; those of others come last."""
        digits = "".join(sign for sign in self.id if sign.isdigit())
        return not self.is_ours, int(digits or 0), self.id


class Play:
    """One run of a scenario: everything random comes from its seed, everything found goes onto its sheet."""

    def __init__(
        self,
        scenario: Scenario,
        *,
        seed: int,
        scale: Scale,
        folder: Path,
        tell: Callable[[str], object],
        lasts: float | None = None,
    ) -> None:
        self.scenario = scenario
        self.seed = seed
        self.scale: Scale = scale
        self.folder = folder
        self.lasts = lasts
        """Seconds that a mix of faults is to last; None for those of its scale."""
        self.random = random.Random(f"{scenario.id}/{seed}")
        self.sent = self.lost = self.dup = 0
        self.dup_allowed: int | None = None
        self._tell = tell
        self._told_at = float("-inf")
        self._began = time.monotonic()
        self._recovery: float | None = None
        self._message_ok = True
        self._failures: list[str] = []
        self._figures: dict[str, float | int | str] = {}

    def run(self) -> None:
        """Plays it; what breaks is noted on the sheet, which must reach the report whatever happens."""
        with self:
            self.scenario.run(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self._tell("".join(traceback.format_exception(kind, error, trace)))
        self.expect(False, f"{type(error).__name__}: {str(error)[:500]}")
        return True

    def pick(self, short: T, full: T) -> T:
        """The one that belongs to the scale of this run."""
        return full if self.scale == "full" else short

    def rounds(self, short: int, full: int) -> Iterator[int]:
        """0, 1, … up to the number of the scale, with a word on progress now and then."""
        count = self.pick(short, full)
        for number in range(count):
            self.progress(f"{number} of {count}")
            yield number

    def soon(self, seconds: float) -> float:
        """A limit in seconds; short runs share their processors and get twice as long."""
        return self.pick(2 * seconds, seconds)

    def progress(self, what: str) -> None:
        """Says how far it is, but not too often."""
        if time.monotonic() - self._told_at >= _TELL_EVERY:
            self._told_at = time.monotonic()
            self._tell(what)

    def expect(self, is_so: bool, otherwise: str) -> None:
        """Notes what is wrong unless it is so."""
        if not is_so and len(self._failures) < _MOST_FAILURES:
            self._failures.append(otherwise)

    def expect_said(self, is_so: bool, otherwise: str) -> None:
        """The same for a line that log or status must show."""
        self._message_ok = self._message_ok and is_so
        self.expect(is_so, f"not said: {otherwise}")

    def recovered(self, seconds: float) -> None:
        """Notes how long a recovery took; the worst counts."""
        self._recovery = max(seconds, self._recovery or 0.0)

    def figure(self, name: str, value: float | int | str) -> None:
        """Notes what else was measured."""
        self._figures[name] = round(value, 3) if isinstance(value, float) else value

    def allow_dup(self, count: int) -> None:
        """So many further copies are permitted."""
        self.dup_allowed = (self.dup_allowed or 0) + count

    def outcome(self) -> Outcome:
        """The sheet as it stands."""
        return Outcome(
            id=self.scenario.id,
            name=self.scenario.name,
            seed=self.seed,
            scale=self.scale,
            sent=self.sent,
            lost=self.lost,
            dup=self.dup,
            dup_allowed=self.dup_allowed,
            recovery_s=self._recovery,
            message_ok=self._message_ok,
            seconds=round(time.monotonic() - self._began, 1),
            processor_s=round(_computed(), 1),
            figures=self._figures,
            failures=tuple(self._failures),
        )


def _computed() -> float:
    """Seconds of computing of this process and of those that it has started and that have ended."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
