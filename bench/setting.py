"""What one invocation measures with: how much of everything, where, with which certificates."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from bench.events import write_lines
from tests.fakes.certificates import Certificates


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much of everything."""

    events: int = 200_000
    rounds: int = 5
    backlog: int = 10_000_000
    samples: int = 300
    """Of latencies."""
    sources: int = 1000
    settle_seconds: float = 40.0
    """Until an idle service has nothing left to do: the fence behind its first event comes after 30."""
    idle_seconds: float = 60.0
    """CPU is told to a hundredth of a second."""


FULL = Scale()
QUICK = Scale(
    events=10_000, rounds=1, backlog=20_000, samples=5, sources=100, settle_seconds=3.0, idle_seconds=3.0
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Everything a section needs; `work` is a folder on a disk, for runs of senders."""

    scale: Scale
    work: Path
    certificates: Certificates
    _numbers: Iterator[int] = field(default_factory=count)

    def lines(self, events: int, first: int = 0) -> Path:
        """A file of so many events; made once."""
        file = self.work / f"events-{first}-{events}.jsonl"
        if not file.exists():
            write_lines(file, events, first)
        return file

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """An empty folder, gone afterwards: journals are large."""
        folder = self.work / f"run-{next(self._numbers)}"
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder)


def say(text: str) -> None:
    """Progress, for whoever waits."""
    print(text, flush=True)
