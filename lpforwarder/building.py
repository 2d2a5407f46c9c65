"""From settings to the parts of a worker: encoder, pump, poller, and what a reload compares them by."""

from __future__ import annotations

import functools
import hashlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from lpforwarder import plugins
from lpforwarder.config import files
from lpforwarder.config.privacy import PrivacyOptions, key_in
from lpforwarder.delivery.encoder import Encoder
from lpforwarder.delivery.filters import chosen_by, wanted_by
from lpforwarder.delivery.options import CollectorOptions
from lpforwarder.delivery.pump import Limits, Pump
from lpforwarder.intake.contract import SourceOptions
from lpforwarder.intake.poller import Poller
from lpforwarder.journal.sqlite import SqliteJournal
from lpforwarder.privacy import Privacy
from lpforwarder.runtime import logs
from lpforwarder.runtime.turns import Turns


def encoder_for(options: CollectorOptions, *, procid: str | None = None) -> Encoder:
    """Event → message as this collector wants it."""
    formatter = plugins.load("formats", options.format)
    envelope = plugins.load("envelopes", "rfc5424")
    return Encoder(
        wanted_by(options),
        formatter(getattr(options, options.format, None) or formatter.Options()),
        envelope(
            envelope.Options(
                facility=options.facility,
                hostname=options.hostname or own_hostname(),
                app_name=options.app_name,
                procid=procid or str(os.getpid()),
            )
        ),
        options.max_message,
        numbered=options.sequence_id,
        conceal=privacy.event if (privacy := privacy_of(options.privacy)) else None,
        chosen=chosen_by(options),
    )


def pump_for(options: CollectorOptions, journal: SqliteJournal) -> Pump:
    """One collector's worker; a new collector gets its first place in the journal."""
    journal.register(options.name, options.start)
    return Pump(
        options.name,
        journal,
        encoder_for(options),
        plugins.load("transports", options.transport)(options),
        Limits(
            fence_events=options.fence.events,
            fence_seconds=options.fence.time,
            replay_events=options.replay.events,
            replay_seconds=options.replay.time,
            rate=options.rate_limit,
        ),
    )


def poller_for(
    options: SourceOptions,
    journal: SqliteJournal,
    privacy: PrivacyOptions | None,
    turns: Turns | None = None,
) -> Poller:
    """One source's worker; all of a service share their turns."""
    source = plugins.load("sources", options.type)(options)
    concealing = privacy_of(privacy) if privacy else None
    return Poller(options.name, source, journal, options.poll_interval, privacy=concealing, turns=turns)


def privacy_of(options: PrivacyOptions) -> Privacy | None:
    """The rules of these settings; None when there are none, so that nobody has to ask.

    The key is read when an event first needs it. Denied then stops the worker, never the process.
    """

    def key() -> bytes:
        assert options.hash_key_file is not None, "checked with the configuration"
        secret = key_in(options.hash_key_file).reveal()
        logs.conceal(secret)
        return secret.encode("utf-8")

    return Privacy(drop=options.drop, hash=options.hash, key=key) if options.is_on else None


@functools.cache
def own_hostname() -> str:
    """This machine's name: the full one if /etc/hosts or the kernel knows it. Never asks DNS."""
    name = socket.gethostname()
    if "." in name:
        return name
    try:
        lines = Path("/etc/hosts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return name
    for line in lines:
        names = line.partition("#")[0].split()[1:]
        if name in names:
            return next((full for full in names if full.startswith(name + ".")), name)
    return name


def digests(options: BaseModel) -> tuple[str, ...]:
    """SHA-256 of every file the options name, in order; a file that cannot be read counts as empty."""
    return tuple(_digest(path) for path in named_files(options))


def named_files(options: BaseModel) -> Iterator[Path]:
    """The certificate, key and secret files in these settings; not a source's own data."""
    for key, value in options:
        if isinstance(value, BaseModel):
            yield from named_files(value)
        elif isinstance(value, Path) and key.endswith("_file"):
            yield value


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(files.content(path)).hexdigest()
    except OSError:
        return ""
