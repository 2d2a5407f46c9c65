"""One heartbeat: what it counts, and the event it becomes. Pure."""

from __future__ import annotations

from msgspec import Struct

from lpforwarder import own_events
from lpforwarder.event import Event
from lpforwarder.own_events import Stamp


class Counts(Struct, frozen=True, kw_only=True):
    """Totals of a collector and of the whole journal; heartbeats tell by how much they grew."""

    read: int = 0
    """Events from all sources."""
    rejected: int = 0
    """Records of all sources that could not become events."""
    sent: int = 0
    """Messages handed to the collector for the first time, in this life of the process."""
    confirmed: int = 0
    replayed: int = 0
    set_aside: int = 0


class Present(Struct, frozen=True, kw_only=True):
    """How things are for one collector when its heartbeat is written."""

    waiting: int
    oldest_waiting: str | None
    """When the oldest of them was received; RFC 3339."""
    newest_event: str | None
    """The greatest event time of all sources; RFC 3339."""
    position: int
    """The last place of the journal."""
    sequence: int
    """Number (`sequenceId`) of the message handed over last; 0 before the first."""
    uptime: float
    """Seconds."""


def heartbeat(
    stamp: Stamp,
    *,
    collector: str,
    number: int,
    skipped: int,
    since: str | None,
    version: str,
    grown: Counts,
    present: Present,
) -> Event:
    """The forwarder lives. `grown` counts since the last heartbeat for this collector, which was at `since`.

    `number` counts the heartbeats for this collector; `skipped` those left out before this one, because
    the collector was away or the journal took nothing.
    """
    confirmed = own_events.number_of(grown.confirmed, "event")
    return own_events.make(
        stamp,
        "8100",
        "success",
        f"The forwarder lives: {confirmed} confirmed by {collector} since the last heartbeat, "
        f"{present.waiting} waiting.",
        collector=collector,
        heartbeat=number,
        heartbeatsSkipped=skipped,
        since=since,
        eventsRead=grown.read,
        recordsRejected=grown.rejected,
        eventsSent=grown.sent,
        eventsConfirmed=grown.confirmed,
        eventsReplayed=grown.replayed,
        eventsSetAside=grown.set_aside,
        eventsWaiting=present.waiting,
        oldestWaiting=present.oldest_waiting,
        newestEvent=present.newest_event,
        journalPosition=present.position,
        sequence=present.sequence,
        uptimeSeconds=round(present.uptime),
        version=version,
    )
