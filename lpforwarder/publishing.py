"""What the endpoint shows of the running service, and the worker that keeps a day of it in memory."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from lpforwarder import rfc3339
from lpforwarder.config.sections import HttpOptions
from lpforwarder.endpoint import cursor_key
from lpforwarder.endpoint.contract import Access, EndpointJournal
from lpforwarder.endpoint.history import History
from lpforwarder.endpoint.tokens import TokenFile
from lpforwarder.event import OWN, Seq
from lpforwarder.runtime.stop import Stop

if TYPE_CHECKING:
    from lpforwarder.endpoint.application import Service

EVERY = 10.0
"""Seconds between two looks at the service."""
HAPPENINGS = 20
FRESH = 1.0
"""Seconds that page and metrics are good for whoever asks next: a wall of screens costs no more than one."""
LOOK_BACK = 20_000
"""Places before the end that are searched for happenings of earlier lives."""
_NO_HAPPENING = frozenset({"8013", "8100"})
"""Reports on readers and heartbeats."""

Facts = dict[str, Any]
T = TypeVar("T")


class Happenings:
    """The last own events, without those that come again and again; for several threads."""

    def __init__(self, journal: EndpointJournal) -> None:
        self._journal = journal
        self._found: deque[tuple[str, str]] = deque(maxlen=HAPPENINGS)
        self._place: Seq | None = None

    def look(self) -> None:
        """Takes those that were written since."""
        if self._place is None:
            self._place = Seq(max(self._journal.oldest(), self._journal.newest() - LOOK_BACK))
        if self._place >= self._journal.newest():
            return
        pages, self._place = self._journal.of_source(OWN, self._place)
        for page in pages:
            self._found.extend(_told(page.lines))

    def newest_first(self) -> Sequence[tuple[str, str]]:
        """(RFC 3339 time, sentence)."""
        return list(self._found)[::-1]


def _told(lines: bytes) -> Iterator[tuple[str, str]]:
    for line in lines.split(b"\n"):
        event = json.loads(line)
        if event["eventId"] not in _NO_HAPPENING:
            yield event["timestamp"], event["message"]


class Fresh(Generic[T]):
    """What takes a while to make, a second old at most; for several threads, one of which makes it."""

    def __init__(self, make: Callable[[], T], clock: Callable[[], float]) -> None:
        self._make = make
        self._clock = clock
        self._making = threading.Lock()
        self._made: tuple[float, T] | None = None

    def now(self) -> T:
        """The same object for all who ask within FRESH seconds."""
        with self._making:
            if self._made is None or self._clock() >= self._made[0] + FRESH:
                self._made = self._clock(), self._make()
            return self._made[1]


class Publisher:
    """Hands the endpoint what it answers from, and looks at the service from time to time; a worker for that.

    `key_file` is where the key of the cursors is kept. `snapshot` gives the facts of `status --json`,
    `troubles` what keeps the service from being ready. Both are called from other threads.
    """

    def __init__(
        self,
        journal: EndpointJournal,
        tokens: TokenFile,
        key_file: Path,
        snapshot: Callable[[], Facts],
        troubles: Callable[[], Sequence[str]],
        audit: Callable[[Access], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = journal
        self._tokens = tokens
        self._key_file = key_file
        self._snapshot = snapshot
        self._troubles = troubles
        self._audit = audit
        self._history = History()
        self._happenings = Happenings(journal)
        self._looking = threading.Lock()
        self._clock = clock
        self._page = Fresh(self._new_page, clock)
        self._metrics = Fresh(self._new_metrics, clock)

    # ---- the worker -----------------------------------------------------------------------------------

    def run(self, stop: Stop, beat: Callable[[], None]) -> None:
        """Looks until stopped."""
        while not stop.stopping:
            self.look()
            beat()
            stop.wait(EVERY)

    def abort(self) -> None:
        """Nothing hangs here: no step waits for anybody outside."""

    def look(self) -> Facts:
        """The facts as they are now, with the day in strips and the happenings brought up to date."""
        facts = self._snapshot()
        with self._looking:
            self._history.note(facts, self._clock())
            self._happenings.look()
        return facts

    # ---- for the endpoint -----------------------------------------------------------------------------

    def check(self) -> None:
        """What service() needs and may lack: Blocked or Denied (LPF533) without a key of the cursors."""
        cursor_key.kept(self._key_file)

    def service(self, options: HttpOptions) -> Service:
        """All that the endpoint answers from. Blocked or Denied (LPF533) without a key of the cursors."""
        from lpforwarder.endpoint.access import Doorkeeper
        from lpforwarder.endpoint.application import Service
        from lpforwarder.endpoint.cursors import Cursors

        return Service(
            journal=self._journal,
            cursors=Cursors(cursor_key.kept(self._key_file)),
            doorkeeper=Doorkeeper(self._tokens, self._audit, now=rfc3339.now),
            snapshot=self._snapshot,
            troubles=self._troubles,
            metrics=self._metrics.now,
            page=self._page.now if options.status_page else None,
            is_metrics_open=options.metrics == "open",
        )

    def _new_metrics(self) -> bytes:
        from lpforwarder.endpoint.metrics import exposition

        return exposition(self._snapshot())

    def _new_page(self) -> str:
        from lpforwarder.endpoint.page.page import page

        return page(self.look(), self._history, self._happenings.newest_first())
