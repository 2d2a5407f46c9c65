"""The journal's files opened beside SQLite, and kept open as long as SQLite has them in this process.

Closing any descriptor of a file drops all POSIX locks that the process has on it, SQLite's too. The next
process that opens the journal would then take itself for the first one, and cut off the index under our feet
(SIGBUS), or begin the log anew and lose what stands in it. https://www.sqlite.org/howtocorrupt.html, 2.2.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class _Held:
    """The files of one journal."""

    users: int = 0
    present: dict[str, int] = field(default_factory=dict)
    """By suffix: of the file that has this name now."""
    former: list[int] = field(default_factory=list)
    """Of files that had one of these names before; they, too, may still be locked."""


_guard = threading.Lock()
_held: dict[str, _Held] = {}


class Hold:
    """Says that SQLite has this journal open in this process, until release()."""

    def __init__(self, journal: Path) -> None:
        self._journal: str | None = os.path.abspath(journal)
        with _guard:
            _held.setdefault(self._journal, _Held()).users += 1

    def release(self) -> None:
        """To be called when its connections are closed; may be called twice. The last one closes all."""
        with _guard:
            journal, self._journal = self._journal, None
            if journal is None:
                return
            held = _held[journal]
            held.users -= 1
            if not held.users:
                del _held[journal]
                for descriptor in (*held.present.values(), *held.former):
                    os.close(descriptor)


def shared(journal: Path, suffix: str = "") -> int:
    """A descriptor to read from with pread() and never to close; `suffix` is "", "-wal" or "-shm".

    While there is a Hold on the journal only. FileNotFoundError, OSError.
    """
    with _guard:
        held = _held[os.path.abspath(journal)]
        known = held.present.get(suffix)
        if known is not None and os.path.samestat(os.stat(f"{journal}{suffix}"), os.fstat(known)):
            return known
        made = os.open(f"{journal}{suffix}", os.O_RDONLY | os.O_CLOEXEC)
        if known is not None:
            held.former.append(known)
        held.present[suffix] = made
        return made
