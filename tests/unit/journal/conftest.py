"""A journal for one test, small and with a clock that stands still."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lpforwarder import rfc3339
from lpforwarder.journal.scan import Gap
from lpforwarder.journal.sqlite import SqliteJournal, open_journal

NOBODY = 65534


@dataclass(slots=True)
class Bench:
    """Opens journals in one folder; the test sets the clocks, and reads what was told of damage."""

    path: Path
    now: str = "2022-12-14T17:33:43.369Z"
    """The wall clock: it may jump."""
    even: float = 1000.0
    """The clock that never does, in seconds."""
    told: list[Gap] = field(default_factory=list)
    open_ones: ExitStack = field(default_factory=ExitStack)

    def pass_time(self, until: str) -> None:
        """Both clocks go on to that time, as they do when nobody touches them."""
        then, now = rfc3339.parse(until), rfc3339.parse(self.now)
        assert then is not None
        assert now is not None
        self.now, self.even = until, self.even + (then - now) / 1000

    def open(self, **more: Any) -> SqliteJournal:
        """The journal, closed at the end of the test if not before."""
        settings: dict[str, Any] = {
            "keep": 3600.0,
            "max_size": 2**30,
            "when_full": "pause-polling",
            "reserve_size": 2**16,
            "now": lambda: self.now,
            "even": lambda: self.even,
            "on_damage": self.told.append,
            **more,
        }
        return self.open_ones.enter_context(open_journal(self.path, **settings))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with ExitStack() as open_ones:
        yield Bench(path=tmp_path / "state" / "journal.db", open_ones=open_ones)


@contextmanager
def somebody_else() -> Iterator[None]:
    """For root, whom no file mode stops: the rights of a user who owns nothing."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def unprivileged() -> Any:
    return somebody_else


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may enter; pytest's own are private."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        yield Path(place)
