"""Before anything is timed: does each sender really send every event, rightly framed and rightly written?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.counting import event_id, frames
from bench.events import write_lines
from bench.measuring import patience, running
from bench.senders.contract import Format, Job, Link, Sender, Target
from bench.sinks import SinkProcess
from tests.fakes.certificates import Certificates

EVENTS = 1500
"""More than a page, and every kind of event with every kind of difficult text is among them."""

_CEF = re.compile(rb"CEF:0\|LastPass\|Enterprise\|1\.0\|(\d{4})\|[^|]*\|(\d{1,2})\|")
_PAIR = re.compile(rb"(?:^| )([A-Za-z0-9]+)=")


class Dishonest(Exception):
    """A sender sent something else than it was given."""


def rehearse(sender: Sender, format: Format, link: Link, certificates: Certificates, folder: Path) -> None:
    """Sends some events and reads every frame; raises Dishonest when one is missing, torn or wrong."""
    file = folder / "events.jsonl"
    write_lines(file, EVENTS)
    job = Job(file=file, events=EVENTS, format=format, link=link)
    messages = list(_sent(sender, job, certificates, folder))
    faults = judge(messages, file.read_bytes().splitlines(), format)
    if faults:
        raise Dishonest(f"{sender.name}, {job.name}: {len(faults)} faults, the first: {faults[0]}")


def _sent(sender: Sender, job: Job, certificates: Certificates, folder: Path) -> Iterator[bytes]:
    """The messages, in the order of the connections they came over."""
    own = folder / "sender"
    own.mkdir()
    tls = certificates if job.link == "tls" else None
    with SinkProcess(job.marker, tls=tls, keep=folder / "sent") as sink:
        target = Target(port=sink.port, certificates=certificates)
        with running(sender.command(own, job, target)) as child:
            sink.wait_for(job.events, patience(job.events), child.is_alive)
            child.stop()
        connections = sink.look().connections
    for number in range(connections):
        yield from frames((folder / f"sent.{number}").read_bytes())


def judge(messages: Iterable[bytes], lines: list[bytes], format: Format) -> list[str]:
    """What is wrong with these messages of the events in `lines`; own events are left out."""
    events = {record["id"]: record for record in map(json.loads, lines)}
    seen: set[str] = set()
    faults: list[str] = []
    for message in messages:
        identity = event_id(message)
        if identity not in events:
            continue
        if identity in seen:
            faults.append(f"{identity} came twice")
        seen.add(identity)
        fault = _FAULT[format](message, events[identity])
        if fault:
            faults.append(f"{fault}: {message[:300]!r}")
    return faults + [f"{identity} is missing" for identity in events.keys() - seen]


def _fault_in_json(message: bytes, event: dict[str, object]) -> str:
    at = message.find(b"{")
    try:
        return "" if json.loads(message[at:]) == event else "another event"
    except ValueError:
        return "no JSON"


def _fault_in_cef(message: bytes, event: dict[str, object]) -> str:
    """Header, and what people may type: it must read back as it was but for what CEF cannot carry.

    One line feed at the very end is forgiven: syslog-ng writes it, and receivers take it away.
    """
    message = message.removesuffix(b"\n")
    header = _CEF.search(message)
    if header is None or header[1].decode() != event["eventId"]:
        return "no CEF header, or one of another event"
    if b"\n" in message:
        return "a line feed"
    try:
        values = extension(message[header.end() :])
    except ValueError as error:
        return str(error)
    for field, key in (("message", "msg"), ("itemName", "fname"), ("sourceUser", "suser")):
        if field in event and _plain(values.get(key, "")) != _plain(str(event[field])):
            return f"{key} is {values.get(key)!r}"
    return ""


def extension(text: bytes) -> dict[str, str]:
    """The pairs of a CEF extension, unescaped; ValueError when a value holds a bare `=`."""
    masked = text.replace(b"\\\\", b"\0\0").replace(b"\\=", b"\0=").replace(b"\0=", b"\1\1")
    found = list(_PAIR.finditer(masked))
    ends = [match.start() for match in found[1:]] + [len(text)]
    if masked.count(b"=") != len(found):
        raise ValueError("an equals sign that is not escaped")
    return {
        match[1].decode(): _unescaped(text[match.end() : end].decode("utf-8", "replace"))
        for match, end in zip(found, ends, strict=True)
    }


def _unescaped(value: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "r": "\r"}.get(found[1], found[1]), value)


def _plain(text: str) -> str:
    """Without blanks and controls: how a sender cleans those is its own affair; syslog-ng writes u0009."""
    return re.sub(r"u0009|[\s\x00-\x1f]+", "", text)


_FAULT = {"json": _fault_in_json, "cef": _fault_in_cef}
