#!/usr/bin/env python3
"""Writes the examples and the fields in docs/own-events.md; with --check says whether they are stale, exit 1.

What stands around the two marks there is written by hand.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from lpforwarder import own_events  # noqa: E402
from lpforwarder.delivery.certificates import Certificate  # noqa: E402
from lpforwarder.delivery.encoder import Encoder  # noqa: E402
from lpforwarder.delivery.envelopes.rfc5424 import Rfc5424, Rfc5424Options  # noqa: E402
from lpforwarder.delivery.formats.cef import CefFormat, CefOptions  # noqa: E402
from lpforwarder.delivery.formats.json import JsonFormat, JsonOptions  # noqa: E402
from lpforwarder.event import OWN, Entry, Event, Seq  # noqa: E402
from lpforwarder.event_ids import EVENT_IDS  # noqa: E402
from lpforwarder.own_events import About, Stamp, Trouble  # noqa: E402
from lpforwarder.reporting import reloads  # noqa: E402
from lpforwarder.reporting.heartbeat import Counts, Present, heartbeat  # noqa: E402
from lpforwarder.reporting.trail import Visits, accessed  # noqa: E402
from lpforwarder.runtime.worker import WorkerError  # noqa: E402

PAGE = ROOT / "docs" / "own-events.md"
BEGIN = "<!-- Generated from here by scripts/generate_own_events_docs.py. -->\n"
END = "<!-- Generated to here. -->\n"

_SINCE, _NOW = "2026-11-22T11:49:30.000Z", "2026-11-22T12:00:00.000Z"
_REFUSED = WorkerError(
    code="LPF202",
    text="192.0.2.9:6514 refused the connection: nobody listens there",
    fix="start the collector's syslog input, or correct host and port",
)
_SECRET_REFUSED = WorkerError(
    code="LPF301", text="the vault refused account and secret", fix="write the new secret to acme.secret"
)
_REGENERATED = WorkerError(
    code="LPF316",
    text="the API secret of the account was regenerated at 2026-11-22T11:58:12.000Z",
    fix="write the new API secret to acme.secret; it is noticed by itself",
)
_ZONE = WorkerError(
    code="LPF318",
    text="the account's clock is at UTC-05:00, but time_zone Europe/Berlin is at UTC+01:00; "
    "the measured offset is used",
    fix="set time_zone to the zone of the LastPass account",
)
_SECOND_CHOICE = WorkerError(
    code="LPF220",
    text="a.siem.example.net is down, and b.siem.example.net takes its place",
    fix="bring a.siem.example.net back",
)
_LITTLE_ROOM = WorkerError(
    code="LPF511",
    text="the journal is full in 2 d 4 h at this pace",
    fix="raise journal.max_size, or bring back: archive (48,112 waiting)",
)
_ACME = About(kind="source", name="acme")
_ENDS = Certificate(kind="collector", subject="siem.example.net", not_after="2026-12-06T12:00:00.000Z")

_VISITS = Visits(
    token="splunk",
    client="192.0.2.17",
    answered=12,
    events=3_140,
    statuses={200},
    paths={"/v1/events", "/v1/status"},
)

Sample = tuple[str, Callable[[Stamp], Event]]
SAMPLES: tuple[Sample, ...] = (
    (
        "Before anything else is sent. `afterCrash` says that the last life ended without a stop: "
        "it was killed, or lost its power.",
        partial(
            own_events.started,
            version="0.1.0",
            configuration="35ea6ac2acdf0d3bc17a2e88cee812c302f5daf9685f7075764e8b44598ff403",
            sources=1,
            collectors=2,
            after_crash=True,
            before="2026-11-20T09:14:03.221Z",
        ),
    ),
    (
        "At the end of every life that was not cut short; the last event it sends. `result` is "
        "`failure`, with a `reason`, when it was not asked to stop.",
        partial(own_events.stopped, version="0.1.0", uptime=183_600.0),
    ),
    (
        "A reload (SIGHUP) that changed something. The hashes are SHA-256 over all settings in "
        "effect, defaults included, without the contents of the files they name: whoever changes "
        "the settings unseen changes the hash. A reload that found mistakes has `result` "
        "`failure`, `problems`, `code`, `place` and `reason` of the first, and no `hashAfter`; values that "
        "stand in the file are *** there. `changed` also names the keys that only a restart can apply. The "
        "next reload without mistakes is told with `success`, even when it changes nothing.",
        partial(
            reloads.configured,
            before="35ea6ac2acdf0d3bc17a2e88cee812c302f5daf9685f7075764e8b44598ff403",
            after="c2389b51487b47b293d1aa84d0d6eaba47ebfa85f5065c550d15055b04c0d325",
            changed="started collector:archive, started anew collector:siem",
        ),
    ),
    (
        "Entries of the journal can no longer be read: `count` of the places from `first` to `last` "
        "are lost, the others are delivered. With `collector` it is that one alone which misses them. "
        "Gaps that are found together are one event, and one that grows comes again as a whole. "
        "Without a `count` nothing is missing in the end (`result` `unknown`). Without places it is "
        "about own events that found no room while the journal took nothing, or, with `collector`, about "
        "events set aside for it that had to make room for others.",
        partial(own_events.gap, first=61_203, last=61_240, count=38, reason="its checksum is wrong"),
    ),
    (
        "A source that needs a person (`state` `blocked`) at once, one that fails after a minute, "
        "and one that is `silent` when it has not answered for ten polls and five minutes.",
        partial(
            own_events.source_down,
            source="acme",
            trouble=Trouble(state="blocked", since=_SINCE, error=_SECRET_REFUSED),
            last_poll="2026-11-22T11:48:30.101Z",
        ),
    ),
    (
        "It answers again. Only what was told as down is told as up. With a `reason` it does not: it was "
        "removed from the configuration.",
        partial(own_events.source_up, source="acme", since=_SINCE),
    ),
    (
        "A collector that needs a person at once (a certificate, a name), one that cannot be "
        "reached after a minute, and one that takes connections and confirms nothing (`stalled`). The "
        "other collectors get it; this one when it is back.",
        partial(
            own_events.collector_down,
            collector="siem",
            trouble=Trouble(state="failing", since=_SINCE, error=_REFUSED),
        ),
    ),
    (
        "It is back. `eventsWaited` is how many could not be handed to it meanwhile. With a `reason`, and "
        "without this number, it is not: it was removed from the configuration.",
        partial(own_events.collector_up, collector="siem", since=_SINCE, waited=64),
    ),
    (
        "Events that a collector cannot take (`collector`), or records that are no events "
        "(`sourceName`), were set aside since the last such report; the others go on.",
        partial(own_events.set_aside, collector="siem", count=2),
    ),
    (
        "The account's clock is not that of its `time_zone` (`state` `on`, later `off`), or this "
        "machine's clock moved more than 30 s other than time passed (`seconds`).",
        partial(own_events.alarm, about=_ACME, error=_ZONE),
    ),
    (
        "A certificate that a link depends on ends: 30, 14 and 3 days before, and when it has. "
        "`certificate` is `collector` (theirs), `client` (ours) or `ca`.",
        partial(own_events.certificate, collector="siem", certificate=_ENDS, days=14),
    ),
    (
        "A credential will soon be refused; `state` `on`, later `off`.",
        partial(own_events.alarm, about=_ACME, error=_REGENERATED),
    ),
    (
        "Somebody read events or the status [over HTTP](http-api.md), or tried to without a valid token "
        "(`result` `failure`, no `token`). For each token and address the first visit is told at once, and "
        "those after it once a minute, all together. What a visitor without a token asked for is not "
        "repeated.",
        partial(accessed, visits=_VISITS),
    ),
    (
        "Any other alarm of a source, such as one of a plug-in.",
        partial(
            own_events.alarm,
            about=About(kind="source", name="doors"),
            error=WorkerError(code="LPF399", text="the controller's memory is almost full"),
        ),
    ),
    (
        "A collector takes events, and a person should look at something all the same: the preferred host is "
        "down, a renewed certificate cannot be used.",
        partial(own_events.alarm, about=About(kind="collector", name="siem"), error=_SECOND_CHOICE),
    ),
    (
        "The journal works, and a person should look at it: room for a few days only, places that cannot be "
        "written, a damaged file that was replaced.",
        partial(own_events.alarm, about=About(kind="journal"), error=_LITTLE_ROOM),
    ),
    (
        "To each collector in its own interval (`heartbeat: 5m`), whatever it filters, and to no "
        "other. The counters are those since the last one.",
        partial(
            heartbeat,
            collector="siem",
            number=412,
            skipped=0,
            since="2026-11-22T11:55:00.000Z",
            version="0.1.0",
            grown=Counts(read=31, sent=32, confirmed=32),
            present=Present(
                waiting=3,
                oldest_waiting="2026-11-22T11:59:58.412Z",
                newest_event="2026-11-22T11:59:21.000Z",
                position=61_882,
                sequence=2_118,
                uptime=183_600.0,
            ),
        ),
    ),
)

FIELDS = {
    "afterCrash": "`true` when the last life ended without a stop",
    "certificate": "whose: `collector`, `client` or `ca`",
    "changed": "what a reload started, stopped or started anew, and which keys wait for a restart",
    "clientAddress": "where the reader came from; empty when they are several",
    "code": "code of the [error catalogue](reference/errors.md)",
    "collector": "its configured name",
    "collectorCount": "how many are configured",
    "configurationHash": "SHA-256 of the settings in effect",
    "count": "how many events or records",
    "daysLeft": "whole days; negative once it has ended",
    "eventsConfirmed": "confirmed by this collector since the last heartbeat, own events included",
    "eventsRead": "read from all sources since then, and new; of 8013: handed to this reader",
    "eventsReplayed": "sent again since then",
    "eventsSent": "sent for the first time since then, over reloads too; after a start: since the start",
    "eventsSetAside": "set aside for this collector since then",
    "eventsWaited": "that could not be handed over meanwhile",
    "eventsWaiting": "that this collector still gets, now",
    "expires": "end of the certificate; RFC 3339",
    "first": "first place in the journal that is lost",
    "fix": "what to do",
    "hashAfter": "hash of the settings in effect now",
    "hashBefore": "hash of the settings that were in effect",
    "heartbeat": "number of this heartbeat for this collector, over all lives",
    "heartbeatsSkipped": "heartbeats left out before this one: the collector was away, or the journal full",
    "journalPosition": "last place in the journal",
    "last": "last place in the journal that is lost",
    "lastPoll": "when the source last answered; RFC 3339",
    "newestEvent": "greatest event time of all sources; RFC 3339",
    "oldestWaiting": "when the oldest waiting event was received; absent when none waits",
    "paths": "up to three paths that were asked for with this token",
    "place": "file, line and column of the first mistake in a configuration",
    "previousStart": "when the last life began; RFC 3339",
    "problems": "mistakes in a configuration that was refused",
    "reason": "what happened, without the contents of any event",
    "recordsRejected": "records of all sources since the last heartbeat that are no events",
    "refused": "of these, how many were refused",
    "repeated": "how often the same began since it was last told, and was not told",
    "requests": "requests since the last such report, refused ones included",
    "seconds": "how long it lasted; how far the clock jumped, negative for backwards",
    "sequence": "`sequenceId` of the message handed over last when this was written; 0 when they begin anew",
    "since": "when it began; of a heartbeat: when the last one was written",
    "sourceCount": "how many are configured",
    "sourceName": "its configured name",
    "state": "`blocked`, `failing`, `silent` or `stalled`; of an alarm `on` or `off`",
    "statuses": "the HTTP statuses of the answers",
    "subject": "name in the certificate",
    "token": "the name of the token, never the token; empty without a valid one",
    "uptimeSeconds": "since the start",
    "version": "of the forwarder",
}
"""What no vault's event has."""


def page() -> str:
    """The whole page, its examples and fields made anew."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    return before + BEGIN + "\n" + "\n".join([*_events(), *_fields()]) + "\n" + END + after


def samples() -> Iterator[tuple[str, Event]]:
    """What is said of each, and an example."""
    for number, (text, make) in enumerate(SAMPLES, 1):
        yield text, make(Stamp(life="docs", number=number, time=_NOW))


def _events() -> Iterator[str]:
    yield "## The events\n"
    for text, event in samples():
        kind = EVENT_IDS[event.text("eventId")]
        yield f"### {kind.event_id} `{kind.event_type}`: {kind.name}, severity {kind.severity}\n"
        yield textwrap.fill(text, 118) + "\n"
        yield f"```\n{_message(event, 'json')}\n```\n"
        yield f"```\n{_message(event, 'cef')}\n```\n"


def _message(event: Event, payload: str) -> str:
    formatter = JsonFormat(JsonOptions()) if payload == "json" else CefFormat(CefOptions())
    envelope = Rfc5424(Rfc5424Options(hostname="fwd1.example.net", procid="812"))
    encoder = Encoder(lambda _: True, formatter, envelope, 8096, first_number=2119)
    message = encoder.encode(Entry(Seq(1), OWN, event))
    assert isinstance(message, bytes)
    return message.decode()


def _fields() -> Iterator[str]:
    yield "## Their fields\n"
    yield "Times are RFC 3339. `result` is `failure` for what is wrong and `success` for what is well.\n"
    yield "| field | |\n|---|---|"
    for name, text in sorted(FIELDS.items()):
        yield f"| `{name}` | {text} |"
    yield ""


def stale() -> list[str]:
    """The page, if it says something else than the code."""
    is_current = PAGE.read_text(encoding="utf-8") == page()
    return [] if is_current else [str(PAGE.relative_to(ROOT))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the page is stale")
    if parser.parse_args().check:
        for name in stale():
            print(f"{name} is stale: run scripts/generate_own_events_docs.py")
        return 1 if stale() else 0
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
