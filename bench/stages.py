"""Each stage alone, in one process and one thread: microseconds of CPU for an event."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from bench.events import SOURCE, events
from bench.medians import Spread, spread
from bench.path import collector_options, open_journal_in, open_path
from bench.section import Section, number, table
from bench.senders.contract import FORMATS, LINKS, Format, Job, Link, Target
from bench.setting import Setting, say
from bench.sinks import SinkProcess
from lpforwarder import event, plugins
from lpforwarder.building import encoder_for
from lpforwarder.delivery.contract import Formatter, Transport
from lpforwarder.delivery.envelopes.rfc5424 import Rfc5424, Rfc5424Options
from lpforwarder.delivery.filters import wanted_by
from lpforwarder.delivery.framing import OctetCounting
from lpforwarder.event import Entry, Event, Seq
from lpforwarder.intake import canonical
from lpforwarder.intake.sources import json_text
from lpforwarder.intake.sources.following import LogFile
from lpforwarder.intake.sources.lastpass import records
from lpforwarder.intake.sources.records import Limits, Place
from lpforwarder.simulator.vault.options import VaultOptions
from lpforwarder.simulator.vault.vault import Vault

_T = TypeVar("_T")
PAGE = 1000
_MOST = 50_000
"""Events a stage is given in one go: enough to be above the clock's steps, few enough to stay in memory."""


def measure_stages(setting: Setting) -> Section:
    """A table: one row a stage."""
    count = min(setting.scale.events, _MOST)
    rows: dict[str, list[float]] = {}
    for _ in range(setting.scale.rounds):
        for name, micros in _once(setting, count):
            rows.setdefault(name, []).append(micros)
    say(f"stages: {len(rows)} measured")
    shown = [[name, *_shown(spread(values))] for name, values in rows.items()]
    heads = ["", "CPU µs/event, median", "least"]
    text = (
        f"{table(heads, shown)}\n\nThe least of the rounds is what an undisturbed core takes. `poller` and "
        "`pump` are whole loops: what `lpforwarder run` does for each event, in two threads."
    )
    scale = f"{count:,} events, {setting.scale.rounds} rounds, pages of {PAGE:,}"
    return Section(name="stages", title="Each stage alone", scale=scale, text=text)


def _shown(values: Spread) -> tuple[str, str]:
    return number(values.median), number(values.least)


def _once(setting: Setting, count: int) -> Iterator[tuple[str, float]]:
    """(stage, microseconds an event), every stage once."""
    file = setting.lines(count)
    yield "read the file and cut it into lines", _micros(lambda: _cut(file), count)
    lines = [line for page in _cut(file) for line in page]
    yield "parse and normalise a line", _micros(lambda: [_event(line) for line in lines], count)
    told = _vault_records(count)
    yield "normalise a LastPass record", _micros(lambda: [_lastpass(one) for one in told], count)
    made = list(events(count))
    yield from _journal(setting, made)
    entries = [Entry(Seq(place), SOURCE, one) for place, one in enumerate(made, 1)]
    for format in reversed(FORMATS):
        yield from _writing(setting, format, entries)
    for link in LINKS:
        yield from _sending(setting, link, entries)
    for link in LINKS:
        yield from _loops(setting, link, count)


def _micros(work: Callable[[], object], count: int) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) / count * 1e6


def _cut(file: Path) -> list[list[bytes]]:
    """The lines of the file, page by page, as the file source reads them."""
    limits, place, pages = Limits(), Place(), []
    log = LogFile(file)
    while True:
        cut = json_text.cut(log.read(place.offset, limits.window), place, False, limits)
        if not cut.records:
            break
        pages.append([line for _, _, line in cut.records])
        place = cut.place
    log.close()
    return pages


def _event(line: bytes) -> Event:
    return canonical.to_event(event.parse(line), source=SOURCE, fallback_id="")


def _vault_records(count: int) -> list[dict[str, Any]]:
    """As they stand in an answer of the reporting API."""
    vault = Vault(VaultOptions(events=count, days=0.9))
    return [
        {
            "Time": one.time,
            "Username": one.username,
            "IP_Address": one.ip_address,
            "Action": one.action,
            "Data": one.data,
        }
        for one in vault.truth()
    ]


def _lastpass(record: dict[str, Any]) -> object:
    raw = records.raw_texts(record)
    identity = records.event_id("40012345", raw, 0)
    return records.to_event(record, source=SOURCE, instant=1_748_736_000, id=identity, raw=raw)


def _journal(setting: Setting, made: Sequence[Event]) -> Iterator[tuple[str, float]]:
    with setting.folder() as folder:
        with open_journal_in(folder) as journal:

            def append() -> None:
                for number, page in enumerate(_pages(made)):
                    journal.append(SOURCE, page, (), str(number))

            began = time.monotonic()
            yield "journal: append, synced", _micros(append, len(made))
            yield "  the same, wall clock", (time.monotonic() - began) / len(made) * 1e6
        with open_journal_in(folder) as journal:

            def read() -> None:
                place = Seq(0)
                while page := journal.read(place, PAGE):
                    place = page[-1].seq

            yield "journal: read and decode", _micros(read, len(made))


def _writing(setting: Setting, format: Format, entries: Sequence[Entry]) -> Iterator[tuple[str, float]]:
    job = Job(file=setting.work, events=0, format=format, link="tcp")
    options = collector_options(job, Target(port=1, certificates=setting.certificates), setting.work)
    formatter: Formatter = plugins.load("formats", format)(plugins.load("formats", format).Options())
    made = [entry.event for entry in entries]
    if format == "json":
        wanted = wanted_by(options)
        yield "filter", _micros(lambda: [wanted(entry) for entry in entries], len(entries))
    write = formatter.format
    yield f"format {format.upper()}", _micros(lambda: [write(one) for one in made], len(made))
    payloads = [write(one) for one in made]
    wrap = Rfc5424(Rfc5424Options(hostname="bench.example.net")).wrap
    pairs = list(zip(made, payloads, strict=True))
    yield (
        f"envelope around {format.upper()}",
        _micros(lambda: [wrap(one, payload, 1) for one, payload in pairs], len(made)),
    )
    encode = encoder_for(options).encode
    yield (
        f"encoder: filter, {format.upper()}, envelope",
        _micros(lambda: [encode(entry) for entry in entries], len(made)),
    )


def _sending(setting: Setting, link: Link, entries: Sequence[Entry]) -> Iterator[tuple[str, float]]:
    job = Job(file=setting.work, events=len(entries), format="cef", link=link)
    tls = setting.certificates if link == "tls" else None
    with SinkProcess(job.marker, tls=tls) as sink:
        target = Target(port=sink.port, certificates=setting.certificates)
        options = collector_options(job, target, setting.work)
        encode = encoder_for(options).encode
        messages = [message for entry in entries if isinstance(message := encode(entry), bytes)]
        if link == "tcp":
            frame = OctetCounting().frame
            yield "framing", _micros(lambda: [frame(page) for page in _pages(messages)], len(messages))
        transport: Transport = plugins.load("transports", link)(options)
        transport.open()

        def send() -> None:
            for page in _pages(messages):
                transport.send(page)

        yield f"framing and send over {link.upper()}", _micros(send, len(messages))
        transport.fence(10.0)
        transport.close()
        sink.wait_for(len(messages), 30.0)


def _loops(setting: Setting, link: Link, count: int) -> Iterator[tuple[str, float]]:
    """The whole loops on the real journal, one after the other."""
    job = Job(file=setting.lines(count), events=count, format="cef", link=link)
    tls = setting.certificates if link == "tls" else None
    with setting.folder() as folder, SinkProcess(job.marker, tls=tls) as sink:
        target = Target(port=sink.port, certificates=setting.certificates)
        with open_path(job, target, folder) as path:
            if link == "tcp":
                yield "poller: file to journal", _micros(path.take_in, count)
            else:
                path.take_in()
            name = f"pump: journal to {job.name}, confirmed"
            yield name, _micros(path.hand_over, count)


def _pages(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    place = iter(items)
    while page := list(islice(place, PAGE)):
        yield page
