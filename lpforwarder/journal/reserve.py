"""Room kept beside the journal for the day the disk is full.

SQLite can neither delete nor checkpoint on a full disk. So this file is given up first, and until it can
be made again no new events are taken: the room it leaves belongs to checkpoints and retention.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

SIZE = 16 * 2**20
"""Octets. 2 MB were enough for small steps and not for a large delete with a checkpoint."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_PROBE = 64 * 2**10


class Reserve:
    """A file of `size` octets that are really allocated, as long as `held` is true."""

    def __init__(self, path: Path, size: int = SIZE) -> None:
        self._path = path
        self._size = size
        self.held = False
        self.fit(size)

    def fit(self, size: int) -> None:
        """From now on it has this size. One that was larger is cut; a smaller one is made anew by make()."""
        self._size = size
        found = _allocated(self._path)
        if found > size:
            with contextlib.suppress(OSError):
                os.truncate(self._path, size)
        self.held = found >= size

    def give_up(self) -> bool:
        """Leaves the room to the journal; False when there was none to leave."""
        had, self.held = self.held, False
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        return had

    def make(self) -> bool:
        """Takes the room back if the disk has twice as much; True when it is held now.

        Twice, or the next event would drive it out again.
        """
        if not self.held and _free(self._path.parent) >= 2 * self._size:
            self.held = self._allocate()
        return self.held

    def _allocate(self) -> bool:
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                _fill(file, self._size)
            finally:
                os.close(file)
        except OSError:
            with contextlib.suppress(OSError):
                self._path.unlink()
            return False
        return True


def fitting(size: int, folder: Path) -> int:
    """`size`, or an eighth of a disk that is too small for it: the rest belongs to events."""
    system = os.statvfs(folder)
    return min(size, system.f_blocks * system.f_frsize // 8)


def refusal(beside: Path) -> int:
    """The errno that keeps a small file from being made beside this one; 0 when nothing does.

    SQLite says "disk is full" for ENOSPC alone, and "I/O error" when a quota is used up or the file system
    has become read-only. The mount's flags do not tell either: ext4 refuses to write after an error, and
    still shows the mount as writable.
    """
    probe = beside.with_name(beside.name + ".probe")
    try:
        file = os.open(probe, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(file, 0, _PROBE)
        finally:
            os.close(file)
            probe.unlink()
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def _fill(file: int, octets: int) -> None:
    try:
        os.posix_fallocate(file, 0, octets)
    except OSError as error:
        if error.errno in FULL:
            raise
        for offset in range(0, octets, _PROBE):  # a file system that cannot promise room must be written
            os.pwrite(file, bytes(min(_PROBE, octets - offset)), offset)


def _allocated(path: Path) -> int:
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0
    return min(found.st_size, found.st_blocks * 512)


def _free(folder: Path) -> int:
    system = os.statvfs(folder)
    return system.f_bavail * system.f_frsize
