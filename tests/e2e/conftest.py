"""What tests of the whole daemon share: a large file of events, folders, and the report on kills."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from tests.fakes.collectors import CollectorProcess
from tests.fakes.event_files import write_events
from tests.fakes.ports import ReservedPort

_REPORT = pytest.StashKey[list["Outcome"]]()


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsFile:
    """JSON Lines with known ids, in order."""

    path: Path
    ids: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of the events of one scenario with accidents."""

    scenario: str
    rounds: int
    sent: int
    lost: int
    duplicates: int
    allowed: int
    """The most duplicates that fences and replay permit."""
    worst_recovery: float
    """Seconds from the start of the process that was down to the first message at the collector."""

    def line(self) -> str:
        """One line for people."""
        return (
            f"{self.scenario:<62} {self.rounds:>3} rounds  {self.sent:>7,} sent  {self.lost} lost  "
            f"{self.duplicates:>7,} twice (of {self.allowed:,})  worst recovery {self.worst_recovery:.2f} s"
        )


class Report:
    """Keeps the outcomes for the end of the run, and appends them to the file in $LPFORWARDER_REPORT."""

    def __init__(self, outcomes: list[Outcome]) -> None:
        self._outcomes = outcomes

    def add(self, outcome: Outcome) -> None:
        """Notes an outcome, good or bad; to be called before it is judged."""
        print(outcome.line())
        self._outcomes.append(outcome)
        if path := os.environ.get("LPFORWARDER_REPORT"):
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(outcome)) + "\n")


@pytest.fixture(scope="session")
def hundred_thousand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventsFile]:
    """100,000 events, every tenth of them hostile; read, never written by the tests."""
    path = tmp_path_factory.mktemp("events") / "events.jsonl"
    yield EventsFile(path=path, ids=write_events(path, 100_000, hostile_every=10))
    path.unlink()


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[CollectorProcess]:
    """A simple collector over TCP."""
    with CollectorProcess(tmp_path / "receiver") as process:
        yield process


@pytest.fixture
def nobody() -> Iterator[int]:
    """A port where nobody listens."""
    with contextlib.closing(ReservedPort()) as reserved:
        yield reserved.number


@pytest.fixture
def report(pytestconfig: pytest.Config) -> Report:
    """Where scenarios with accidents put what became of them; shown at the end of the run."""
    return Report(pytestconfig.stash.setdefault(_REPORT, []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The outcomes as a table."""
    outcomes = config.stash.get(_REPORT, [])
    if outcomes:
        terminalreporter.section("accidents")
    for outcome in outcomes:
        terminalreporter.write_line(outcome.line())
