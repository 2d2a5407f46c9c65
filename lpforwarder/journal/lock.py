"""One process writes a journal: an exclusive lock on a file beside it that also says who has it."""

from __future__ import annotations

import fcntl
import os
import re
import time
from pathlib import Path

from msgspec import Struct

from lpforwarder.errors import Busy

_RECORD = 64
"""Octets. The record has a fixed size and is written in place: a full disk cannot refuse that."""
_TRIES = 10
_BETWEEN_TRIES = 0.02
"""Seconds. Whoever only looks holds the lock for a moment; that must not refuse a start."""
_TEXT = re.compile(r"([0-9]+) ([0-9T:.Z-]*)")


class Holder(Struct, frozen=True, kw_only=True):
    """The process that writes the journal."""

    pid: int
    since: str
    """RFC 3339."""


class Lock:
    """The right to write; given back by close(), or by the kernel when the process ends."""

    def __init__(self, path: Path, *, now: str) -> None:
        """Takes it. Busy (LPF502) with the holder's pid when another has it; OSError as it comes."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _take(self._file, path)
            os.pwrite(self._file, f"{os.getpid()} {now}\n".ljust(_RECORD).encode("ascii"), 0)
        except BaseException:
            os.close(self._file)
            raise

    def close(self) -> None:
        """Gives the right back. The file stays: removing it would let two processes lock two files."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class SharedLock:
    """Keeps writers out while somebody reads a journal that nobody writes."""

    def __init__(self, path: Path) -> None:
        """Takes it. Busy when a writer is alive; OSError when the file cannot be opened."""
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise Busy("the journal is being written", code="LPF502") from None

    def close(self) -> None:
        """Lets writers in again."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def holder(path: Path) -> Holder | None:
    """Who writes the journal with this lock file; None when nobody does."""
    try:
        SharedLock(path).close()
    except Busy:
        return _recorded(path)
    except OSError:
        return None
    return None


def _take(file: int, path: Path) -> None:
    for attempt in range(_TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if attempt + 1 < _TRIES:
                time.sleep(_BETWEEN_TRIES)
    found = _recorded(path)
    who = f" (pid {found.pid}, started {found.since[11:16]} UTC)" if found.since else ""
    raise Busy(
        f"another lpforwarder{who} uses this journal", code="LPF502", fix="to look at it: lpforwarder status"
    )


def _recorded(path: Path) -> Holder:
    with open(path, "rb") as file:
        match = _TEXT.match(file.read(_RECORD).decode("ascii", "replace"))
    return Holder(pid=int(match[1]), since=match[2]) if match else Holder(pid=0, since="")
