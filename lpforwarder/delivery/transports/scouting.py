"""A connection to a better host, looked for in a thread of its own while the present one goes on working.

A host that is down may swallow a connection attempt for as long as a connection may take; the collector's
own thread, which has events to send, cannot wait for that time and again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from lpforwarder.delivery.transports.connection import Connection, Wake
from lpforwarder.errors import Failure

EVERY = 15.0  # seconds between two searches: a host that heals is found in less than half a minute

Reach = Callable[[str, Wake], Connection]
"""A verified connection to the host of that name; Failure when it does not take us."""


class Scout:
    """Looks for the first of some hosts that takes us; used by one thread."""

    def __init__(self, reach: Reach, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._reach = reach
        self._clock = clock
        self._search: _Search | None = None
        self._again_at = float("-inf")

    def wait(self) -> None:
        """The next search begins EVERY seconds from now: the hosts have just been tried."""
        self._again_at = self._clock() + EVERY

    def look(self, hosts: Sequence[str]) -> tuple[str, Connection] | None:
        """What the search has found; else None, and a new one is begun when it is time. Never waits."""
        if self._search is None:
            if self._clock() >= self._again_at:
                self._search = _Search(self._reach, hosts)
            return None
        if not self._search.is_over:
            return None
        found, self._search = self._search.take(), None
        self.wait()
        return found

    def give_up(self) -> None:
        """Ends the search under way; what it finds is closed."""
        if self._search is not None:
            self._search.give_up()
            self._search = None


class _Search:
    """One walk through the hosts, in a thread that ends with it."""

    def __init__(self, reach: Reach, hosts: Sequence[str]) -> None:
        self._reach = reach
        self._hosts = hosts
        self._wake = Wake()
        self._lock = threading.Lock()
        self._found: tuple[str, Connection] | None = None
        self._is_wanted = True
        self.is_over = False
        # A daemon thread: it must not keep the process from ending.
        threading.Thread(target=self._walk, name="scout", daemon=True).start()

    def take(self) -> tuple[str, Connection] | None:
        """The find, which is the caller's from now on."""
        return self._found

    def give_up(self) -> None:
        with self._lock:
            self._is_wanted = False
            found, self._found = self._found, None
        self._wake.call()
        if found is not None:
            found[1].hang_up(0.0)

    def _walk(self) -> None:
        for host in self._hosts:
            try:
                connection = self._reach(host, self._wake)
            except Failure:  # told by open() when it matters; here it means: not yet
                continue
            self._keep(host, connection)
            break
        self.is_over = True

    def _keep(self, host: str, connection: Connection) -> None:
        with self._lock:
            if self._is_wanted:
                self._found = host, connection
                return
        connection.hang_up(0.0)
