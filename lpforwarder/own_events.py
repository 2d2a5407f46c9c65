"""What the forwarder says about itself: one function for each kind of event 8xxx, all pure.

Each gives a canonical event of the source `lpforwarder`: one plain sentence as `message`, and what a SIEM
can count or alarm on as flat fields. Nothing that is not known gets a field. There is no room for secrets,
people or contents of events. docs/own-events.md shows them all.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from lpforwarder import event_ids, rfc3339
from lpforwarder.delivery.certificates import Certificate, ends_in
from lpforwarder.errors import PAUSED
from lpforwarder.event import JSON, OWN, Event
from lpforwarder.runtime.health import spoken
from lpforwarder.runtime.worker import WorkerError

NAMESPACE = uuid.UUID("9aadaff6-d0e2-48c5-91e7-4051b2868c12")
"""Of our name-based ids."""

_CREDENTIAL_CODES = frozenset({"LPF301", "LPF302", "LPF316"})
_CLOCK_CODES = frozenset({"LPF317", "LPF318"})


class Stamp(Struct, frozen=True, kw_only=True):
    """What makes one own event different from all others."""

    life: str
    """A text that no other start of any forwarder has."""
    number: int
    """Of the own events in this life."""
    time: str
    """When it happened; RFC 3339."""
    repeated: int = 0
    """How often the same happened since it was last told, without being told: a flood helps nobody."""


# ---- the service ----------------------------------------------------------------------------------------


def started(
    stamp: Stamp,
    *,
    version: str,
    configuration: str,
    sources: int,
    collectors: int,
    after_crash: bool,
    before: str | None,
) -> Event:
    """`configuration` is its hash; `before` is when the last life started, None when there was none."""
    crashed = f" The last life, started at {before}, ended without a stop." if after_crash else ""
    return make(
        stamp,
        "8001",
        "success",
        f"The forwarder started, version {version}, with {number_of(sources, 'source')} and "
        f"{number_of(collectors, 'collector')}.{crashed}",
        version=version,
        configurationHash=configuration,
        sourceCount=sources,
        collectorCount=collectors,
        afterCrash=after_crash,
        previousStart=before,
    )


def stopped(stamp: Stamp, *, version: str, uptime: float, failure: str | None = None) -> Event:
    """`failure` says why, when it was not asked to stop."""
    told = f"after a failure that no retry mends: {failure}" if failure else "as it was told to"
    return make(
        stamp,
        "8002",
        "failure" if failure else "success",
        f"The forwarder stops after {spoken(uptime)}, {told}.",
        version=version,
        uptimeSeconds=round(uptime),
        reason=failure,
    )


# ---- sources and collectors -----------------------------------------------------------------------------


class Trouble(Struct, frozen=True, kw_only=True):
    """What is wrong with a source or a collector."""

    state: str
    """`blocked`: a person must act. `failing`: it is tried again. `silent`, of a source: no answer and no
    error. `stalled`, of a collector: it takes connections, and confirms nothing."""
    since: str
    """RFC 3339."""
    error: WorkerError | None = None


def source_down(stamp: Stamp, *, source: str, trouble: Trouble, last_poll: str | None) -> Event:
    """A source is silent, or cannot be read; `last_poll` is when it last answered."""
    what = {"blocked": "needs a person", "silent": "does not answer"}.get(trouble.state, "cannot be read")
    if trouble.error is not None and trouble.error.code in PAUSED:
        what = "is paused"
    error = _of(source, trouble.error) if trouble.error is not None else None
    return make(
        stamp,
        "8005",
        "failure",
        f"Source {source} {what} since {trouble.since}{_why(error)}",
        sourceName=source,
        state=trouble.state,
        since=trouble.since,
        lastPoll=last_poll,
        **_error(error),
    )


def source_up(stamp: Stamp, *, source: str, since: str) -> Event:
    """A source answers again; it had not since then."""
    seconds = elapsed(since, stamp.time)
    return make(
        stamp,
        "8006",
        "success",
        f"Source {source} answers again after {spoken(seconds)}.",
        sourceName=source,
        since=since,
        seconds=round(seconds),
    )


def collector_down(stamp: Stamp, *, collector: str, trouble: Trouble) -> Event:
    """A collector cannot be reached, or does not let us in."""
    what = {"blocked": "needs a person", "stalled": "takes connections and has confirmed nothing"}.get(
        trouble.state, "is unreachable"
    )
    return make(
        stamp,
        "8007",
        "failure",
        f"Collector {collector} {what} since {trouble.since}{_why(trouble.error)}",
        collector=collector,
        state=trouble.state,
        since=trouble.since,
        **_error(trouble.error),
    )


def collector_up(stamp: Stamp, *, collector: str, since: str, waited: int) -> Event:
    """A collector takes events again; `waited` could not be handed over meanwhile."""
    seconds = elapsed(since, stamp.time)
    return make(
        stamp,
        "8008",
        "success",
        f"Collector {collector} is back after {spoken(seconds)}; {number_of(waited, 'event')} waited for it.",
        collector=collector,
        since=since,
        seconds=round(seconds),
        eventsWaited=waited,
    )


# ---- what is missing ------------------------------------------------------------------------------------


def gap(
    stamp: Stamp, *, first: int, last: int, count: int, reason: str, collector: str | None = None
) -> Event:
    """Entries of the journal are lost: `count` of those between `first` and `last`; perhaps for one alone."""
    whom = f" for collector {collector}" if collector else ""
    return make(
        stamp,
        "8004",
        "failure",
        f"{number_of(count, 'event')} of the journal {_was(count)} lost{whom}, between {first} and {last}: "
        f"{reason}.",
        collector=collector,
        first=first,
        last=last,
        count=count,
        reason=reason,
    )


def journal_mended(stamp: Stamp, *, reason: str) -> Event:
    """The journal was damaged, and nothing is missing in the end as far as anybody can say."""
    return make(stamp, "8004", "unknown", f"The journal was mended: {reason}.", reason=reason)


def own_events_lost(stamp: Stamp, *, count: int) -> Event:
    """What the forwarder had to say about itself could not be kept while the journal took nothing."""
    reason = "the journal took no events"
    return make(
        stamp,
        "8004",
        "failure",
        f"{number_of(count, 'event')} of the forwarder itself could not be kept: {reason}.",
        count=count,
        reason=reason,
    )


def set_aside_lost(stamp: Stamp, *, collector: str, count: int) -> Event:
    """Events that a collector could not take had to make room for others; nobody gets them any more."""
    reason = "the room for them was full, and the oldest had to go"
    what = f"{number_of(count, 'event')} set aside for collector {collector} {_was(count)} lost: {reason}."
    fix = "lpforwarder rejects list"
    return make(stamp, "8004", "failure", what, collector=collector, count=count, reason=reason, fix=fix)


def set_aside(stamp: Stamp, *, collector: str, count: int) -> Event:
    """A collector could not take events; the others go on."""
    return make(
        stamp,
        "8009",
        "failure",
        f"{number_of(count, 'event')} that collector {collector} cannot take {_was(count)} set aside.",
        collector=collector,
        count=count,
        fix="lpforwarder rejects list",
    )


def rejected(stamp: Stamp, *, source: str, count: int) -> Event:
    """Records of a source could not become events; the others go on."""
    return make(
        stamp,
        "8009",
        "failure",
        f"{number_of(count, 'record')} of source {source} that cannot be read {_was(count)} set aside.",
        sourceName=source,
        count=count,
        fix="lpforwarder rejects list",
    )


# ---- alarms ---------------------------------------------------------------------------------------------


class About(Struct, frozen=True, kw_only=True):
    """What an alarm is about."""

    kind: Literal["source", "collector", "journal"]
    name: str = ""
    """As configured; the journal has none."""

    @property
    def key(self) -> str:
        """`source acme`, `journal`."""
        return f"{self.kind} {self.name}".rstrip()

    @property
    def called(self) -> str:
        """At the beginning of a sentence."""
        return f"{self.kind.capitalize()} {self.name}".rstrip()

    @property
    def field(self) -> Mapping[str, JSON]:
        """The field that names it."""
        names = {"source": {"sourceName": self.name}, "collector": {"collector": self.name}}
        return names.get(self.kind, {})


def alarm(stamp: Stamp, *, about: About, error: WorkerError) -> Event:
    """A person should mend something although events still flow."""
    error = _of(about.name, error)
    return make(
        stamp,
        alarm_id(about, error.code),
        "failure",
        f"{about.called}: {error.text}.",
        **about.field,
        state="on",
        **_error(error),
    )


def alarm_over(stamp: Stamp, *, about: About, code: str) -> Event:
    """It has been mended."""
    return make(
        stamp,
        alarm_id(about, code),
        "success",
        f"{about.called}: the alarm {code} is over.",
        **about.field,
        state="off",
        code=code,
    )


def alarm_id(about: About, code: str) -> str:
    """The event id of an alarm; of a source also by whether it is about a clock or a credential."""
    if about.kind != "source":
        return "8015" if about.kind == "collector" else "8016"
    if code in _CREDENTIAL_CODES:
        return "8012"
    return "8010" if code in _CLOCK_CODES else "8014"


def clock_jumped(stamp: Stamp, *, seconds: float) -> Event:
    """This machine's clock was set, or the machine slept: by that much, negative for backwards."""
    way = "forward" if seconds > 0 else "back"
    return make(
        stamp,
        "8010",
        "failure",
        f"The clock of this machine jumped {way} by {spoken(abs(seconds))}.",
        seconds=round(seconds),
        reason="the clock was set, or the machine slept",
        fix="keep the clock right with NTP",
    )


def certificate(stamp: Stamp, *, collector: str, certificate: Certificate, days: int) -> Event:
    """A certificate that a collector's link depends on ends in so many days, or has ended."""
    return make(
        stamp,
        "8011",
        "failure",
        f"Collector {collector}: {certificate.called()} {ends_in(days)} ({certificate.not_after}).",
        collector=collector,
        certificate=certificate.kind,
        subject=certificate.subject,
        expires=certificate.not_after,
        daysLeft=days,
        fix="have it renewed",
    )


# ---- their parts ----------------------------------------------------------------------------------------


def make(stamp: Stamp, event_id: str, result: str, message: str, /, **more: JSON) -> Event:
    """An own event of this kind; of `more` those fields that say something."""
    known = {name: value for name, value in more.items() if value is not None and value != ""}
    return Event.of(
        {
            "id": str(uuid.uuid5(NAMESPACE, f"{stamp.life}/{event_id}/{stamp.number}")),
            "timestamp": stamp.time,
            "eventId": event_id,
            "eventType": event_ids.EVENT_IDS[event_id].event_type,
            "result": result,
            **known,
            **({"repeated": stamp.repeated} if stamp.repeated else {}),
            "message": message,
            "source": OWN,
            "severity": event_ids.severity(event_id, result),
        }
    )


def _of(name: str, error: WorkerError) -> WorkerError:
    """The error without the name that it may begin with: ours say it already."""
    return replace(error, text=error.text.removeprefix(f"{name}: "))


def _error(error: WorkerError | None) -> Mapping[str, JSON]:
    return {"code": error.code, "reason": error.text, "fix": error.fix} if error is not None else {}


def _why(error: WorkerError | None) -> str:
    return f": {error.text}." if error is not None else "."


def number_of(count: int, noun: str) -> str:
    """`1 event`, `2 events`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def elapsed(since: str, now: str) -> float:
    """Seconds between two RFC 3339 times; 0 when the clock went back meanwhile."""
    return max((rfc3339.parse(now) or 0) - (rfc3339.parse(since) or 0), 0) / 1000
