"""LastPass audit events: each one once, whatever the vault, the network and the clocks do.

A pull reads one window of time and hands over what the cursor does not know of it. All state is in the
cursor; what this object remembers besides only saves calls and raises alarms. See docs/vault/lastpass.md and
docs/decisions/0006-lastpass-identity-and-windows.md.
"""

from __future__ import annotations

import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from lpforwarder.config.secrets import Secret
from lpforwarder.errors import Blocked, Failure, Transient
from lpforwarder.event import Event
from lpforwarder.intake.contract import Cursor, Page
from lpforwarder.intake.sources.lastpass import (
    catalogue,
    cursor,
    dating,
    instants,
    making,
    offset,
    records,
    surplus,
    windows,
)
from lpforwarder.intake.sources.lastpass import zone as zones
from lpforwarder.intake.sources.lastpass.alarms import Alarms
from lpforwarder.intake.sources.lastpass.client import Client
from lpforwarder.intake.sources.lastpass.cursor import Place
from lpforwarder.intake.sources.lastpass.options import LastPassOptions
from lpforwarder.intake.sources.lastpass.parts import MOST_EVENTS, Parts
from lpforwarder.intake.sources.lastpass.reading import Reading, Taken
from lpforwarder.intake.sources.lastpass.refusal import Refusal
from lpforwarder.intake.sources.lastpass.surplus import Found
from lpforwarder.runtime.logs import conceal
from lpforwarder.runtime.measures import Measures
from lpforwarder.runtime.worker import WorkerError

log = structlog.get_logger()

_OLD_CALL = 3600  # seconds; after so long a pause the account's zone is measured before anything is read
_PROBE_AGAIN = 600  # seconds between two searches for a zone that no event shows
_MOST_TRIES = 3  # windows read in one pull because the account's zone turned out to be another


@dataclass(slots=True, kw_only=True)
class Counts:
    """What a source has seen since it was made; a repeated pull counts again."""

    own_reports: int = 0
    """Events of our own calls."""
    unknown_actions: int = 0
    """New events whose action is not in the catalogue."""
    future: int = 0
    """New events dated in the future."""


class LastPassSource:
    """Satisfies Source. `alarms` and `counts` may be read from any thread.

    `most_events` is how many a page holds, and what else happened in its last second.
    """

    Options = LastPassOptions

    def __init__(
        self,
        options: LastPassOptions,
        *,
        clock: Callable[[], float] = time.time,
        client: Client | None = None,
        most_events: int = MOST_EVENTS,
    ) -> None:
        self.counts = Counts()
        self._most_events = most_events
        self._options = options
        self._clock = clock
        self._zone = zones.load(options.time_zone)
        self._client = client or Client(options)
        self._refusal = Refusal()
        self._alarms = Alarms(options.name)
        self._concealed: Secret | None = None
        self._narrowed: int | None = None
        self._parts: Parts | None = None
        self._measured_offset: str | None = None
        self._skew: float | None = None

    @property
    def alarms(self) -> tuple[WorkerError, ...]:
        """What a person should mend although events still flow; empty when all is well."""
        return self._alarms.current

    @property
    def measured_offset(self) -> str | None:
        """The account's offset from UTC as last measured, like `-05:00`; None before the first time."""
        return self._measured_offset

    @property
    def left(self) -> int:
        """How many events of the window read last are still to come; no call is needed for them."""
        return len(self._parts.new) if self._parts else 0

    @property
    def pulse(self) -> int:
        """Another number after each call: a pull may make hundreds, each within `timeout`."""
        return self._client.pulse

    def measures(self) -> Measures:
        """How far the vault's clock is ahead of ours, and how long ago the secret file was written."""
        made = {} if self._skew is None else {"clock_skew_seconds": round(self._skew, 3)}
        written = self._options.secret_written()
        return made if written is None else {**made, "secret_age_seconds": round(self._clock() - written)}

    def try_again(self) -> None:
        """Makes the next pull ask the vault even if it has just refused the same secret."""
        self._refusal.forget()

    def pull(self, after: Cursor | None) -> Page:
        """The new events of one window, oldest first; the first pull of all only finds the account's zone.

        Of a window with many only the oldest; the pulls behind that page bring the others without a call.
        After a refusal that a person must mend it raises the same again without a call, for a growing time,
        while the secret is unchanged.
        """
        if self._parts is not None and self._parts.cursor == after:
            return self._next_part(self._parts)
        self._parts = None  # whoever asks for something else has lost a page, or begins anew
        place = None if after is None else self._decode(after)
        secret = self._secret()
        self._refusal.check(secret)
        reading = self._reading(secret, place.installation if place else self._installation())
        try:
            page = self._begin(reading) if place is None else self._next(reading, place)
        except Failure as error:
            named = self._named(error)
            if isinstance(named, Blocked):  # refused, or a certificate that is not believed
                self._refusal.note(secret, named)
            raise named from error
        finally:
            self._client.close()
        self._refusal.forget()
        self._alarms.polled(secret, reading.began)
        self._alarms.clock(reading.skew)
        self._skew = reading.skew
        return page

    def close(self) -> None:
        """Ends the connection."""
        self._client.close()

    # Before the vault is asked.

    def _decode(self, after: Cursor) -> Place:
        try:
            return cursor.decode(after)
        except ValueError as error:
            what = f"{self._options.name}: the stored place is not one in a LastPass report"
            raise Blocked(what, code="LPF311", fix="give the source another name") from error

    def _secret(self) -> Secret:
        secret = self._options.secret()
        if secret != self._concealed:
            conceal(secret.reveal())
            self._concealed = secret
        return secret

    def _installation(self) -> str:
        """From facts that stay the same until the cursor keeps the result."""
        options = self._options
        # The whole path: `cd folder && lpforwarder test-pull` is the same installation as the service.
        place = os.path.abspath(options.secret_file) if options.secret_file else options.secret_place
        return offset.installation(_machine_id(), socket.gethostname(), options.name, options.account, place)

    def _reading(self, secret: Secret, installation: str) -> Reading:
        return Reading(self._client, self._options, secret, installation, self._clock, self._zone)

    def _named(self, error: Failure) -> Failure:
        """The same error with the name of the source."""
        if isinstance(error, Transient):
            what = f"{self._options.name}: {error.what}"
            return Transient(what, code=error.code, fix=error.fix, retry_after=error.retry_after)
        return type(error)(f"{self._options.name}: {error.what}", code=error.code, fix=error.fix)

    # Asking.

    def _begin(self, reading: Reading) -> Page:
        """No events yet, but where they begin and what the account's clock shows."""
        place = Place(installation=self._installation(), again=0, upto=0, width=windows.FIRST_WIDTH)
        place = self._measured(reading, place, calls=2)
        # By the slower clock: with a clock of ours that is days ahead, days of events would be passed over.
        first = self._options.first_instant(reading.began + min(reading.skew, 0.0))
        place = replace(place, again=first, upto=first)
        return Page(events=(), cursor=cursor.encode(place), more=True)

    def _next(self, reading: Reading, place: Place) -> Page:
        if reading.began - place.called > _OLD_CALL:
            place = self._measured(reading, place, calls=2)
        for _ in range(_MOST_TRIES):
            taken = self._take(reading, place)
            looked = self._looked(reading, place, taken)
            if looked.offset == place.offset:
                return self._page(replace(looked, called=int(taken.began)), taken)
            place = looked  # what was asked for in the wrong zone is another stretch of time
        raise Transient("the account's zone keeps changing", code="LPF318")

    def _take(self, reading: Reading, place: Place) -> Taken:
        width = min(place.width, self._narrowed or place.width)
        try:
            taken = reading.take(place, self._in_force(place), width)
        except Transient as error:
            if error.code == "LPF308":
                self._narrowed = max(width // 2, 1)
            raise
        self._narrowed = None
        return taken

    def _in_force(self, place: Place) -> ZoneInfo:
        """The zone that requests are written and answers are read in: measured beats configured."""
        return self._zone if place.offset is None else offset.fixed(place.offset)

    def _looked(self, reading: Reading, place: Place, taken: Taken) -> Place:
        """The place with the account's offset, measured anew when the window gives reason to."""
        fresh = reading.made_since(place.called, taken.own)
        found = offset.measured(self._zone, fresh, reading.skew)
        if found is not None and (None if found.agrees else found.offset) != place.offset:
            return self._measured(reading, place, calls=1)
        if taken.window.end is not None:
            is_odd = found is None and reading.began >= place.probe
        elif reading.began >= place.probe and not taken.own:
            # The live edge must hold the event of the last call. If it does not, the account may be in a
            # zone in which our `from` lies in the future.
            is_odd = place.called >= taken.window.begin
        else:
            is_odd = self._is_ahead(place, taken)
        return self._measured(reading, place, calls=1) if is_odd else place

    def _is_ahead(self, place: Place, taken: Taken) -> bool:
        """Whether something not seen before is dated in the future: rare, but for an account that moved."""
        limit = zones.wall_clock(taken.zone, int(taken.ended + instants.CLOCK_ERROR))
        ahead = sum(time > limit for time in map(records.time_text, taken.chain.records))
        handed = [place.known, place.ghosts]
        known = max(
            sum(sum(counts.values()) for at, counts in of.items() if at > taken.ended + instants.CLOCK_ERROR)
            for of in handed
        )
        return ahead > known

    def _measured(self, reading: Reading, place: Place, *, calls: int) -> Place:
        """The place with the account's present offset; unchanged offset if no event shows one.

        A search that changes nothing is not made again for a while.
        """
        found = reading.find_offset(calls=calls)
        later = int(reading.began) + _PROBE_AGAIN if calls == 1 or found is None else place.probe
        place = replace(place, probe=later, called=int(reading.began))
        if found is None:
            return place
        self._measured_offset = zones.offset_text(found.expected if found.agrees else found.offset)
        measured = None if found.agrees else found.offset
        if measured == place.offset:
            return place
        before = offset.at(self._in_force(place), int(reading.began))
        after = found.offset if measured is not None else found.expected
        place = replace(place, probe=0, offset=measured, ghosts=surplus.shifted(place.known, before - after))
        return place if before == after else replace(place, was=before, changed=int(reading.began))

    # Understanding.

    def _page(self, place: Place, taken: Taken) -> Page:
        self._alarms.zone(self._zone, place.offset, taken.ended)
        dated = dating.dated(taken, place.was)
        newest = max([at for one in dated.found if (at := one.instant) <= taken.ended], default=None)
        wanted, before = self._wanted(dated.found, taken), (place.known, place.ghosts)
        parts = Parts(
            place=place,
            new=surplus.surplus(wanted, taken.window, taken.zone, *before, is_plain=dated.is_plain),
            rejects=dating.rejects(taken, dated.refused, place.refused),
            refused={key: len(positions) for key, positions in dated.refused.items()},
            upto=windows.reached(taken.window, place, newest, taken.began),
            width=taken.width,
            zone=taken.zone,
            began=taken.began,
            ended=taken.ended,
            overlap=int(self._options.overlap),
            more=taken.window.end is not None,
            most_events=self._most_events,
        )
        return self._part(parts)

    def _next_part(self, parts: Parts) -> Page:
        self._parts = None
        page = self._part(parts)
        if self._concealed is not None:  # the secret with which this window was read
            self._alarms.polled(self._concealed, parts.began)
        return page

    def _part(self, parts: Parts) -> Page:
        """The next part of a window; what is left of it waits for the pull behind this page."""
        part = parts.take()
        page = Page(
            events=self._events(part.new, parts.ended),
            rejects=part.rejects,
            cursor=cursor.encode(part.place),
            more=bool(parts.new) or parts.more,
        )
        self._alarms.reached(part.place.upto if page.more else None, self._clock())
        if parts.new:
            parts.cursor, self._parts = page.cursor, parts
        return page

    def _wanted(self, found: list[Found], taken: Taken) -> list[Found]:
        """Without our own reports, if they are to be dropped."""
        own = {report.position for report in taken.own}
        self.counts.own_reports += len(own)
        if self._options.own_events == "keep" or not own:
            return found
        return [item for item in found if -item.rank not in own]

    def _events(self, new: Sequence[Found], ended: float) -> Sequence[Event]:
        """The events of these records, which come in the order of their instants."""
        latest = ended + instants.CLOCK_ERROR
        events = making.events(new, self._options.account, self._options.name, latest)
        actions = Counter([one.raw.action for one in new])
        self.counts.unknown_actions += sum(
            count for name, count in actions.items() if not catalogue.find(name).is_known
        )
        if new and new[-1].instant > latest:
            self.counts.future += sum(one.instant > latest for one in new)
        for one in _regenerating(new, actions):
            self._alarms.secret_regenerated(self._options, one.instant, ended)
        return events


def _regenerating(new: Sequence[Found], actions: Iterable[str]) -> list[Found]:
    """Those that say that a new secret was made; asked of each name only once."""
    wanted = {name for name in actions if catalogue.find(name).key == catalogue.API_SECRET_REGENERATED}
    return [one for one in new if one.raw.action in wanted] if wanted else []


def _machine_id() -> str:
    try:
        return Path("/etc/machine-id").read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
