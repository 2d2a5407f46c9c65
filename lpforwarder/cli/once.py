"""`run --once`: every source to its end, everything handed over, then exit."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from lpforwarder.app import App, collector_name, collector_policy, source_name
from lpforwarder.building import poller_for, pump_for
from lpforwarder.cli.service import journal_of
from lpforwarder.delivery.pump import Pump
from lpforwarder.intake.poller import Poller
from lpforwarder.journal.sqlite import SqliteJournal
from lpforwarder.runtime import signals
from lpforwarder.runtime.retry import Policy
from lpforwarder.runtime.stop import Stop
from lpforwarder.runtime.supervisor import Supervisor
from lpforwarder.settings import Settings
from lpforwarder.status import events, spoken

PATIENCE = 15.0  # seconds of trouble after which a part is given up; whoever called us may call again


class ToEnd:
    """A worker that ends when nothing is left to do."""

    def __init__(self, worker: Poller | Pump) -> None:
        self._worker = worker

    def run(self, stop: Stop, beat: Callable[[], None]) -> None:
        self._worker.run_to_end(stop, beat)

    def abort(self) -> None:
        self._worker.abort()


def forward_once(settings: Settings, *, show_progress: bool, as_json: bool) -> int:
    """0 when everything was handed over, 3 when something could not be, 130 when interrupted."""
    requests = signals.requests(every=0.05)
    with journal_of(settings) as journal:
        supervisor = Supervisor(alarm=signals.nudge)
        app = App(journal, supervisor)
        app.settings = settings
        journal.hold_for([collector.name for collector in settings.collectors])
        aside = _set_aside(journal)
        for source in settings.sources:
            app.pollers[source.name] = poller = poller_for(source, journal, settings.privacy, app.turns)
            supervisor.start(source_name(source.name), ToEnd(poller), Policy())
        failed, interrupted = _wait(
            app, requests, map(source_name, app.pollers), settings.drain, show_progress
        )
        for options in settings.collectors:
            app.pumps[options.name] = pump = pump_for(options, journal)
            supervisor.start(collector_name(options.name), ToEnd(pump), collector_policy(options))
        if not interrupted:
            late, interrupted = _wait(
                app, requests, map(collector_name, app.pumps), settings.drain, show_progress
            )
            failed += late
        supervisor.stop(None, settings.drain)
        for poller in app.pollers.values():
            poller.close()
        facts = app.snapshot()
        aside = _set_aside(journal) - aside
    if as_json:
        print(json.dumps(facts, indent=2))
    else:
        _tell(facts, failed, aside, interrupted)
    if supervisor.fatal is not None:
        raise supervisor.fatal
    return 130 if interrupted else 3 if failed or aside else 0


def _set_aside(journal: SqliteJournal) -> int:
    """How many events were ever set aside because their collector could not take them."""
    return sum(facts.total for facts in journal.facts().set_asides.values())


def _wait(
    app: App,
    requests: Iterator[signal.Signals | None],
    names: Iterable[str],
    drain: float,
    show_progress: bool,
) -> tuple[list[str], bool]:
    """Waits for these workers; the names of those that were given up, and whether we were interrupted."""
    waiting, failed = list(names), list[str]()
    began: dict[str, float] = {}
    interrupted = False
    for request in requests:
        interrupted = request in (signal.SIGTERM, signal.SIGINT) or app.supervisor.fatal is not None
        given_up = _in_trouble(app, waiting, began)
        if interrupted:
            given_up = list(waiting)
        app.supervisor.stop(given_up, drain if interrupted else 0.0)
        failed += given_up
        states = app.supervisor.states()
        waiting = [name for name in waiting if name not in given_up and states[name].state != "stopped"]
        if show_progress:
            _show(app)
        if not waiting:
            break
    if show_progress:
        print(file=sys.stderr)
    return failed, interrupted


def _in_trouble(app: App, names: list[str], began: dict[str, float]) -> list[str]:
    """Those that need a person, or have failed for PATIENCE seconds."""
    now, states = time.monotonic(), app.supervisor.states()
    for name in names:
        if states[name].error is None:
            began.pop(name, None)
        else:
            began.setdefault(name, now)
    return [
        name for name in names if states[name].state == "blocked" or now - began.get(name, now) >= PATIENCE
    ]


def _show(app: App) -> None:
    read = sum(poller.polled.events for poller in app.pollers.values())
    confirmed = " ".join(f"{name} {pump.window.confirmed:,}" for name, pump in app.pumps.items())
    print(f"\r{read:,} read   confirmed: {confirmed or '-'} ", end="", file=sys.stderr, flush=True)


def _tell(
    facts: dict[str, dict[str, dict[str, Any]]], failed: list[str], aside: int, interrupted: bool
) -> None:
    for name, source in facts["sources"].items():
        print(f"{name}: {events(source['events'])} in the journal, {source['rejects_kept']:,} set aside")
    for name, collector in facts["collectors"].items():
        print(f"{name}: {collector['confirmed']:,} confirmed, {collector['waiting']:,} waiting")
    if interrupted:
        print("interrupted; what waits is sent by the next run", file=sys.stderr)
        return
    if aside:
        print(f"{events(aside)} set aside; see: lpforwarder rejects list", file=sys.stderr)
    for name in failed:
        print(f"{name} was given up after {spoken(PATIENCE)} or needs a person; see above", file=sys.stderr)
