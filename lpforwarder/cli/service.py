"""The life of the service: start, requests, reload, drain. One code path for start, crash and restart."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import structlog

from lpforwarder import __version__, lines
from lpforwarder.app import App
from lpforwarder.cli.failures import show
from lpforwarder.cli.journal_log import Salvaging, tell_gap, tell_rebuilt
from lpforwarder.cli.rejected import answer
from lpforwarder.config.problems import place, render, without_values
from lpforwarder.config.sections import LogOptions
from lpforwarder.counting import counted_as
from lpforwarder.errors import Blocked, ConfigError
from lpforwarder.journal.sqlite import SqliteJournal, open_journal
from lpforwarder.runtime import signals
from lpforwarder.runtime.control import ControlServer, Handler
from lpforwarder.runtime.health import spoken
from lpforwarder.runtime.retry import Policy
from lpforwarder.runtime.supervisor import Supervisor
from lpforwarder.runtime.systemd import Systemd
from lpforwarder.settings import Settings
from lpforwarder.status import on_the_way

log = structlog.get_logger()

ROUND = 2.0  # seconds between two looks at the workers, at most; the watchdog is fed as often
BEATS = 4  # in one interval of the watchdog, at least
STATUS_EVERY = 10.0  # seconds between two status lines for systemd
_FOR_WORKERS = 0.9
"""Of the drain; the rest is for cutting off who hangs, the last own events, and closing the journal."""
TURN = 0.001  # seconds a thread works before another gets its turn; with 5 ms readers over HTTP slow delivery
SALVAGE_PATIENCE = 60.0  # seconds systemd may wait for the next sign of a salvage before the start


@contextmanager
def journal_of(settings: Settings, meanwhile: Callable[[], None] = lambda: None) -> Iterator[SqliteJournal]:
    """The journal, open for writing. `meanwhile` is called now and then while a damaged one is salvaged."""
    options = settings.journal
    with open_journal(
        options.path,
        keep=options.keep,
        max_size=options.max_size,
        when_full=options.when_full,
        on_damage=tell_gap,
        on_progress=Salvaging(meanwhile),
    ) as journal:
        tell_rebuilt(journal.rebuilt)
        yield journal


def serve(path: Path, settings: Settings, set_up_log: Callable[[LogOptions], None]) -> int:
    """Forwards until SIGTERM or SIGINT; 0 after a drain, 1 when something broke that no retry mends.

    `set_up_log` is called again when a reload changes the log's settings.
    """
    systemd = Systemd()
    sys.setswitchinterval(TURN)
    log.info(
        "service.started",
        version=__version__,
        config=str(path),
        sources=len(settings.sources),
        collectors=len(settings.collectors),
        compiled=lines.IS_COMPILED,
    )
    with journal_of(settings, lambda: systemd.extend_timeout(SALVAGE_PATIENCE)) as journal:
        log.info("journal.opened", path=str(settings.journal.path), newest=journal.newest())
        supervisor = Supervisor(alarm=signals.nudge)
        app = App(journal, supervisor)
        app.report_itself()
        handlers: dict[str, Handler] = {
            "status": lambda _: app.snapshot(),
            "rejects": lambda request: answer(journal, _collectors(app), request),
        }
        control = ControlServer(settings.control_socket, handlers)
        try:
            app.publish(settings)
            control.open()
        except Blocked as error:
            return _refused_address(error, path)
        app.apply(settings)
        supervisor.start("control", control, Policy())
        systemd.ready()
        _attend(app, path, systemd, set_up_log)
        _end(app, systemd)
        supervisor.stop(None, 1.0)
    if supervisor.fatal is not None:
        log.error("service.failed", reason=str(supervisor.fatal))
        return 1
    log.info("service.stopped")
    return 0


def _refused_address(error: Blocked, path: Path) -> int:
    """78: systemd is not to try the same again and again."""
    log.error("service.failed", code=error.code, reason=error.what, fix=error.fix)
    show(error, where=str(path))
    return 78


def _collectors(app: App) -> list[str]:
    """The names of those that get events now."""
    return [collector.name for collector in app.settings.collectors] if app.settings else []


def _attend(app: App, path: Path, systemd: Systemd, set_up_log: Callable[[LogOptions], None]) -> None:
    """Answers signals and feeds the watchdog until it is time to stop."""
    told = float("-inf")
    stuck: Mapping[str, float] = {}
    every = min(ROUND, (systemd.watchdog_interval() or ROUND * BEATS) / BEATS)
    for request in signals.requests(every=every):
        if app.supervisor.fatal is not None or request in (signal.SIGTERM, signal.SIGINT):
            return
        if request == signal.SIGHUP:
            _reload(app, path, systemd, set_up_log)
        app.start_late()
        stuck = feed(systemd, app.supervisor, stuck)
        if systemd.is_there and time.monotonic() - told >= STATUS_EVERY:
            told = time.monotonic()
            systemd.status(app.snapshot()["sentence"])


def feed(systemd: Systemd, supervisor: Supervisor, before: Mapping[str, float]) -> Mapping[str, float]:
    """Feeds the watchdog unless a worker hangs; those that do, for the next call. Tells which, once each."""
    stuck = supervisor.look()
    if not stuck:
        systemd.watchdog()
    for name in stuck.keys() - before.keys():
        reason = f"no sign of life for more than {spoken(stuck[name])}; the watchdog is not fed"
        log.error("worker.unresponsive", worker=name, reason=reason)
    for name in before.keys() - stuck.keys():
        log.info("worker.responsive", worker=name)
    return stuck


def _reload(app: App, path: Path, systemd: Systemd, set_up_log: Callable[[LogOptions], None]) -> None:
    systemd.reloading()
    try:
        app.reload(path, systemd.watchdog)
        assert app.settings is not None
        set_up_log(app.settings.log)
    except ConfigError as error:
        print(render(error.problems, verdict="Nothing was changed."), file=sys.stderr, flush=True)
        log.error("settings.refused", **_refused(error), fix="lpforwarder check-config; the old one stays")
    finally:
        systemd.ready()


def _refused(error: ConfigError) -> dict[str, object]:
    """How many mistakes there are, and which is the first."""
    problems = [problem for problem in error.problems if not problem.note]
    first = problems[0]
    return {
        "problems": len(problems),
        "code": first.code,
        "place": place(first),
        "reason": without_values(first),
    }


def _end(app: App, systemd: Systemd) -> None:
    assert app.settings is not None
    within = app.settings.drain
    work = within * _FOR_WORKERS
    systemd.stopping()
    systemd.extend_timeout(within + 10)
    if sys.stderr.isatty():
        print(f"stopping: handing over what is on the way (at most {within:g} s) ...", file=sys.stderr)
    app.drain(work, systemd.watchdog)
    left = on_the_way(app.snapshot()["collectors"])
    log.info("service.drained", waiting=left)
    if sys.stderr.isatty():
        waits = counted_as(left, "event", one="waits", many="wait")
        print(f"done. Nothing is lost; {waits} in the journal.", file=sys.stderr)
