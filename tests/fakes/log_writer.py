"""A program that writes a log, its rotation as logrotate does it, and a daemon that follows it."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

from lpforwarder.event import Reject
from lpforwarder.intake.contract import Cursor
from lpforwarder.intake.sources.absence import Absence
from lpforwarder.intake.sources.file import FileOptions, FileSource
from lpforwarder.intake.sources.following import SETTLED
from lpforwarder.intake.sources.records import Limits
from tests.fakes.patience import StandingClock

SMALL = Limits(records=3)


class LogWriter:
    """Appends one event a line; `written` holds their ids in order."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written: list[str] = []

    def write(self, count: int = 1, to: Path | None = None) -> None:
        """Appends events to the log, or to the file it was renamed to."""
        with (to or self.path).open("ab") as file:
            for _ in range(count):
                self.written.append(f"event-{len(self.written)}")
                file.write(b'{"id":"%s","eventId":"1001"}\n' % self.written[-1].encode())

    def write_raw(self, octets: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(octets)

    def rotated(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def rename(self, *, create: bool = True) -> None:
        """`create`: the log becomes NAME.1, older ones move up, and a new empty one takes its place."""
        self._move_up()
        self.path.rename(self.rotated(1))
        if create:
            self.path.touch()

    def copy_and_truncate(self) -> None:
        """`copytruncate`: the log is copied to NAME.1 and emptied."""
        self._move_up()
        shutil.copyfile(self.path, self.rotated(1))
        self.path.write_bytes(b"")

    def compress(self, number: int) -> None:
        path = self.rotated(number)
        packed = path.with_name(path.name + ".gz")
        packed.write_bytes(gzip.compress(path.read_bytes()))
        shutil.copystat(path, packed)
        path.unlink()

    def _move_up(self) -> None:
        for number in range(20, 0, -1):
            if self.rotated(number).exists():
                self.rotated(number).rename(self.rotated(number + 1))


class LogReader:
    """A daemon that follows the log: polls to the end, may be restarted, keeps only its cursor."""

    def __init__(self, path: Path, limits: Limits = SMALL, *, settled: float = SETTLED) -> None:
        self.ids: list[str] = []
        self.rejects: list[Reject] = []
        self.cursor: Cursor | None = None
        self.more = False
        self._options = FileOptions(name="log", type="file", path=path, follow=True)
        self._limits = limits
        self._settled = settled
        self.clock = StandingClock()
        """Of the absence of the file alone."""
        self._source = self._begun()

    def step(self) -> None:
        page = self._source.pull(self.cursor)
        self.ids += [event.text("id") for event in page.events]
        self.rejects += page.rejects
        self.more = page.more
        self.cursor = page.cursor

    def poll(self) -> None:
        for _ in range(1000):
            self.step()
            if not self.more:
                return
        raise AssertionError("no end")

    def restart(self) -> None:
        self._source.close()
        self._source = self._begun()

    def _begun(self) -> FileSource:
        absence = Absence(clock=self.clock)
        return FileSource(self._options, self._limits, settled=self._settled, absence=absence)

    def close(self) -> None:
        self._source.close()
