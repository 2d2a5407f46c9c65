"""Who read the journal over HTTP: every access counted, and told once a minute for each reader.

The first of a reader is told at once. An event for each access would make a loop: a reader that waits for
events would be woken by the report of its own visit, for ever.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lpforwarder.endpoint.contract import Access
from lpforwarder.event import Event
from lpforwarder.own_events import Stamp, make, number_of

PAUSE = 60.0
"""Seconds between two reports on the same reader."""
MOST_READERS = 100
"""Told apart within a pause; further ones are counted together, by the name of their token.

Who guesses from ever new addresses must not fill the journal with reports, nor hide who reads with a token.
"""


@dataclass(slots=True, kw_only=True)
class Visits:
    """What one reader did since it was last told."""

    token: str
    """The token's name; "" for those without a good one."""
    client: str
    """The address; "" when it is more than one."""
    answered: int = 0
    refused: int = 0
    events: int = 0
    statuses: set[int] = field(default_factory=set)
    paths: set[str] = field(default_factory=set)
    """At most three of them; those of readers without a good token are their words, and are not kept."""


class Trail:
    """Takes accesses from any thread; due() belongs to the one that reports."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._visits: dict[tuple[str, str], Visits] = {}
        self._told: dict[tuple[str, str], float] = {}

    def note(self, access: Access) -> None:
        """Counts an access."""
        key = (access.token, access.client)
        with self._guard:
            known = self._visits.keys() | self._told.keys()
            if key not in known and len(known) >= MOST_READERS:
                key = (access.token, "")
            visits = self._visits.setdefault(key, Visits(token=key[0], client=key[1]))
            if access.status < 400:
                visits.answered += 1
            else:
                visits.refused += 1
            visits.events += access.events
            visits.statuses.add(access.status)
            if access.token and len(visits.paths) < 3:
                visits.paths.add("/v1/events/…" if access.path.startswith("/v1/events/") else access.path)

    def due(self, *, all_of_them: bool = False) -> Iterator[Visits]:
        """Those to tell now; each is handed out once."""
        now = self._clock()
        with self._guard:
            self._told = {key: at for key, at in self._told.items() if now - at < PAUSE}
            keys = [key for key in self._visits if all_of_them or key not in self._told]
            found = [self._visits.pop(key) for key in keys]
            self._told.update(dict.fromkeys(keys, now))
        yield from found


def accessed(stamp: Stamp, visits: Visits) -> Event:
    """The pull API was used, or somebody tried to."""
    whence = f" from {visits.client}" if visits.client else ""
    if visits.token:
        told = f"{number_of(visits.events, 'event')} in {number_of(visits.answered, 'answer')}"
        more = f"; {number_of(visits.refused, 'request')} refused" if visits.refused else ""
        message = f"Token {visits.token} read {told}{whence}{more}."
    else:
        message = f"{number_of(visits.refused, 'request')} without a valid token{whence} got nothing."
    return make(
        stamp,
        "8013",
        "success" if visits.answered else "failure",
        message,
        token=visits.token,
        clientAddress=visits.client,
        requests=visits.answered + visits.refused,
        refused=visits.refused,
        eventsRead=visits.events,
        statuses=sorted(visits.statuses),
        paths=sorted(visits.paths),
    )
