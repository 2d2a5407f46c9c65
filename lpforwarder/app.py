"""Builds the workers from settings; start, reload, drain, stop. The only place where the stages meet."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec.structs
import structlog
from msgspec import Struct

from lpforwarder import patience, rfc3339, status
from lpforwarder.building import digests, own_hostname, poller_for, pump_for
from lpforwarder.config import restarts
from lpforwarder.config.privacy import PrivacyOptions
from lpforwarder.config.sections import HttpOptions
from lpforwarder.delivery.options import CollectorOptions
from lpforwarder.delivery.pump import Pump
from lpforwarder.endpoint import cursor_key
from lpforwarder.endpoint.contract import Access
from lpforwarder.endpoint.tokens import TokenFile, beside
from lpforwarder.endpoint.worker import Endpoint
from lpforwarder.errors import JOURNAL_FULL, Blocked, ConfigError
from lpforwarder.intake.poller import Poller
from lpforwarder.journal.janitor import Janitor
from lpforwarder.journal.pulling import PulledJournal
from lpforwarder.journal.sqlite import SqliteJournal
from lpforwarder.publishing import Publisher
from lpforwarder.reporting.judging import USUAL, Thresholds
from lpforwarder.reporting.spokesman import Spokesman
from lpforwarder.runtime.plan import Plan, plan
from lpforwarder.runtime.retry import Policy
from lpforwarder.runtime.supervisor import Supervisor
from lpforwarder.runtime.turns import Turns
from lpforwarder.runtime.worker import WorkerError
from lpforwarder.settings import Settings, load

log = structlog.get_logger()

JANITOR = "janitor"
REPORTER = "reporter"
ENDPOINT = "endpoint"
PUBLISHER = "publisher"
SPARING = 2.0  # seconds between two looks at the credentials of a source that was refused
MENDED_WITHIN = 45.0  # seconds; so that events flow a minute after a person has mended a collector
GOOD_RUN = 1.0  # seconds after which a link or a vault counts as good, and its back-off begins anew
ENDPOINT_AGAIN = 15.0  # seconds between two tries to take a port that somebody else has
LONGEST_REMOVAL = 5.0  # seconds a reload gives a removed worker to finish what it holds


class Part(Struct, frozen=True):
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
        self._first: Settings | None = None
        """Those of the start; the journal and the control socket are theirs."""
        self.pumps: dict[str, Pump] = {}
        self.pollers: dict[str, Poller] = {}
        self._former: dict[str, Pump] = {}
        """The pumps of collectors that are being made anew."""
        self._sent: dict[str, int] = {}
        """Of collectors that were removed: how many messages they were sent for the first time."""
        self._parts: dict[str, Part] = {}
        self._late: dict[str, Part] = {}
        """Those that start once the thread before them has ended."""
        self.turns = Turns()
        self._started = self._configured = rfc3339.now()
        self._is_reload_good: bool | None = None
        self._spokesman: Spokesman | None = None
        self._endpoint: Endpoint | None = None
        self._publisher: Publisher | None = None
        journal.on_room = self._wake_paused

    def report_itself(self, thresholds: Thresholds = USUAL) -> None:
        """Writes own events (8xxx) from now on; to be called before the first apply()."""
        self._spokesman = Spokesman(self, own_hostname(), thresholds)

    def publish(self, settings: Settings) -> None:
        """Takes the port of the HTTP endpoint; to be called before the first apply().

        Blocked (LPF504) when it cannot be had and the configuration asks for it by name. The usual port is
        not worth a service that does not forward: it is tried again while the service runs.
        """
        try:
            journal = PulledJournal(self.journal)
        except Blocked as error:  # damaged where delivery does not need it
            log.error("endpoint.off", code=error.code, reason=error.what, fix=error.fix)
            return
        tokens, key = TokenFile(beside(settings.journal.path)), cursor_key.beside(settings.journal.path)
        self._publisher = Publisher(journal, tokens, key, self.snapshot, self._troubles, self._note_access)
        if settings.http.listen is None:
            return
        self._endpoint = self._endpoint_of(settings.http)
        try:
            self._endpoint.open()
        except Blocked:
            if settings.http.is_wanted:
                raise

    def apply(self, settings: Settings, meanwhile: Callable[[], None] = lambda: None) -> Plan:
        """Starts what is new, stops what is gone, restarts what changed, leaves the rest alone.

        `meanwhile` is called about once a second while it waits for a worker to end.
        """
        is_first = self.settings is None
        parts = parts_of(settings)
        changes = plan(self._parts, parts)
        self.supervisor.stop(changes.stop, LONGEST_REMOVAL, meanwhile)
        gone = [name for name in changes.stop if name not in parts]
        self.supervisor.forget(gone)
        for name in changes.stop:
            self._late.pop(name, None)
            self._drop(self._parts[name], is_gone=name not in parts)
        limits = settings.journal
        self.journal.apply(keep=limits.keep, max_size=limits.max_size, when_full=limits.when_full)
        self.journal.hold_for([collector.name for collector in settings.collectors])
        if is_first:
            self._first = settings
            if self._spokesman is not None:
                self._spokesman.started(settings)
        self.settings = settings  # before the workers: some ask how the service is doing
        for name in changes.start:  # readers stand before writers in parts_of
            self._late[name] = parts[name]
        self._parts, self._configured = parts, rfc3339.now()
        self.start_late()
        log.info("settings.applied", started=len(changes.start), stopped=len(gone), kept=len(changes.keep))
        if is_first and self._spokesman is not None:
            self.supervisor.start(REPORTER, self._spokesman.reporter, Policy())
        return changes

    def start_late(self) -> None:
        """Starts what a reload could not: its old thread had not ended, and would work beside the new one.

        To be called every second or so; a source may hang for as long as its `timeout`.
        """
        for name in [name for name in self._late if self.supervisor.has_left(name)]:
            self._start(name, self._late.pop(name))

    def reload(self, path: Path, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Reads the configuration again; raises ConfigError and changes nothing when it is wrong."""
        before = self.settings
        try:
            settings = load(path)
        except ConfigError as error:
            self._is_reload_good = False
            if self._spokesman is not None:
                self._spokesman.refused(error)
            raise
        self._is_reload_good = True
        changes = self.apply(settings, meanwhile)
        waits = self._needs_restart()
        for key in waits:
            log.warning("settings.need_restart", key=key, reason="takes effect at the next start")
        if before is not None and self._spokesman is not None:
            self._spokesman.configured(before, settings, changes, waits)
        for poller in self.pollers.values():
            poller.try_again()
        if self._endpoint is not None:
            self._endpoint.renew()
        self.supervisor.wake()

    def _needs_restart(self) -> tuple[str, ...]:
        """The keys that were changed since the start, and that only a restart can apply."""
        if self.settings is None or self._first is None:
            return ()
        return restarts.needs_restart(self._first, self.settings)

    def drain(self, within: float, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Stops the sources, lets the collectors take what waits, stops them; `within` seconds for all."""
        deadline = time.monotonic() + within
        self.supervisor.stop(
            [*map(source_name, self.pollers), ENDPOINT, PUBLISHER, JANITOR, REPORTER], within / 2, meanwhile
        )
        if self._spokesman is not None:
            self._spokesman.stopped()
        left = max(deadline - time.monotonic(), 0.0)
        self.supervisor.stop(map(collector_name, self.pumps), left, meanwhile)
        for poller in self.pollers.values():
            poller.close()

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
            endpoint=self._endpoint_state(),
            configured=self._configured,
            reload=self._is_reload_good,
            needs_restart=self._needs_restart(),
            journal=str(self._first.journal.path) if self._first is not None else None,
        )
        return status.snapshot(self.settings, facts, self.journal.waiting, life, now=rfc3339.now())

    def _wake_paused(self) -> None:
        """The journal has room again; what waits for that need not wait for its next try."""
        for name, state in self.supervisor.states().items():
            if state.error is not None and state.error.code == JOURNAL_FULL:
                self.supervisor.wake(name)

    def _start(self, name: str, part: Part) -> None:
        if part.kind == "collector":
            pump = pump_for(part.options, self.journal)
            pump.link.sent_before = self._sent_before(part.options.name)
            self.pumps[part.options.name] = pump
            silent = patience.of_collector(part.options)
            self.supervisor.start(name, pump, collector_policy(part.options), silent)
        elif part.kind == "source":
            poller = poller_for(part.options, self.journal, part.privacy, self.turns)
            self.pollers[part.options.name] = poller
            sources = len(self.settings.sources) if self.settings is not None else 0
            silent = patience.of_source(part.options, sources=sources, has_pulse=poller.has_pulse)
            self.supervisor.start(name, poller, source_policy(poller), silent)
        elif part.kind == "endpoint":
            self._start_endpoint(part.options)
        else:
            self.supervisor.start(name, Janitor(self.journal), Policy())

    def _start_endpoint(self, options: HttpOptions) -> None:
        if self._publisher is None:
            return
        if self._endpoint is None or self._endpoint.options != options:
            self._endpoint = self._endpoint_of(options)
        self.supervisor.start(ENDPOINT, self._endpoint, Policy(most=ENDPOINT_AGAIN, blocked=ENDPOINT_AGAIN))
        if PUBLISHER not in self.supervisor.states():
            self.supervisor.start(PUBLISHER, self._publisher, Policy())

    def _endpoint_of(self, options: HttpOptions) -> Endpoint:
        publisher = self._publisher
        assert publisher is not None
        return Endpoint(options, functools.partial(publisher.service, options), publisher.check)

    def _endpoint_state(self) -> status.EndpointState | None:
        if self._endpoint is None:
            return None
        return status.EndpointState(address=self._endpoint.address, clients=self._endpoint.clients)

    def _troubles(self) -> list[str]:
        """What keeps the service from being ready. A collector that is down does not."""
        if self.settings is None:
            return ["the service is starting"]
        return [f"{name} makes no progress" for name in self.supervisor.stuck]

    def _note_access(self, access: Access) -> None:
        log.debug("endpoint.access", **msgspec.structs.asdict(access))
        if self._spokesman is not None:
            self._spokesman.trail.note(access)

    def _sent_before(self, collector: str) -> int:
        """How many messages earlier workers of this collector sent for the first time; forgotten by that."""
        sent = self._sent.pop(collector, 0)
        former = self._former.pop(collector, None)
        return sent if former is None else former.link.sent_before + former.window.first_sent

    def _drop(self, part: Part, *, is_gone: bool) -> None:
        if part.kind == "collector":
            name = part.options.name
            if pump := self.pumps.pop(name, None):
                self._former[name] = pump
            if is_gone:  # a number is kept, and not a link with its buffers
                self._sent[name] = self._sent_before(name)
        elif part.kind == "source" and (poller := self.pollers.pop(part.options.name, None)):
            poller.close()
        elif part.kind == "endpoint":
            self._endpoint = None


def _link_state(pump: Pump) -> status.LinkState:
    link = pump.link
    return status.LinkState(
        connected_since=link.connected_since,
        peer=link.peer,
        confirm=link.confirm,
        last_sent=link.last_sent,
        unconfirmed=pump.window.unconfirmed,
        unmoved_since=link.unmoved_since,
        is_stalled=pump.is_stalled,
        is_held=link.is_held,
        certificates=link.certificates,
        alarms=[WorkerError(code=each.code, text=each.what, fix=each.fix) for each in link.alarms],
    )


def parts_of(settings: Settings) -> dict[str, Part]:
    """Worker name → what it is made from; collectors before sources: readers before writers."""
    parts = {JANITOR: Part("janitor", None, ())}
    for collector in settings.collectors:
        parts[collector_name(collector.name)] = Part("collector", collector, digests(collector))
    for source in settings.sources:
        files = digests(source) + digests(settings.privacy)
        parts[source_name(source.name)] = Part("source", source, files, settings.privacy)
    if settings.http.listen is not None:
        # Last: to load its libraries takes a while, in which the others can work already.
        # Changed files are no reason to give up the port: reload() has them looked at.
        parts[ENDPOINT] = Part("endpoint", settings.http, ())
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
