"""`run --dry-run`: what would be sent, on stdout; nothing is sent, nothing moves."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO

from lpforwarder import plugins
from lpforwarder.building import encoder_for, privacy_of
from lpforwarder.cli.failures import exit_code, show
from lpforwarder.counting import counted
from lpforwarder.delivery.encoder import Encoder
from lpforwarder.delivery.options import CollectorOptions
from lpforwarder.errors import Failure
from lpforwarder.event import Cursor, Entry, Poison, Seq
from lpforwarder.intake.contract import SourceOptions
from lpforwarder.journal.reader import JournalReader, open_reader
from lpforwarder.privacy import Privacy
from lpforwarder.settings import Settings

BATCH = 1000


def print_messages(settings: Settings) -> int:
    """First what waits in the journal, then what the sources would add; 3 when a source cannot be read."""
    encoders = [(options, encoder_for(options)) for options in settings.collectors]
    privacy = privacy_of(settings.privacy)
    with ExitStack() as closing:
        journal = _journal(settings, closing)
        counts = dict.fromkeys((options.name for options in settings.collectors), 0)
        for options, encoder in encoders:
            for entry in _waiting(journal, options):
                counts[options.name] += _print(options.name, encoder, entry, sys.stdout.buffer)
        failed = 0
        for source in settings.sources:
            cursor = journal.cursor(source.name) if journal else None
            try:
                for entry in _fresh(source, cursor, privacy):
                    for options, encoder in encoders:
                        counts[options.name] += _print(options.name, encoder, entry, sys.stdout.buffer)
            except Failure as error:
                show(error, prefix=f"{source.name}: ")
                failed = exit_code(error)
    sys.stdout.buffer.flush()
    for name, count in counts.items():
        print(f"{name}: {counted(count, 'message')} would be sent. Nothing was.", file=sys.stderr)
    return failed


def _journal(settings: Settings, closing: ExitStack) -> JournalReader | None:
    try:
        return closing.enter_context(open_reader(settings.journal.path))
    except FileNotFoundError:
        return None


def _waiting(journal: JournalReader | None, options: CollectorOptions) -> Iterator[Entry]:
    """Entries behind the collector's checkpoint."""
    if journal is None:
        return
    known = options.name in journal.facts().collectors
    place = journal.checkpoint(options.name)
    if not known and options.start == "newest":
        place = journal.newest()
    while entries := journal.read(place, BATCH):
        yield from entries
        place = entries[-1].seq


def _fresh(options: SourceOptions, cursor: Cursor | None, privacy: Privacy | None) -> Iterator[Entry]:
    """What the source would add to the journal now."""
    source = plugins.load("sources", options.type)(options)
    try:
        more = True
        while more:
            page = source.pull(cursor)
            for event in page.events:
                yield Entry(Seq(0), options.name, privacy.event(event) if privacy else event)
            for reject in page.rejects:
                print(f"{options.name}: {reject.where}: set aside: {reject.reason}", file=sys.stderr)
            more = page.more and page.cursor != cursor
            cursor = page.cursor
    finally:
        source.close()


def _print(name: str, encoder: Encoder, entry: Entry, out: IO[bytes]) -> int:
    message = encoder.encode(entry)
    if message is None:
        return 0
    if isinstance(message, Poison):
        print(f"{name}: an event {message.reason} [{message.code}]; it would be set aside", file=sys.stderr)
        return 0
    out.write(message + b"\n")
    return 1
