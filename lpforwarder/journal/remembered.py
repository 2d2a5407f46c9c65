"""What the one process that writes need not ask the file for: it knows, for it wrote it.

A source that has nothing new is polled all the same. With a thousand of them, ten statements a poll took a
whole core: SQLite lets go of the interpreter for each, and every thread that waits for it wakes up.
"""

from __future__ import annotations

from collections.abc import Callable

from lpforwarder.event import Cursor


class Cursors:
    """The place of each source after its last append. Each source belongs to one thread."""

    def __init__(self) -> None:
        self._known: dict[str, Cursor | None] = {}

    def of(self, source: str, stored: Callable[[str], Cursor | None]) -> Cursor | None:
        """None before its first append, or when what is stored is damaged; `stored` asks the file."""
        if source not in self._known:
            self._known[source] = stored(source)
        return self._known[source]

    def forget(self, source: str) -> None:
        """It is about to change; until it has, only the file can tell."""
        self._known.pop(source, None)

    def moved(self, source: str, cursor: str) -> None:
        """The file has this one now, for good."""
        self._known[source] = Cursor(cursor)


class RoomLeft:
    """Tells whether something fits, and looks at the file only when that is not certain."""

    def __init__(self, used: Callable[[], int]) -> None:
        """`used` looks how many octets are taken."""
        self._look = used
        self._used = 0
        self._then: int | None = None
        """What had been written at the last look."""

    def fits(self, octets: int, max_size: int, written: int) -> bool:
        """True when so many octets more stay within `max_size`; `written` is all that was written until now.

        A page takes more room than its octets, but never twice as much, and once more in a log that a reader
        holds up; retention only makes room.
        """
        if self._then is not None and 3 * (written - self._then + octets) <= max_size - self._used:
            return True
        self._used, self._then = self._look(), written
        return self._used + octets <= max_size
