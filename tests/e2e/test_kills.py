"""What the product is for: whatever is killed while events flow, every one arrives, first arrivals in order.

`scripts/kill-report` runs the same tests with the full number of rounds and prints the table.
"""

from __future__ import annotations

import os
import random
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Outcome, Report
from tests.fakes.certificates import Certificates, ServerTls
from tests.fakes.children import ChildCollector
from tests.fakes.collectors import CollectorProcess
from tests.fakes.daemon import Daemon
from tests.fakes.event_files import EventStream, write_events
from tests.fakes.peers import Rsyslog, SyslogNg
from tests.fakes.ports import ReservedPort
from tests.fakes.received import LineCount

DAEMON_KILLS = int(os.environ.get("LPFORWARDER_DAEMON_KILLS", "5"))
COLLECTOR_KILLS = int(os.environ.get("LPFORWARDER_COLLECTOR_KILLS", "3"))
RESTARTS = int(os.environ.get("LPFORWARDER_RESTARTS", "2"))

RATE = 2000  # events a second
FENCE, REPLAY, REPLAY_SECONDS = 500, 500, 0.2
RECORDED_SECONDS = 0.25  # a killed daemon has not noted down what was confirmed in the last quarter second
RECOVERY_SECONDS = 2.0
PATIENCE = 60.0

LINKS: dict[str, ssl.TLSVersion | None] = {
    "tcp": None,
    "tls1.2": ssl.TLSVersion.TLSv1_2,
    "tls1.3": ssl.TLSVersion.TLSv1_3,
}
Make = Callable[[Path, ServerTls | None], ChildCollector]
RECEIVERS: dict[str, Make] = {
    "receiver": lambda folder, tls: CollectorProcess(folder, tls=tls),
    "rsyslog": lambda folder, tls: Rsyslog(folder, tls=tls, driver=rsyslog_driver(tls)),
    "syslog-ng": lambda folder, tls: SyslogNg(folder, tls=tls),
}
receivers = pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name == "receiver" else pytest.mark.peers) for name in RECEIVERS],
)
links = pytest.mark.parametrize("link", LINKS)


def rsyslog_driver(tls: ServerTls | None) -> Any:
    """Both of its TLS libraries get their turn: Debian's GnuTLS is met with 1.2 in the wild."""
    return "gtls" if tls is not None and tls.version is ssl.TLSVersion.TLSv1_2 else "ossl"


@dataclass(slots=True)
class Stage:
    """A stream of events, the daemon that forwards them, and the collector that gets them."""

    scenario: str
    stream: EventStream
    daemon: Daemon
    collector: ChildCollector
    random: random.Random
    worst_recovery: float = 0.0
    rounds: int = 0

    def wait_until_caught_up(self) -> None:
        """Returns when all that was written before the call has been confirmed."""
        written = self.stream.written
        self.daemon.wait_until(lambda facts: facts["collectors"]["siem"]["checkpoint"] >= written, PATIENCE)

    def kill_daemon(self) -> None:
        self.accident(self.daemon.kill, self.daemon.start)

    def kill_collector(self) -> None:
        self.accident(self.collector.kill, self.collector.start)

    def restart_collector(self) -> None:
        self.accident(self.collector.stop, self.collector.start)

    def accident(self, end: Callable[[], object], start: Callable[[], object]) -> None:
        """Ends something at a random moment and starts it again once events wait; measures the recovery.

        The replay window counts from the last accident when that is nearer than its own length, so the moment
        lies a little more than that behind it.
        """
        self.wait_until_caught_up()
        time.sleep(REPLAY_SECONDS + self.random.uniform(0.05, 0.35))
        end()
        time.sleep(self.random.uniform(0.02, 0.2))
        lines = LineCount(self.collector.file)
        before = settled(lines)
        began = time.monotonic()
        start()
        if start == self.collector.start:
            began = time.monotonic()  # it listens now: how long that took is not for us to answer
        while lines.now() == before:
            if time.monotonic() - began > PATIENCE:
                raise TimeoutError(f"nothing arrives: {self.daemon.output()[-3000:]}")
            time.sleep(0.005)
        self.worst_recovery = max(self.worst_recovery, time.monotonic() - began)
        self.rounds += 1

    def finish(self, report: Report) -> None:
        """Lets everything arrive, ends the daemon in order, and judges what the collector has."""
        self.stream.stop()
        sent = self.stream.ids()
        self.daemon.wait_until_confirmed("siem", len(sent), PATIENCE)
        assert self.daemon.terminate() == 0
        self.collector.wait_until_idle()
        received = ids_in(self.collector.lines())
        outcome = Outcome(
            scenario=self.scenario,
            rounds=self.rounds,
            sent=len(sent),
            lost=len(set(sent) - set(received)),
            duplicates=len(received) - len(set(received)),
            allowed=self.rounds * self.most_twice(),
            worst_recovery=self.worst_recovery,
        )
        report.add(outcome)
        assert outcome.lost == 0
        assert list(dict.fromkeys(received)) == sent
        assert outcome.duplicates <= outcome.allowed
        assert outcome.worst_recovery < RECOVERY_SECONDS

    def most_twice(self) -> int:
        """Duplicates that one accident may cause: two fences and the replay window.

        The window reaches as far back as the longer of two: so many events, or what was confirmed in the last
        moments before the accident.
        """
        recent = int(self.stream.rate * (REPLAY_SECONDS + RECORDED_SECONDS))
        return 2 * FENCE + max(REPLAY, FENCE, recent)


def settled(lines: LineCount) -> int:
    """How many lines there are once no more come: what was on the way has arrived."""
    while True:
        before = lines.now()
        time.sleep(0.05)
        if lines.now() == before:
            return before


def ids_in(lines: list[bytes]) -> list[str]:
    """The event ids in order, repeats included.

    A line may begin with the torn end of a collector's last life; what counts is the message at its end.
    """
    ids = []
    for line in lines:
        _before, found, rest = line.rpartition(b'{"id":"')
        if found:
            ids.append(rest[: rest.index(b'"')].decode())
    return ids


@contextmanager
def staged(
    scenario: str,
    folder: Path,
    certificates: Certificates,
    *,
    name: str,
    link: str,
    beside: Sequence[dict[str, Any]] = (),
) -> Iterator[Stage]:
    """A growing file, a daemon that follows it, and a receiver of that name over that link.

    `beside` are other collectors of the daemon.
    """
    version = LINKS[link]
    tls = version and ServerTls(pair=certificates.server, client_ca=certificates.ca_file, version=version)
    events = folder / "events.jsonl"
    with (
        RECEIVERS[name](folder / "collector", tls) as collector,
        EventStream(events, rate=RATE) as stream,
        Daemon(
            folder / "daemon",
            {
                "sources": [source(events)],
                "collectors": [siem(collector.port, certificates if tls else None), *beside],
            },
        ) as daemon,
    ):
        chance = random.Random(f"{scenario} {name} {link}")
        yield Stage(f"{scenario}, {name}, {link}", stream, daemon, collector, chance)


def source(events: Path) -> dict[str, Any]:
    return {"name": "file", "type": "file", "path": str(events), "follow": True, "poll_interval": "20ms"}


def siem(port: int, certificates: Certificates | None) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": "siem",
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


def dead(port: int) -> dict[str, Any]:
    """A collector that never answers, with its own place in the journal."""
    return siem(port, None) | {"name": "dead"}


@pytest.mark.usefixtures("peers_if_needed")
@links
@receivers
def test_nothing_is_lost_when_the_collector_is_killed_and_restarted(
    name: str, link: str, tmp_path: Path, certificates: Certificates, report: Report
) -> None:
    scenario = f"collector killed {COLLECTOR_KILLS}, restarted {RESTARTS} times"
    with staged(scenario, tmp_path, certificates, name=name, link=link) as stage:
        accidents = [stage.kill_collector] * COLLECTOR_KILLS + [stage.restart_collector] * RESTARTS
        stage.random.shuffle(accidents)
        for accident in accidents:
            accident()
        stage.finish(report)


@links
def test_nothing_is_lost_when_the_daemon_is_killed(
    link: str, tmp_path: Path, certificates: Certificates, report: Report
) -> None:
    with staged("daemon killed", tmp_path, certificates, name="receiver", link=link) as stage:
        for _ in range(DAEMON_KILLS):
            stage.kill_daemon()
        stage.finish(report)


def test_nothing_is_lost_beside_a_collector_that_is_dead_all_the_time(
    tmp_path: Path, certificates: Certificates, report: Report
) -> None:
    scenario, nobody = "both killed, another one dead", ReservedPort()
    with (
        closing(nobody),
        staged(
            scenario, tmp_path, certificates, name="receiver", link="tcp", beside=[dead(nobody.number)]
        ) as stage,
    ):
        for _ in range(RESTARTS):
            stage.kill_collector()
            stage.kill_daemon()
        stage.finish(report)


def test_a_dead_collector_slows_no_other_one_down(tmp_path: Path, certificates: Certificates) -> None:
    count = 10_000
    write_events(tmp_path / "events.jsonl", count)
    with closing(ReservedPort()) as nobody:
        alone = seconds_for(count, tmp_path, "alone", [])
        beside = seconds_for(count, tmp_path, "beside", [dead(nobody.number)])
    print(f"{count:,} events: {alone:.2f} s alone, {beside:.2f} s beside a dead collector")
    assert beside < 2 * alone + 1.0


def seconds_for(count: int, folder: Path, name: str, others: list[dict[str, Any]]) -> float:
    """From the start of a daemon until its collector has confirmed the whole file."""
    with CollectorProcess(folder / name) as collector:
        began = time.monotonic()
        settings = {
            "sources": [source(folder / "events.jsonl")],
            "collectors": [siem(collector.port, None), *others],
        }
        with Daemon(folder / f"{name}-daemon", settings) as daemon:
            daemon.wait_until_confirmed("siem", count)
            return time.monotonic() - began


@pytest.fixture
def peers_if_needed(name: str, request: pytest.FixtureRequest) -> None:
    """Only the real collectors have to be installed."""
    if name != "receiver":
        request.getfixturevalue("peers")
