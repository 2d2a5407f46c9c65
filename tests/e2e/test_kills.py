"""What the product is for: whatever is killed while events flow, every one arrives, first arrivals in order.

`scripts/kill-report` runs the same tests with the full number of rounds and prints the table.
"""

from __future__ import annotations

import os
import random
import ssl
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Outcome, Report
from tests.fakes.certificates import Certificates, ServerTls
from tests.fakes.children import ChildCollector
from tests.fakes.collectors import CollectorProcess
from tests.fakes.daemon import Daemon, read_events
from tests.fakes.event_files import EventStream, write_events
from tests.fakes.peers import Rsyslog, SyslogNg
from tests.fakes.ports import ReservedPort
from tests.fakes.received import LineCount, is_own

DAEMON_KILLS = int(os.environ.get("LPFORWARDER_DAEMON_KILLS", "5"))
COLLECTOR_KILLS = int(os.environ.get("LPFORWARDER_COLLECTOR_KILLS", "3"))
RESTARTS = int(os.environ.get("LPFORWARDER_RESTARTS", "2"))

SEED = os.environ.get("LPFORWARDER_KILL_SEED", "")
RATE = int(os.environ.get("LPFORWARDER_KILL_RATE", "2000"))  # events a second
FENCE, REPLAY, REPLAY_SECONDS = 500, 500, 0.2
RECORDED_SECONDS = 0.25  # a killed daemon has not noted down what was confirmed in the last quarter second
BREATH = float(os.environ.get("LPFORWARDER_KILL_BREATH", "0"))
"""Seconds for which a daemon may get no processor; it then hands over that much at once."""
MOST_TWICE = 2 * FENCE + max(REPLAY, FENCE, int(RATE * (REPLAY_SECONDS + RECORDED_SECONDS + BREATH)))
"""Duplicates that one accident may cause: two fences, and the replay window.

The window reaches as far back as the longer of two: so many events, or what was confirmed a moment ago.
"""
RECOVERY_SECONDS = float(os.environ.get("LPFORWARDER_KILL_RECOVERY", "2"))
"""On a machine that does nothing else; parts of a large run share theirs."""
HICCUP = 5
"""So many times that is the most for a single recovery: at that moment the machine may have other work."""
PATIENCE = 60.0

LINKS: dict[str, ssl.TLSVersion | None] = {
    "tcp": None,
    "tls1.2": ssl.TLSVersion.TLSv1_2,
    "tls1.3": ssl.TLSVersion.TLSv1_3,
}
RECEIVERS: dict[str, Callable[[Path, ServerTls | None], ChildCollector]] = {
    "receiver": lambda folder, tls: CollectorProcess(folder, tls=tls),
    "rsyslog": lambda folder, tls: Rsyslog(folder, tls=tls, driver=rsyslog_driver(tls)),
    "syslog-ng": lambda folder, tls: SyslogNg(folder, tls=tls),
}


def rsyslog_driver(tls: ServerTls | None) -> Any:
    """Both of its TLS libraries get their turn: GnuTLS is met with 1.2 in the wild."""
    return "gtls" if tls is not None and tls.version is ssl.TLSVersion.TLSv1_2 else "ossl"


@dataclass(slots=True)
class Stage:
    """A stream of events, the daemon that forwards them, and the collectors that get them, by their link."""

    scenario: str
    stream: EventStream
    daemon: Daemon
    collectors: Mapping[str, ChildCollector]
    random: random.Random
    rounds: int = 0
    recoveries: dict[str, list[float]] = field(default_factory=dict)

    def kill_daemon(self) -> None:
        """SIGKILL, and a new start; the recovery counts from the start of the process."""
        self.wait_for_a_random_moment()
        self.daemon.kill()
        before = self.after_an_outage()
        began = time.monotonic()
        self.daemon.start()
        for link in self.collectors:
            self.note_recovery(link, before[link], began)

    def kill_collectors(self) -> None:
        """SIGKILL to each at a moment of its own, and a new start."""
        self.end_collectors(ChildCollector.kill)

    def restart_collectors(self) -> None:
        """SIGTERM to each at a moment of its own, and a new start."""
        self.end_collectors(ChildCollector.stop)

    def end_collectors(self, end: Callable[[ChildCollector], None]) -> None:
        """The recovery counts from when the collector listens: how long it takes until then is not ours."""
        self.wait_for_a_random_moment()
        for link in self.random.sample(list(self.collectors), len(self.collectors)):
            end(self.collectors[link])
            time.sleep(self.random.uniform(0.0, 0.1))
        before = self.after_an_outage()

        def start(link: str) -> None:
            self.collectors[link].start()
            self.note_recovery(link, before[link], time.monotonic())

        with ThreadPoolExecutor() as together:
            list(together.map(start, self.collectors))

    def wait_for_a_random_moment(self) -> None:
        """Returns some time after all that was written before the call has been confirmed.

        The replay window begins behind the accident before when that is nearer than its own length, so the
        moment lies a little further from that.
        """
        written = self.stream.written
        facts = self.daemon.wait_until(lambda facts: read_events(facts) >= written, PATIENCE)
        last = facts["journal"]["last"]
        self.daemon.wait_until(
            lambda facts: all(facts["collectors"][link]["checkpoint"] >= last for link in self.collectors),
            PATIENCE,
        )
        time.sleep(REPLAY_SECONDS + self.random.uniform(0.05, 0.35))
        self.rounds += 1

    def after_an_outage(self) -> dict[str, int]:
        """How many lines each collector has once what was on the way has arrived and events wait."""
        time.sleep(self.random.uniform(0.02, 0.2))
        lines = {link: LineCount(collector.file) for link, collector in self.collectors.items()}
        while True:
            before = {link: count.now() for link, count in lines.items()}
            time.sleep(0.05)
            if before == {link: count.now() for link, count in lines.items()}:
                return before

    def note_recovery(self, link: str, before: int, began: float) -> None:
        """Waits until the collector has a line more than `before`."""
        lines = LineCount(self.collectors[link].file)
        while lines.now() == before:
            if time.monotonic() - began > PATIENCE:
                raise TimeoutError(f"nothing arrives: {self.daemon.output()[-3000:]}")
            time.sleep(0.005)
        self.recoveries.setdefault(link, []).append(time.monotonic() - began)

    def finish(self, report: Report) -> None:
        """Lets everything arrive, ends the daemon in order, and judges what the collectors have."""
        self.stream.stop()
        for link in self.collectors:
            self.daemon.wait_until_confirmed(link, self.stream.written, PATIENCE)
        assert self.daemon.terminate() == 0
        sent = self.stream.ids()
        received = {link: self.received_by(link) for link in self.collectors}
        outcomes = [self.outcome(link, sent, received[link]) for link in self.collectors]
        for outcome in outcomes:
            report.add(outcome)
        for link, outcome in zip(self.collectors, outcomes, strict=True):
            assert outcome.lost == 0
            assert list(dict.fromkeys(received[link])) == sent
            assert outcome.duplicates <= outcome.allowed
            assert statistics.median(self.recoveries[link]) < RECOVERY_SECONDS
            assert outcome.worst_recovery < HICCUP * RECOVERY_SECONDS

    def received_by(self, link: str) -> list[str]:
        """The ids in order of arrival, repeats included."""
        self.collectors[link].wait_until_idle()
        return ids_in(self.collectors[link].lines())

    def outcome(self, link: str, sent: list[str], received: list[str]) -> Outcome:
        return Outcome(
            scenario=f"{self.scenario}, {link}",
            rounds=self.rounds,
            sent=len(sent),
            lost=len(set(sent) - set(received)),
            duplicates=len(received) - len(set(received)),
            allowed=self.rounds * MOST_TWICE,
            worst_recovery=max(self.recoveries[link]),
        )


def ids_in(lines: list[bytes]) -> list[str]:
    """The event ids in order, repeats included.

    A line may begin with the torn end of a collector's last life; what counts is the message at its end.
    """
    ids = []
    for line in lines:
        _torn, found, rest = line.rpartition(b'{"id":"')
        if found and not is_own(found + rest):
            ids.append(rest[: rest.index(b'"')].decode())
    return ids


@contextmanager
def staged(
    scenario: str,
    folder: Path,
    certificates: Certificates,
    *,
    name: str,
    links: Sequence[str],
    beside: Sequence[dict[str, Any]] = (),
) -> Iterator[Stage]:
    """A growing file, a daemon that follows it, and a receiver of that name for each link.

    `beside` are other collectors of the daemon.
    """
    events = folder / "events.jsonl"
    with ExitStack() as stack:
        collectors, settings = {}, []
        for link in links:
            tls = server_tls(certificates, LINKS[link])
            collectors[link] = stack.enter_context(RECEIVERS[name](folder / link, tls))
            settings.append(collector(link, collectors[link].port, certificates if tls else None))
        stream = stack.enter_context(EventStream(events, rate=RATE))
        daemon = Daemon(folder / "daemon", {"sources": [source(events)], "collectors": [*settings, *beside]})
        stack.enter_context(daemon)
        yield Stage(scenario, stream, daemon, collectors, random.Random(scenario + SEED))


def server_tls(certificates: Certificates, version: ssl.TLSVersion | None) -> ServerTls | None:
    """One that speaks this version alone and wants a client certificate; None is plain TCP."""
    if version is None:
        return None
    return ServerTls(pair=certificates.server, client_ca=certificates.ca_file, version=version)


def source(events: Path) -> dict[str, Any]:
    return {"name": "file", "type": "file", "path": str(events), "follow": True, "poll_interval": "20ms"}


def collector(name: str, port: int, certificates: Certificates | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": name,
        "host": "127.0.0.1",
        "port": port,
        "transport": "tcp",
        "fence": {"events": FENCE, "time": "200ms"},
        "replay": {"events": REPLAY, "time": f"{REPLAY_SECONDS:g}s"},
        "retry": {"first": "100ms", "most": "500ms"},
        "heartbeat": "0s",
    }
    if certificates is not None:
        client = certificates.client
        files = {"ca_file": certificates.ca_file, "cert_file": client.cert_file, "key_file": client.key_file}
        made |= {"transport": "tls", "tls": {key: str(path) for key, path in files.items()}}
    return made


@pytest.mark.parametrize(
    "name",
    [
        "receiver",
        pytest.param("rsyslog", marks=pytest.mark.peers),
        pytest.param("syslog-ng", marks=pytest.mark.peers),
    ],
)
def test_nothing_is_lost_when_the_collectors_are_killed_and_restarted(
    name: str,
    tmp_path: Path,
    certificates: Certificates,
    report: Report,
    request: pytest.FixtureRequest,
) -> None:
    if name != "receiver":
        request.getfixturevalue("peers")
    scenario = f"{name} killed {COLLECTOR_KILLS}, restarted {RESTARTS} times"
    with staged(scenario, tmp_path, certificates, name=name, links=tuple(LINKS)) as stage:
        accidents = [stage.kill_collectors] * COLLECTOR_KILLS + [stage.restart_collectors] * RESTARTS
        stage.random.shuffle(accidents)
        for accident in accidents:
            accident()
        stage.finish(report)


@pytest.mark.parametrize("links", [("tcp",), tuple(LINKS)], ids=["one collector", "three collectors"])
def test_nothing_is_lost_when_the_daemon_is_killed(
    links: tuple[str, ...], tmp_path: Path, certificates: Certificates, report: Report
) -> None:
    scenario = f"daemon with {' + '.join(links)} killed"
    with staged(scenario, tmp_path, certificates, name="receiver", links=links) as stage:
        for _ in range(DAEMON_KILLS):
            stage.kill_daemon()
        stage.finish(report)


def test_nothing_is_lost_beside_a_collector_that_is_dead_all_the_time(
    tmp_path: Path, certificates: Certificates, report: Report
) -> None:
    scenario, nobody = "both killed beside a dead collector", ReservedPort()
    beside = [collector("dead", nobody.number)]
    with (
        closing(nobody),
        staged(scenario, tmp_path, certificates, name="receiver", links=["tls1.3"], beside=beside) as stage,
    ):
        for _ in range(RESTARTS):
            stage.kill_collectors()
            stage.kill_daemon()
        stage.finish(report)


def test_a_dead_collector_slows_no_other_one_down(tmp_path: Path) -> None:
    count = 10_000
    write_events(tmp_path / "events.jsonl", count)
    with closing(ReservedPort()) as nobody:
        alone = seconds_for(count, tmp_path, "alone", [])
        beside = seconds_for(count, tmp_path, "beside", [collector("dead", nobody.number)])
    print(f"{count:,} events: {alone:.2f} s alone, {beside:.2f} s beside a dead collector")
    assert beside < 2 * alone + 1.0


def seconds_for(count: int, folder: Path, name: str, others: list[dict[str, Any]]) -> float:
    """From the start of a daemon until its collector has confirmed the whole file."""
    with CollectorProcess(folder / name) as receiver:
        began = time.monotonic()
        settings = {
            "sources": [source(folder / "events.jsonl")],
            "collectors": [collector("siem", receiver.port), *others],
        }
        with Daemon(folder / f"{name}-daemon", settings) as daemon:
            daemon.wait_until_confirmed("siem", count)
            return time.monotonic() - began
