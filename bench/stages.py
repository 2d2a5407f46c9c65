"""Each stage alone, in one process and one thread: microseconds of CPU for an event."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar

from bench.events import SOURCE
from bench.medians import Spread, spread
from bench.path import collector_options, open_journal_in, open_path
from bench.section import Section, number, table
from bench.senders.contract import FORMATS, LINKS, Format, Job, Link, Target
from bench.setting import Setting, say
from bench.sinks import SinkProcess
from lpforwarder import plugins
from lpforwarder.building import encoder_for
from lpforwarder.delivery.contract import Transport
from lpforwarder.delivery.framing import OctetCounting
from lpforwarder.delivery.options import CollectorOptions
from lpforwarder.event import Event, Seq, Stretch
from lpforwarder.intake.sources import json_text
from lpforwarder.intake.sources.file import FileOptions, FileSource
from lpforwarder.intake.sources.following import LogFile
from lpforwarder.intake.sources.lastpass import making
from lpforwarder.intake.sources.lastpass.records import Raw
from lpforwarder.intake.sources.lastpass.surplus import Found
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
    yield "file source: read, cut, parse, normalise", _micros(lambda: _pulled(file), count)
    told = _vault_records(count)
    yield "normalise a LastPass record", _micros(lambda: [_lastpass(page) for page in _pages(told)], count)
    pages = _pulled(file)
    yield from _journal(setting, pages, count)
    stretches = list(_stretches(pages))
    for format in reversed(FORMATS):
        yield from _writing(setting, format, stretches, count)
    for link in LINKS:
        yield from _sending(setting, link, stretches)
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


def _pulled(file: Path) -> list[Sequence[Event]]:
    """The pages of the source that reads this file."""
    source = FileSource(FileOptions(name=SOURCE, type="file", path=file))
    pages: list[Sequence[Event]] = []
    more, cursor = True, None
    while more:
        page = source.pull(cursor)
        pages.append(page.events)
        more, cursor = page.more, page.cursor
    source.close()
    return pages


def _stretches(pages: Sequence[Sequence[Event]]) -> Iterator[Stretch]:
    """As the journal hands them to a collector."""
    place = 1
    for page in pages:
        yield Stretch(Seq(place), SOURCE, [one.line for one in page])
        place += len(page)


def _vault_records(count: int) -> list[Found]:
    """As they stand in an answer of the reporting API, in time."""
    found = []
    for place, one in enumerate(Vault(VaultOptions(events=count, days=0.9)).truth()):
        raw = Raw(one.time, one.username, one.ip_address, one.action, one.data)
        found.append(Found(one.at // 1_000_000, -place, raw, raw, one.at // 1_000_000))
    return found


def _lastpass(page: Sequence[Found]) -> object:
    return making.events(page, "40012345", SOURCE)


def _journal(setting: Setting, pages: Sequence[Sequence[Event]], count: int) -> Iterator[tuple[str, float]]:
    with setting.folder() as folder:
        with open_journal_in(folder) as journal:

            def append() -> None:
                for number, page in enumerate(pages):
                    journal.append(SOURCE, page, (), str(number))

            began = time.monotonic()
            yield "journal: append, synced", _micros(append, count)
            yield "  the same, wall clock", (time.monotonic() - began) / count * 1e6
        with open_journal_in(folder) as journal:

            def read() -> None:
                place = Seq(0)
                while found := journal.stretches(place, PAGE):
                    place = Seq(found[-1].first + len(found[-1].lines) - 1)

            yield "journal: read", _micros(read, count)


def _writing(
    setting: Setting, format: Format, stretches: Sequence[Stretch], count: int
) -> Iterator[tuple[str, float]]:
    options = _options(setting, format, "tcp", 1)
    encode = encoder_for(options).encode_all
    yield f"encoder: filter, {format.upper()}, RFC 5424", _micros(lambda: encode(stretches), count)
    entries = [entry for stretch in stretches for entry in stretch.entries()]
    one_by_one = encoder_for(options).encode
    yield (
        f"  {format.upper()} event by event",
        _micros(lambda: [one_by_one(entry) for entry in entries], count),
    )


def _sending(setting: Setting, link: Link, stretches: Sequence[Stretch]) -> Iterator[tuple[str, float]]:
    tls = setting.certificates if link == "tls" else None
    job = Job(file=setting.work, events=0, format="cef", link=link)
    with SinkProcess(job.marker, tls=tls) as sink:
        options = _options(setting, "cef", link, sink.port)
        messages = encoder_for(options).encode_all(stretches).messages
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


def _options(setting: Setting, format: Format, link: Link, port: int) -> CollectorOptions:
    job = Job(file=setting.work, events=0, format=format, link=link)
    return collector_options(job, Target(port=port, certificates=setting.certificates), setting.work)


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
