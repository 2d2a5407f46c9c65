"""One source's loop: ask for a page, append it, repeat."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from lpforwarder import rfc3339
from lpforwarder.event_page import EventPage
from lpforwarder.intake.contract import Alarming, Cursor, IntakeJournal, Limited, Page, Refusable, Source
from lpforwarder.privacy import Privacy
from lpforwarder.runtime.measures import Measures, Measuring, Spread
from lpforwarder.runtime.turns import Turns
from lpforwarder.runtime.worker import Pulsing, WorkerError

POLL_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
"""Bounds of the metric of the same name: from a file on this disk to a vault at its time limit."""


class Stop(Protocol):
    """The little that a poller needs of a stop token."""

    @property
    def stopping(self) -> bool:
        """True once the stop has begun."""

    def wait(self, seconds: float) -> bool:
        """Rests for `seconds` or until the stop begins; True when stopping."""


class Polled(Struct, frozen=True, kw_only=True):
    """What a poller has done since it was made."""

    pages: int = 0
    events: int = 0
    """New to the journal."""
    duplicates: int = 0
    """Known to the journal already."""
    rejects: int = 0
    last_poll: str | None = None
    """When the source last answered; RFC 3339."""
    newest_event: str | None = None
    """The greatest timestamp seen; RFC 3339."""


class Poller:
    """Moves pages from one source into the journal, in one thread.

    Never sleeps but in `run`, between polls; never retries: Transient and Blocked go up to the supervisor.
    """

    def __init__(
        self,
        name: str,
        source: Source,
        journal: IntakeJournal,
        poll_interval: float,
        *,
        now: Callable[[], str] = rfc3339.now,
        clock: Callable[[], float] = time.monotonic,
        privacy: Privacy | None = None,
        turns: Turns | None = None,
    ) -> None:
        """`turns` are shared with the other sources; None for one that has nobody to wait for."""
        self.name = name
        self.polled = Polled()
        """Replaced as a whole after each page, so that other threads may read it."""
        self._source = source
        # Asked once: it takes longer than all else that a look at this source does, once a second.
        self._alarming = source if isinstance(source, Alarming) else None
        self._journal = journal
        self._limited = journal if isinstance(journal, Limited) else None
        self._poll_interval = poll_interval
        self._now = now
        self._clock = clock
        self._poll_seconds = Spread(POLL_SECONDS)
        self._measuring = source if isinstance(source, Measuring) else None
        self._pulsing = source if isinstance(source, Pulsing) else None
        self._parts_done = 0
        self._privacy = privacy
        self._turns = turns if turns is not None else Turns()

    def run(self, stop: Stop, beat: Callable[[], None]) -> None:
        """Polls until the stop begins; `beat` is called after each page."""
        while not stop.stopping:
            more = self._step_in_turn(stop)
            beat()
            if not more:
                stop.wait(self._poll_interval)

    def run_to_end(self, stop: Stop, beat: Callable[[], None]) -> None:
        """Reads what the source has now, to its end, then returns: `run --once`."""
        more = True
        while more and not stop.stopping:
            more = self._step_in_turn(stop)
            beat()

    def step(self) -> bool:
        """One page from the source into the journal; True when the next can be asked for at once.

        When `pull` raises, nothing in the journal has been touched. A journal without room is not even
        asked for: the source is left alone until there is some.
        """
        if self._limited is not None:
            self._limited.check_room()
        cursor = self._journal.cursor(self.name)
        page = self._concealed(self._pulled(cursor))
        is_unchanged = page.cursor == cursor and not page.events and not page.rejects
        new = 0 if is_unchanged else self._append(page)
        self.polled = self._counted(page, new)
        # A source that promises more but stands still would be asked without a pause, for ever.
        return page.more and page.cursor != cursor

    def measures(self) -> Measures:
        """How long polls take that were answered, and what the source measures."""
        more = self._measuring.measures() if self._measuring is not None else {}
        return {"poll_seconds": self._poll_seconds.as_json(), **more}

    @property
    def alarms(self) -> Sequence[WorkerError]:
        """What a person should mend although events still flow."""
        return self._alarming.alarms if self._alarming is not None else ()

    @property
    def has_pulse(self) -> bool:
        """The source shows after each call to its vault that it lives."""
        return self._pulsing is not None

    @property
    def pulse(self) -> object:
        """Changes within a step, too: after each part of it, and after each call of a source that tells."""
        return self._parts_done, self._pulsing.pulse if self._pulsing is not None else None

    @property
    def is_sparing(self) -> bool:
        """The source itself keeps the pace towards a vault that refused it."""
        return isinstance(self._source, Refusable)

    def try_again(self) -> None:
        """Somebody says that what the source was refused for has been mended."""
        if isinstance(self._source, Refusable):
            self._source.try_again()

    def abort(self) -> None:
        """Does nothing: a source belongs to its thread, and closing a file under a read would be worse.

        A pull that is left alone loses nothing, for its page was never appended.
        """

    def close(self) -> None:
        """Gives back what the source holds."""
        self._source.close()

    def _step_in_turn(self, stop: Stop) -> bool:
        with self._turns:
            self._parts_done += 1
            return not stop.stopping and self.step()

    def _pulled(self, cursor: Cursor | None) -> Page:
        began = self._clock()
        page = self._source.pull(cursor)
        self._poll_seconds.add(self._clock() - began)
        self._parts_done += 1
        return page

    def _concealed(self, page: Page) -> Page:
        """The page without what must not be stored. The source has told the ids by then: they stay."""
        if not (page.events or page.rejects):
            return page
        events, rejects = page.events, page.rejects
        if self._privacy is not None:
            events = [self._privacy.event(event) for event in events]
            rejects = [self._privacy.reject(one) for one in rejects]
        return replace(page, events=EventPage.of(events), rejects=rejects)

    def _append(self, page: Page) -> int:
        return self._journal.append(self.name, page.events, page.rejects, page.cursor)

    def _counted(self, page: Page, new: int) -> Polled:
        before = self.polled
        if not (page.events or page.rejects):
            return replace(before, pages=before.pages + 1, last_poll=self._now())
        return replace(
            before,
            pages=before.pages + 1,
            events=before.events + new,
            duplicates=before.duplicates + len(page.events) - new,
            rejects=before.rejects + len(page.rejects),
            last_poll=self._now(),
            newest_event=_newest(page, before.newest_event),
        )


def _newest(page: Page, before: str | None) -> str | None:
    """The greatest time; times in our form sort as texts."""
    newest = EventPage.of(page.events).newest
    return max(newest or "", before or "") or None
