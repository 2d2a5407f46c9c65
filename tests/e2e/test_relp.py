"""RELP through the whole product to rsyslog's imrelp, which is killed, loaded, and cuts what is too long."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Outcome, Report
from tests.fakes.certificates import Certificates, ServerTls
from tests.fakes.daemon import Daemon, clean_environment, lpforwarder
from tests.fakes.event_files import EventStream
from tests.fakes.peers import Queue, Rsyslog
from tests.fakes.received import LineCount, event_ids
from tests.fakes.small_setup import collector, configured
from tests.fakes.wished_events import WISHED

KILLS = int(os.environ.get("LPFORWARDER_RELP_KILLS", "10"))
LOADED_KILLS = int(os.environ.get("LPFORWARDER_RELP_LOADED_KILLS", "3"))

IDLE = Queue(kind="LinkedList")
LOADED = Queue(kind="LinkedList", size=3000, slowdown_microseconds=400_000)
"""A backlog of 3,000 messages and one batch of 1,024 at most: within the 5,000 that are sent again."""
REPLAY, REPLAY_SECONDS, WINDOW = 5000, 10, 128  # the defaults

peers = pytest.mark.usefixtures("peers")


def source(events: Path) -> dict[str, Any]:
    return {"name": "file", "type": "file", "path": str(events), "follow": True, "poll_interval": "20ms"}


def relp(port: int, **keys: Any) -> dict[str, Any]:
    return collector(port, **{"transport": "relp", **keys})


def relp_tls(port: int, certificates: Certificates) -> dict[str, Any]:
    client = certificates.client
    files = {"ca_file": certificates.ca_file, "cert_file": client.cert_file, "key_file": client.key_file}
    return relp(port, transport="relp-tls", tls={key: str(path) for key, path in files.items()})


def unwritten(daemon: Daemon, rsyslog: Rsyslog) -> int:
    """How many messages a killed rsyslog had acknowledged and not written."""
    # All that was confirmed is recorded once the daemon has noticed.
    facts = daemon.wait_until(lambda facts: facts["collectors"]["siem"]["connected_since"] is None)
    confirmed: int = facts["collectors"]["siem"]["confirmed"]
    return confirmed - len(set(whole_lines(rsyslog)))


class Kills:
    """A stream of events through a daemon to an rsyslog that is killed again and again."""

    def __init__(
        self, folder: Path, queue: Queue, rate: int, certificates: Certificates | None = None
    ) -> None:
        tls = ServerTls(pair=certificates.server, client_ca=certificates.ca_file) if certificates else None
        self.rsyslog = Rsyslog(folder / "rsyslog", speaks="relp", queue=queue, tls=tls)
        self.stream = EventStream(folder / "events.jsonl", rate=rate)
        port = self.rsyslog.port
        siem = relp_tls(port, certificates) if certificates else relp(port)
        settings = {"sources": [source(folder / "events.jsonl")], "collectors": [siem]}
        self.daemon = Daemon(folder / "daemon", settings)
        self.lost_by_rsyslog = 0
        self.worst_recovery = 0.0
        self._random = random.Random(str(folder.name))

    def run(self, kills: int) -> None:
        """Kills it so many times at random moments; each time some messages more must get through first."""
        for _ in range(kills):
            lines = LineCount(self.rsyslog.file)
            before = lines.now()
            goal = before + self._random.randint(500, 7000)
            self.rsyslog.wait_for(goal, 60.0)
            self.rsyslog.kill()
            self.lost_by_rsyslog += max(unwritten(self.daemon, self.rsyslog), 0)
            written = lines.now()
            self.rsyslog.start()
            began = time.monotonic()
            self.rsyslog.wait_for(written + 1)
            self.worst_recovery = max(self.worst_recovery, time.monotonic() - began)

    def finish(self, scenario: str, kills: int, report: Report) -> None:
        """Lets everything arrive and judges it: nothing lost, first arrivals in order, duplicates bounded."""
        self.stream.stop()
        self.daemon.wait_until_confirmed("siem", self.stream.written, 120.0)
        assert self.daemon.terminate() == 0
        self.rsyslog.stop()
        sent, received = self.stream.ids(), event_ids(whole_lines(self.rsyslog))
        outcome = Outcome(
            scenario=f"{scenario} ({self.lost_by_rsyslog:,} acknowledged died)",
            rounds=kills,
            sent=len(sent),
            lost=len(set(sent) - set(received)),
            duplicates=len(received) - len(set(received)),
            allowed=kills * (max(REPLAY, REPLAY_SECONDS * self.stream.rate) + 2 * WINDOW),
            worst_recovery=self.worst_recovery,
        )
        report.add(outcome)
        assert outcome.lost == 0
        assert list(dict.fromkeys(received)) == sent
        assert outcome.duplicates <= outcome.allowed


def whole_lines(rsyslog: Rsyslog) -> list[bytes]:
    """The messages that were written; a line may begin with the torn end of the life before."""
    return [line[line.rindex(b'{"id":"') :] for line in rsyslog.lines() if b'{"id":"' in line]


@pytest.mark.peers
@peers
@pytest.mark.parametrize("link", ["relp", "relp-tls"])
def test_nothing_is_lost_when_an_idle_rsyslog_is_killed(
    link: str, tmp_path: Path, certificates: Certificates, report: Report
) -> None:
    kills = Kills(tmp_path, IDLE, rate=2000, certificates=certificates if link == "relp-tls" else None)
    with kills.rsyslog, kills.stream, kills.daemon:
        kills.run(KILLS)
        kills.finish(f"imrelp, idle memory queue, {link}", KILLS, report)


@pytest.mark.peers
@peers
def test_nothing_is_lost_although_a_loaded_rsyslog_loses_what_it_has_acknowledged(
    tmp_path: Path, report: Report
) -> None:
    kills = Kills(tmp_path, LOADED, rate=4000)
    with kills.rsyslog, kills.stream, kills.daemon:
        kills.run(LOADED_KILLS)
        kills.finish("imrelp, loaded memory queue", LOADED_KILLS, report)
    assert kills.lost_by_rsyslog > 100, "the collector was not loaded: this test has shown nothing"


@pytest.mark.peers
@peers
def test_rsyslog_takes_messages_up_to_our_limit_whole_and_cuts_longer_ones_although_it_acknowledges(
    tmp_path: Path,
) -> None:
    """Why max_message is 8096 octets, and why check-config warns of more."""
    record = {"id": "e-1", "timestamp": "2026-03-04T00:00:00.000Z", "eventId": "4001"}
    long = record | {"eventType": "itemchange", "message": "x" * 20_000}
    with Rsyslog(tmp_path / "rsyslog", speaks="relp", longest_message=None) as rsyslog:
        for keys in ({}, {"max_message": "16KiB"}):
            folder = tmp_path / f"with-{len(keys)}"
            folder.mkdir()
            with configured(folder, [long], [relp(rsyslog.port, **keys)]) as daemon:
                checked = daemon.command("check-config").stdout
                assert (b"rsyslog silently cuts messages at 8096 octets" in checked) == bool(keys)
                done = daemon.command("run", "--once")
            assert b"siem: 1 confirmed, 0 waiting" in done.stdout, done.stderr
        rsyslog.wait_for(2)
        whole, cut = rsyslog.received()
        assert json.loads(whole.message)["truncated"] is True
        assert b'{"id":"e-1"' in cut.message
        with pytest.raises(json.JSONDecodeError):
            json.loads(cut.message)


@pytest.mark.peers
@peers
def test_test_send_and_status_say_that_the_collector_acknowledges(tmp_path: Path) -> None:
    with Rsyslog(tmp_path / "rsyslog", speaks="relp") as rsyslog:
        address = f"127.0.0.1:{rsyslog.port}"
        done = lpforwarder(tmp_path, "test-send", "--to", address, "--relp", "--no-tls", "--id", "HERE-1")
        said = done.stdout.decode()
        assert done.returncode == 0, done.stderr
        assert said.count("acknowledged by the collector") == 2
        assert "session ........... ok   librelp," in said
        assert "search the SIEM for  HERE-1" in said
        rsyslog.wait_for(2)
        assert all(b"HERE-1" in one.message for one in rsyslog.received())

        with configured(tmp_path, WISHED, [relp(rsyslog.port)]) as daemon, daemon:
            facts = daemon.wait_until_confirmed("siem", len(WISHED))["collectors"]["siem"]
            assert (facts["confirm"], facts["transport"]) == ("relp", "relp")
            assert b", acknowledged" in daemon.command("status").stdout


def test_a_pretend_collector_speaks_relp_and_refuses_on_request(tmp_path: Path) -> None:
    pretend = ["simulate", "collector", "--relp", "--refuse", "second line"]
    with started(tmp_path, *pretend) as (process, address):
        done = lpforwarder(tmp_path, "test-send", "--to", address, "--relp", "--no-tls")
        assert done.returncode == 3
        assert b"error[LPF233] test: " in done.stderr
        assert b"refuses the message: 500 message refused" in done.stderr
        process.terminate()
        out, _ = process.communicate(timeout=30)
    assert out.count(b"\n") == 1
    assert b"test message 1 of 2" in out


def test_refusing_needs_relp(tmp_path: Path) -> None:
    done = lpforwarder(tmp_path, "simulate", "collector", "--refuse", "x")
    assert (done.returncode, b"--refuse needs --relp" in done.stderr) == (2, True)


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A command that says on which address it listens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lpforwarder", *arguments],
        env=clean_environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        assert process.stderr is not None
        said = process.stderr.readline()
        assert b"(RELP over TCP)" in said
        yield process, said.split()[2].decode()
        process.kill()
