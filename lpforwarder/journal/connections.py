"""Connections to the journal's file: one that writes, and read-only ones lent out by the transaction."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from lpforwarder.errors import Busy
from lpforwarder.journal.faults import code_of, while_reading
from lpforwarder.journal.lock import SharedLock
from lpforwarder.journal.page import row_checksum

PAGE_SIZE = 4096
"""Octets. A commit of one event writes about four pages; larger ones would only make those longer."""
_PATIENCE_WRITING = 0.25
"""Seconds. Nobody else writes; a longer wait for a reader that sits still would hold up intake."""
_PATIENCE_READING = 5.0
_SPARE = 4
"""Idle read-only connections that are kept; each holds up to 2 MB of pages."""


def connect_writing(path: Path, synchronous: str) -> sqlite3.Connection:
    """The one connection that writes, checkpoints and moves pages; used under a lock by several threads."""
    _create(path)
    connection = sqlite3.connect(
        path, timeout=_PATIENCE_WRITING, isolation_level=None, check_same_thread=False, cached_statements=64
    )
    with _closed_when_it_fails(connection):
        connection.create_function("row_checksum", -1, row_checksum, deterministic=True)
        for pragma in (
            f"page_size = {PAGE_SIZE}",
            # Without it the file never shrinks, and a disk that the journal filled stays full.
            "auto_vacuum = INCREMENTAL",
            "journal_mode = WAL",
            f"synchronous = {synchronous}",
            # FAST: what was delivered may stay in free pages until they are used again. Those who can read
            # the file (mode 0600) can read what waits as well; overwriting doubles what is written.
            "secure_delete = FAST",
            "cell_size_check = ON",
            "mmap_size = 0",  # an I/O error in mapped memory would be a SIGBUS instead of an answer
            "temp_store = MEMORY",
            "wal_autocheckpoint = 0",  # SQLite ignores the errors of its own checkpoints; we do them
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
    return connection


def connect_reading(path: Path, *, immutable: bool = False) -> sqlite3.Connection:
    """A read-only connection, usable by any thread but by one at a time."""
    mode = "immutable=1" if immutable else "mode=ro"
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?{mode}",
        uri=True,
        timeout=_PATIENCE_READING,
        isolation_level=None,
        check_same_thread=False,
    )
    with _closed_when_it_fails(connection):
        for pragma in ("query_only = ON", "cell_size_check = ON", "mmap_size = 0"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        connection.execute("SELECT 1 FROM sqlite_master").fetchall()  # only now is the file opened
    return connection


class Readers:
    """Lends a read-only connection for one short transaction; several threads at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._spare: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._closed = False
        self._frozen = False
        self._shared: SharedLock | None = None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One unchanging view of the journal. Keep it short: it holds up the log's next beginning.

        Raises Blocked, Denied or Transient when SQLite cannot read; see faults.while_reading().
        """
        try:
            connection = self._borrow()
            with _closed_when_it_fails(connection):
                connection.execute("BEGIN")
                yield connection
                connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise while_reading(error, self._path) or error from error
        self._give_back(connection)

    def hold_one(self) -> None:
        """Makes sure that one stays open until close()."""
        self._give_back(self._borrow())

    def close(self) -> None:
        """Closes what is not lent out; the rest closes when it comes back."""
        with self._guard:
            self._closed = True
            spare, self._spare = self._spare, []
        for connection in spare:
            connection.close()
        if self._shared is not None:
            self._shared.close()

    def _borrow(self) -> sqlite3.Connection:
        with self._guard:
            if self._spare:
                return self._spare.pop()
        return self._connect()

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._guard:
            if not self._closed and len(self._spare) < _SPARE:
                self._spare.append(connection)
                return
        connection.close()

    def _connect(self) -> sqlite3.Connection:
        if self._frozen:
            return connect_reading(self._path, immutable=True)
        try:
            return connect_reading(self._path)
        except sqlite3.OperationalError as error:
            if not self._freeze(error):
                raise
            return connect_reading(self._path, immutable=True)

    def _freeze(self, error: sqlite3.OperationalError) -> bool:
        """True when the file can be read as one that nobody changes.

        SQLite cannot open a WAL file in a folder it may not write. `immutable` ignores the log, and
        changes as well, so: no log there, nobody writing, and nobody let in while we read.
        """
        refused = code_of(error) & 0xFF in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
        if not refused or os.path.exists(f"{self._path}-wal"):
            return False
        try:
            self._shared = SharedLock(self._path.with_name(self._path.name + ".lock"))
        except FileNotFoundError:
            pass  # whoever writes has such a file
        except (Busy, OSError):
            return False
        self._frozen = True
        return True


def _create(path: Path) -> None:
    """An empty file of mode 0600; SQLite gives its log and index the same mode, whatever the umask."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


@contextmanager
def _closed_when_it_fails(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise
