"""The one connection that writes: transactions under a lock, checkpoints of the log, what failures mean."""

from __future__ import annotations

import errno
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lpforwarder.errors import Blocked, Failure, Fatal
from lpforwarder.journal.connections import connect_writing
from lpforwarder.journal.descriptors import Hold
from lpforwarder.journal.faults import is_full, while_writing
from lpforwarder.journal.quota import COPY_LOG_EVERY, KEEP_OF_LOG, size_of
from lpforwarder.journal.reserve import Reserve, refusal

SMALL = 16 * 2**10
"""Octets that a transaction without events puts into the log: a few pages."""


class Writer:
    """Shared by all threads. SQLite before 3.51.3 can spoil a file that two connections write at once."""

    def __init__(
        self,
        path: Path,
        *,
        reserve: Reserve,
        synchronous: str = "FULL",
        checkpoint_every: int = COPY_LOG_EVERY,
        log_size: int = KEEP_OF_LOG,
        on_damage: Callable[[str], object] | None = None,
    ) -> None:
        """Opens the file, making it when there is none. sqlite3.Error as it comes.

        Every `checkpoint_every` octets the log is copied into the file, so that it can begin anew; it may
        take `log_size` octets on the disk.
        `on_damage` hears when something cannot be written because the file is damaged there.
        """
        self.reserve = reserve
        self._path = path
        self._checkpoint_every, self._log_size = checkpoint_every, log_size
        self._on_damage = on_damage
        self._lock = threading.RLock()
        self._in_log = 0
        self.written = 0
        """Octets of all transactions since the file was opened, as their writers put it."""
        self.changes = 0
        """Grows when something may have changed in the file or in its size: what was seen is old then."""
        self.is_held_up = False
        """True when the last checkpoint found somebody who still reads what it would have replaced."""
        self._failed: Fatal | None = None
        self._closed = False
        self._connection = connect_writing(path, synchronous)
        self._hold = Hold(path)
        self.limit_log(checkpoint_every, log_size)

    @property
    def failed(self) -> bool:
        """True after the disk failed: nothing is written any more."""
        return self._failed is not None

    def limit_log(self, checkpoint_every: int, log_size: int) -> None:
        """From now on the log is copied and kept short as __init__ says."""
        with self._lock:
            self._checkpoint_every, self._log_size = checkpoint_every, log_size
            self._connection.execute(f"PRAGMA journal_size_limit = {log_size}").fetchall()

    @contextmanager
    def transaction(self, octets: int = SMALL) -> Iterator[sqlite3.Connection]:
        """All of it or nothing, on the disk when it ends. `octets` is about what it writes.

        Transient (LPF501) when the disk is full: the reserve is given up by then. Fatal (LPF506) when the
        disk failed: nothing is written after that.
        """
        with self._lock, self._translated():
            self.make_log_ready(octets)
            self.written += octets
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                self.changes += 1
        self._in_log += octets
        if self._in_log >= self._checkpoint_every:
            self.checkpoint()

    def make_log_ready(self, octets: int) -> None:
        """Copies the log when so many octets more would outgrow its share, so that it can begin anew.

        Asked without the lock at every look for room: one checkpoint too many does no harm.
        """
        if 0 < self._in_log <= self._log_size < self._in_log + octets:
            self.checkpoint()

    def checkpoint(self, mode: str = "PASSIVE") -> bool:
        """Copies the log into the file as far as readers let it; True when it was all of it.

        TRUNCATE waits a moment for readers and empties the log. A full disk is no failure here, and a
        read-only file system is not even asked: a sync that fails there would end the process for nothing.
        """
        with self._lock:
            if self._is_read_only():
                self.is_held_up = False
                return False
            try:
                with self._translated():
                    rows = self._connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
                    self.changes += 1
            except Failure as failure:
                if isinstance(failure, Fatal):
                    raise
                self.is_held_up = False  # not by a reader; whoever writes next says by what
                return False
            busy, in_log, copied = rows[0]
            self.is_held_up = bool(busy) or in_log != copied
            # What readers still need is tried again after half the way.
            self._in_log = self._checkpoint_every // 2 if self.is_held_up else 0
            return not self.is_held_up

    def log_is_long(self) -> bool:
        """True when the log takes more than it may: somebody reads for long, or a single page was as long."""
        return size_of(f"{self._path}-wal") > self._log_size

    def shrink(self, pages: int) -> None:
        """Moves that many pages of the file from its end into free room, and cuts it off."""
        # Asked as a query the pragma would free one single page.
        self.run(lambda connection: connection.executescript(f"PRAGMA incremental_vacuum({pages})"))
        self.checkpoint()

    def run(self, action: Callable[[sqlite3.Connection], object]) -> None:
        """An action that is no transaction of ours, under the same lock and with the same failures."""
        with self._lock, self._translated():
            action(self._connection)
            self.changes += 1

    def close(self, hold_reader: Callable[[], None], close_readers: Callable[[], None]) -> None:
        """Closes everything in the order that keeps the file right; may be called twice.

        Whoever closes last copies the log into the file. After a failed disk nobody may do that, for the
        log may not hold what we believe, and on a read-only one nobody can: then a read-only connection
        stays to the end, which does not try.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
            is_read_only = self._is_read_only()
            try:
                if self._failed is None:
                    self.checkpoint("TRUNCATE")
            finally:
                if self._failed is None and not is_read_only:
                    close_readers()
                    self._connection.close()
                else:
                    hold_reader()
                    self._connection.close()
                    close_readers()
                self._hold.release()

    def _is_read_only(self) -> bool:
        return refusal(self._path) == errno.EROFS

    @contextmanager
    def _translated(self) -> Iterator[None]:
        if self._failed is not None:
            raise Fatal(self._failed.what, code=self._failed.code, fix=self._failed.fix)
        try:
            yield
        except sqlite3.Error as error:
            if is_full(error, self._path):
                self.reserve.give_up()
            failure = while_writing(error, self._path)
            if isinstance(failure, Fatal):
                self._failed = failure
            if isinstance(failure, Blocked) and self._on_damage is not None:
                self._on_damage(str(error))
            raise failure or error from error
