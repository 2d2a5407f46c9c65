"""A heartbeat as an event: every counter a number of its own, in JSON and in CEF."""

from __future__ import annotations

import json

from lpforwarder.delivery.formats.cef import CefFormat, CefOptions
from lpforwarder.own_events import Stamp
from lpforwarder.reporting.heartbeat import Counts, Present, heartbeat
from tests.fakes import strict_cef

NOW, SINCE = "2026-11-22T12:00:00.000Z", "2026-11-22T11:58:30.000Z"
STAMP = Stamp(life="here, now", number=7, time=NOW)
PRESENT = Present(waiting=10, oldest_waiting=SINCE, newest_event=NOW, position=11, sequence=12, uptime=90.6)
BEAT = heartbeat(
    STAMP,
    collector="siem",
    number=4,
    skipped=2,
    since=SINCE,
    version="1.2.3",
    grown=Counts(read=5, rejected=1, sent=6, confirmed=7, replayed=8, set_aside=9),
    present=PRESENT,
)


def test_a_heartbeat_counts() -> None:
    fields = json.loads(BEAT.line)
    assert {name: value for name, value in fields.items() if type(value) is int} == {
        "heartbeat": 4,
        "heartbeatsSkipped": 2,
        "eventsRead": 5,
        "recordsRejected": 1,
        "eventsSent": 6,
        "eventsConfirmed": 7,
        "eventsReplayed": 8,
        "eventsSetAside": 9,
        "eventsWaiting": 10,
        "journalPosition": 11,
        "sequence": 12,
        "uptimeSeconds": 91,
        "severity": 1,
    }


def test_a_heartbeat_says_for_whom_it_is_and_since_when_it_counts() -> None:
    fields = BEAT.fields
    assert (fields["eventId"], fields["eventType"], fields["result"]) == ("8100", "heartbeat", "success")
    assert (fields["collector"], fields["since"], fields["oldestWaiting"]) == ("siem", SINCE, SINCE)
    assert fields["message"] == (
        "The forwarder lives: 7 events confirmed by siem since the last heartbeat, 10 waiting."
    )


def test_every_field_of_it_travels_in_cef_too() -> None:
    extension = strict_cef.read(CefFormat(CefOptions()).format(BEAT)).extension
    assert (extension["lpforwarderEventsWaiting"], extension["lpforwarderSequence"]) == ("10", "12")
    header = {"eventId", "severity"}
    assert {BEAT.text(name) for name in BEAT.fields.keys() - header} <= set(extension.values())


def test_what_is_not_known_has_no_field() -> None:
    present = Present(waiting=0, oldest_waiting=None, newest_event=None, position=0, sequence=0, uptime=0.0)
    first = heartbeat(
        STAMP, collector="siem", number=1, skipped=0, since=None, version="1", grown=Counts(), present=present
    )
    assert not {"since", "oldestWaiting", "newestEvent"} & first.fields.keys()
    assert (first.fields["eventsWaiting"], first.fields["sequence"]) == (0, 0)
