"""Builds the workers from settings; start, reload, drain, stop. The only place where the stages meet."""

from __future__ import annotations

import functools
import hashlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from pydantic import BaseModel

from lpforwarder import plugins, rfc3339, status
from lpforwarder.config.privacy import PrivacyOptions, key_in
from lpforwarder.delivery.encoder import Encoder
from lpforwarder.delivery.filters import wanted_by
from lpforwarder.delivery.options import CollectorOptions
from lpforwarder.delivery.pump import Limits, Pump
from lpforwarder.delivery.transports.diagnosis import WITHIN as LOOK_WITHIN
from lpforwarder.delivery.transports.fences import FENCE_FAILURES, FENCE_TIMEOUT
from lpforwarder.errors import ConfigError
from lpforwarder.intake.contract import SourceOptions
from lpforwarder.intake.poller import Poller
from lpforwarder.journal.janitor import Janitor
from lpforwarder.journal.sqlite import SqliteJournal
from lpforwarder.privacy import Privacy
from lpforwarder.reporting.judging import USUAL, Thresholds
from lpforwarder.reporting.spokesman import Spokesman
from lpforwarder.runtime import logs
from lpforwarder.runtime.plan import Plan, plan
from lpforwarder.runtime.retry import Policy
from lpforwarder.runtime.supervisor import Supervisor
from lpforwarder.runtime.worker import WorkerError
from lpforwarder.settings import Settings, load

log = structlog.get_logger()

JANITOR = "janitor"
REPORTER = "reporter"
SPARING = 2.0  # seconds between two looks at the credentials of a source that was refused
CALLS = 6  # a pull may make so many calls to its vault, each as long as its time limit
MENDED_WITHIN = 45.0  # seconds; so that events flow a minute after a person has mended a collector
GOOD_RUN = 1.0  # seconds after which a link or a vault counts as good, and its back-off begins anew
LONGEST_REMOVAL = 5.0  # seconds a reload gives a removed worker to finish what it holds


@dataclass(frozen=True, slots=True)
class Part:
    """What a worker is made from; two equal parts need no restart.

    `files` are digests of the files its settings name: a renewed certificate is a change.
    """

    kind: str
    options: Any
    files: tuple[str, ...]
    privacy: PrivacyOptions | None = None
    """What a source's events must not say; a collector has it among its options."""


class App:
    """The running service: its workers, and the settings they were made from."""

    def __init__(self, journal: SqliteJournal, supervisor: Supervisor) -> None:
        self.journal = journal
        self.supervisor = supervisor
        self.settings: Settings | None = None
        self.pumps: dict[str, Pump] = {}
        self.pollers: dict[str, Poller] = {}
        self._parts: dict[str, Part] = {}
        self._started = rfc3339.now()
        self._spokesman: Spokesman | None = None

    def report_itself(self, thresholds: Thresholds = USUAL) -> None:
        """Writes own events (8xxx) from now on; to be called before the first apply()."""
        self._spokesman = Spokesman(self, own_hostname(), thresholds)

    def apply(self, settings: Settings, meanwhile: Callable[[], None] = lambda: None) -> Plan:
        """Starts what is new, stops what is gone, restarts what changed, leaves the rest alone.

        `meanwhile` is called about once a second while it waits for a worker to end.
        """
        is_first = self.settings is None
        parts = parts_of(settings)
        changes = plan(self._parts, parts)
        stuck = self.supervisor.stop(changes.stop, LONGEST_REMOVAL, meanwhile)
        gone = [name for name in changes.stop if name not in parts]
        self.supervisor.forget(gone)
        for name in changes.stop:
            self._drop(self._parts[name])
        limits = settings.journal
        self.journal.apply(keep=limits.keep, max_size=limits.max_size, when_full=limits.when_full)
        self.journal.hold_for([collector.name for collector in settings.collectors])
        for name in stuck:  # its thread would work beside the new one; the next reload tries again
            parts.pop(name, None)
        if is_first and self._spokesman is not None:
            self._spokesman.started(settings)
        for name in changes.start:  # readers stand before writers in parts_of
            if name in parts:
                self._start(name, parts[name])
        self._parts, self.settings = parts, settings
        log.info("settings.applied", started=len(changes.start), stopped=len(gone), kept=len(changes.keep))
        if is_first and self._spokesman is not None:
            self.supervisor.start(REPORTER, self._spokesman.reporter, Policy())
        return changes

    def reload(self, path: Path, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Reads the configuration again; raises ConfigError and changes nothing when it is wrong."""
        before = self.settings
        try:
            settings = load(path)
        except ConfigError as error:
            if self._spokesman is not None:
                self._spokesman.refused(error)
            raise
        if before is not None:
            self._tell_what_waits(settings)
        changes = self.apply(settings, meanwhile)
        if before is not None and self._spokesman is not None:
            self._spokesman.configured(before, settings, changes)
        for poller in self.pollers.values():
            poller.try_again()
        self.supervisor.wake()

    def _tell_what_waits(self, settings: Settings) -> None:
        """Logs the changed settings that only a restart can apply."""
        assert self.settings is not None
        old, new = self.settings, settings
        changed = {
            "journal.path": old.journal.path != new.journal.path,
            "http": old.http != new.http,
            "control_socket": old.control_socket != new.control_socket,
        }
        for key in [key for key, is_changed in changed.items() if is_changed]:
            log.warning("settings.need_restart", key=key, reason="takes effect at the next start")

    def drain(self, within: float, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Stops the sources, lets the collectors take what waits, stops them; `within` seconds for all."""
        deadline = time.monotonic() + within
        self.supervisor.stop([*map(source_name, self.pollers), JANITOR, REPORTER], within / 2, meanwhile)
        if self._spokesman is not None:
            self._spokesman.stopped()
        left = max(deadline - time.monotonic(), 0.0)
        self.supervisor.stop(map(collector_name, self.pumps), left, meanwhile)
        for poller in self.pollers.values():
            poller.close()

    @property
    def patience(self) -> float:
        """Seconds the longest honest call of a worker may take; beyond that the watchdog is not fed."""
        assert self.settings is not None
        calls = [_longest_call(options) for options in self.settings.collectors]
        calls += [CALLS * getattr(options, "timeout", 0.0) for options in self.settings.sources]
        return max(calls, default=0.0) + 30.0

    def snapshot(self) -> dict[str, Any]:
        """How the service is doing now; see status.py."""
        assert self.settings is not None
        facts = self.journal.facts()
        life = status.Life(
            pid=os.getpid(),
            started=self._started,
            workers=self.supervisor.states(),
            links={name: _link_state(pump) for name, pump in list(self.pumps.items())},
            polls={name: poller.polled.last_poll for name, poller in list(self.pollers.items())},
            alarms={name: poller.alarms for name, poller in list(self.pollers.items())},
            full_in=self.journal.full_in,
            warnings=self.journal.warnings,
            heartbeat=self._spokesman.reporter.last_heartbeat if self._spokesman else None,
        )
        return status.snapshot(self.settings, facts, self.journal.waiting, life, now=rfc3339.now())

    def _start(self, name: str, part: Part) -> None:
        if part.kind == "collector":
            pump = self.pumps[part.options.name] = pump_for(part.options, self.journal)
            self.supervisor.start(name, pump, collector_policy(part.options))
        elif part.kind == "source":
            poller = poller_for(part.options, self.journal, part.privacy)
            self.pollers[part.options.name] = poller
            self.supervisor.start(name, poller, source_policy(poller))
        else:
            self.supervisor.start(name, Janitor(self.journal), Policy())

    def _drop(self, part: Part) -> None:
        if part.kind == "collector":
            self.pumps.pop(part.options.name, None)
        elif part.kind == "source" and (poller := self.pollers.pop(part.options.name, None)):
            poller.close()


def _longest_call(options: CollectorOptions) -> float:
    """Seconds a collector's link may be busy with one call, if all goes as slowly as it may."""
    connect = getattr(options, "connect_timeout", 0.0)
    fences = FENCE_TIMEOUT * FENCE_FAILURES  # a collector that does not close half-closed connections
    sending = getattr(options, "stall_timeout", 0.0) + connect + fences
    # Each host: name lookup, connection, handshake, and a second look at a certificate that is refused.
    return max(sending, len(getattr(options, "host", ())) * (3 * connect + 2 * LOOK_WITHIN))


def _link_state(pump: Pump) -> status.LinkState:
    link = pump.link
    return status.LinkState(
        connected_since=link.connected_since,
        peer=link.peer,
        confirm=link.confirm,
        last_sent=link.last_sent,
        unconfirmed=pump.window.unconfirmed,
        unmoved_since=link.unmoved_since,
        is_held=link.is_held,
        certificates=link.certificates,
        alarms=[WorkerError(code=each.code, text=each.what, fix=each.fix) for each in link.alarms],
    )


def parts_of(settings: Settings) -> dict[str, Part]:
    """Worker name → what it is made from; collectors first, then sources: readers before writers."""
    parts = {JANITOR: Part("janitor", None, ())}
    for collector in settings.collectors:
        parts[collector_name(collector.name)] = Part("collector", collector, digests(collector))
    for source in settings.sources:
        files = digests(source) + digests(settings.privacy)
        parts[source_name(source.name)] = Part("source", source, files, settings.privacy)
    return parts


def collector_name(name: str) -> str:
    """The worker name of a collector; sources may have the same configured name."""
    return f"collector:{name}"


def source_name(name: str) -> str:
    """The worker name of a source."""
    return f"source:{name}"


def collector_policy(options: CollectorOptions) -> Policy:
    """A collector that needs a person is tried at its own slowest pace: it has no account to lock.

    One that was up for a moment is tried again at once: it was restarted. One that hangs up on every
    connection is not, and backs off.
    """
    return Policy(
        first=options.retry.first,
        most=options.retry.most,
        blocked=min(options.retry.most, MENDED_WITHIN),
        good_run=GOOD_RUN,
    )


def source_policy(poller: Poller) -> Policy:
    """A source that spares its vault by itself is pulled often, so that new credentials count at once."""
    sparing = Policy(blocked=SPARING, good_run=GOOD_RUN)
    return sparing if poller.is_sparing else Policy(good_run=GOOD_RUN)


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


def poller_for(options: SourceOptions, journal: SqliteJournal, privacy: PrivacyOptions | None) -> Poller:
    """One source's worker."""
    source = plugins.load("sources", options.type)(options)
    concealing = privacy_of(privacy) if privacy else None
    return Poller(options.name, source, journal, options.poll_interval, privacy=concealing)


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
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
