"""LastPass audit events: each one once, whatever the vault, the network and the clocks do.

A pull reads one window of time and hands over what the cursor does not know of it. All state is in the
cursor; what this object remembers besides only saves calls and raises alarms. See docs/vault/lastpass.md and
docs/decisions/0006-lastpass-identity-and-windows.md.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
import structlog

from lpforwarder.config.secrets import Secret
from lpforwarder.errors import Blocked, Failure, Transient
from lpforwarder.event import JSON, Event, Reject
from lpforwarder.intake.contract import Cursor, Page
from lpforwarder.intake.sources.lastpass import catalogue, cursor, instants, offset, records, surplus, windows
from lpforwarder.intake.sources.lastpass import zone as zones
from lpforwarder.intake.sources.lastpass.alarms import Alarms
from lpforwarder.intake.sources.lastpass.client import Client
from lpforwarder.intake.sources.lastpass.cursor import Place
from lpforwarder.intake.sources.lastpass.options import LastPassOptions
from lpforwarder.intake.sources.lastpass.reading import Reading, Taken
from lpforwarder.intake.sources.lastpass.refusal import Refusal
from lpforwarder.intake.sources.lastpass.surplus import Found, New
from lpforwarder.runtime.logs import conceal
from lpforwarder.runtime.worker import WorkerError

log = structlog.get_logger()

_OLD_CALL = 3600  # seconds; after so long a pause the account's zone is measured before anything is read
_PROBE_AGAIN = 600  # seconds between two searches for a zone that no event shows
_KEPT = 4096  # octets of a record that is set aside
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
    """Satisfies Source. `alarms` and `counts` may be read from any thread."""

    Options = LastPassOptions

    def __init__(
        self,
        options: LastPassOptions,
        *,
        clock: Callable[[], float] = time.time,
        client: Client | None = None,
    ) -> None:
        self.counts = Counts()
        self._options = options
        self._clock = clock
        self._zone = zones.load(options.time_zone)
        self._client = client or Client(options)
        self._refusal = Refusal()
        self._alarms = Alarms(options.name)
        self._concealed: Secret | None = None
        self._narrowed: int | None = None
        self._measured_offset: str | None = None

    @property
    def alarms(self) -> tuple[WorkerError, ...]:
        """What a person should mend although events still flow; empty when all is well."""
        return self._alarms.current

    @property
    def measured_offset(self) -> str | None:
        """The account's offset from UTC as last measured, like `-05:00`; None before the first time."""
        return self._measured_offset

    def try_again(self) -> None:
        """Makes the next pull ask the vault even if it has just refused the same secret."""
        self._refusal.forget()

    def pull(self, after: Cursor | None) -> Page:
        """The new events of one window, oldest first; the first pull of all only finds the account's zone.

        Raises Blocked LPF301 without a call while a refused secret is unchanged, for a growing time.
        """
        place = None if after is None else self._decode(after)
        secret = self._secret()
        self._refusal.check(secret)
        reading = self._reading(secret, place.installation if place else self._installation())
        try:
            page = self._begin(reading) if place is None else self._next(reading, place)
        except Failure as error:
            self._failed(error, secret)
            raise self._named(error) from error
        finally:
            self._client.close()
        self._refusal.forget()
        self._alarms.polled(secret, reading.began)
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
        return offset.installation(
            _machine_id(), socket.gethostname(), options.name, options.account, options.secret_place
        )

    def _reading(self, secret: Secret, installation: str) -> Reading:
        return Reading(self._client, self._options, secret, installation, self._clock, self._zone)

    def _failed(self, error: Failure, secret: Secret) -> None:
        if error.code == "LPF301":
            self._refusal.note(secret, error)

    def _named(self, error: Failure) -> Failure:
        """The same error with the name of the source."""
        if isinstance(error, Transient):
            what = f"{self._options.name}: {error.what}"
            return Transient(what, code=error.code, fix=error.fix, retry_after=error.retry_after)
        return type(error)(f"{self._options.name}: {error.what}", code=error.code, fix=error.fix)

    # Asking.

    def _begin(self, reading: Reading) -> Page:
        """No events yet, but where they begin and what the account's clock shows."""
        first = self._options.first_instant(reading.began)
        installation = self._installation()
        place = Place(installation=installation, again=first, upto=first, width=windows.FIRST_WIDTH)
        place = self._measured(reading, place, calls=2)
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
        fresh = [report for report in taken.own if report.called >= place.called]
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
        ahead = sum(
            records.raw_texts(one).time > limit for one in taken.chain.records if isinstance(one, dict)
        )
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
        return replace(place, probe=0, offset=measured, ghosts=surplus.shifted(place.known, before - after))

    # Understanding.

    def _page(self, place: Place, taken: Taken) -> Page:
        self._alarms.zone(self._zone, place.offset, taken.ended)
        found, refused = self._sorted_out(taken)
        new = surplus.surplus(self._wanted(found, taken), taken.window, taken.zone, place.known, place.ghosts)
        events = [self._event(item, taken) for item in new]
        newest = max((i for item in found if (i := item.placed.instant) <= taken.ended), default=None)
        upto = windows.reached(taken.window, place, newest, taken.began)
        overlap = int(self._options.overlap)
        again = windows.again(place, upto, taken.zone, taken.began, overlap)
        rejects = self._rejects(refused, place)
        after = replace(
            place,
            again=again,
            upto=upto,
            width=taken.width,
            known=surplus.remembered(place.known, new, again),
            ghosts=surplus.remembered(place.ghosts, (), again),
            refused={key: len(items) for key, items in refused.items()},
        )
        return Page(
            events=events, rejects=rejects, cursor=cursor.encode(after), more=taken.window.end is not None
        )

    def _sorted_out(self, taken: Taken) -> tuple[list[Found], dict[str, list[tuple[str, JSON]]]]:
        """The records of a window in time, and by digest those that have none."""
        positions, readings, refused = [], [], dict[str, list[tuple[str, JSON]]]()
        for position, record in enumerate(taken.chain.records):
            try:
                readings.append(zones.parse(record["Time"]))
            except (zones.UnreadableTime, TypeError, KeyError, AttributeError, IndexError):
                where = taken.chain.where[position]
                refused.setdefault(surplus.fingerprint(record), []).append((where, record))
            else:
                positions.append(position)
        places = {position: number for number, position in enumerate(positions)}
        placed = instants.resolve(
            taken.zone,
            readings,
            collected=taken.ended,
            markers=_moved(taken.chain.markers, positions),
            anchors={places[own.position]: own.called for own in taken.own if own.position in places},
        )
        return [
            Found(
                record=taken.chain.records[position],
                raw=records.raw_texts(taken.chain.records[position]),
                reading=reading,
                placed=where,
                position=position,
            )
            for position, reading, where in zip(positions, readings, placed, strict=True)
        ], refused

    def _wanted(self, found: list[Found], taken: Taken) -> list[Found]:
        """Without our own reports, if they are to be dropped."""
        own = {report.position for report in taken.own}
        self.counts.own_reports += len(own)
        if self._options.own_events == "keep" or not own:
            return found
        return [item for item in found if item.position not in own]

    def _event(self, new: New, taken: Taken) -> Event:
        found = new.found
        event, is_known = records.to_event(
            found.record,
            source=self._options.name,
            instant=found.placed.instant,
            id=records.event_id(self._options.account, surplus.identity(found.raw), new.occurrence),
            ambiguous=found.placed.is_ambiguous,
        )
        self.counts.unknown_actions += not is_known
        if found.placed.instant > taken.ended + instants.CLOCK_ERROR:
            self.counts.future += 1
            event = Event.of({**event.fields, "timestampFuture": True})
        if catalogue.find(found.raw.action).key == catalogue.API_SECRET_REGENERATED:
            self._alarms.secret_regenerated(self._options, found.placed.instant)
        return event

    def _rejects(self, refused: dict[str, list[tuple[str, JSON]]], place: Place) -> list[Reject]:
        """Records without a readable time that the window before did not hold already."""
        new = [item for key, items in refused.items() for item in items[place.refused.get(key, 0) :]]
        return [
            Reject(where=where, reason=records.refusal(record) or "not a record", raw=_raw(record))
            for where, record in new
        ]


def _raw(record: JSON) -> bytes:
    try:
        return orjson.dumps(record)[:_KEPT]
    except (TypeError, ValueError):
        return repr(record).encode("ascii", "backslashreplace")[:_KEPT]


def _moved(markers: dict[int, int], positions: list[int]) -> dict[int, int]:
    """The markers by position among the records that have a time."""
    if not markers:
        return {}
    moved = {}
    for position, marker in markers.items():
        place = next((n for n, at in enumerate(positions) if at >= position), None)
        if place is not None:
            moved[place] = marker
    return moved


def _machine_id() -> str:
    try:
        return Path("/etc/machine-id").read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
