"""A program that writes a log, and the rotation of that log, as logrotate does it."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path


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
