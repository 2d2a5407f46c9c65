"""Ten clients page a large journal while events come in and go out: nothing missing, nothing slowed.

Small in the usual run; `scripts/pull-load` makes it a journal of a million events and prints the figures.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lpforwarder.event import Event, Seq
from lpforwarder.intake.sources.sample_events import sample_event
from lpforwarder.journal.sqlite import open_journal
from tests.fakes.daemon import Daemon
from tests.fakes.event_files import event_id_of, event_number
from tests.fakes.pull_client import digest_of
from tests.fakes.served_endpoint import fetch

CHECKOUT = Path(__file__).parents[2]
EVENTS = int(os.environ.get("LPFORWARDER_PULL_EVENTS", "100000"))
CLIENTS = 10
RATE = 1_000
QUIET = float(os.environ.get("LPFORWARDER_PULL_QUIET", "8"))
"""Seconds of delivery without clients, before and after."""
PER_PAGE = 1_000
START = "2026-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """How delivery did for a while."""

    name: str
    rate: float
    median: float
    worst: float

    def line(self) -> str:
        return (
            f"{self.name:<34} {self.rate:6.0f} events/s each, age at the collector: "
            f"median {self.median * 1000:.0f} ms, 99 of 100 {self.worst * 1000:.0f} ms"
        )


def fill(path: Path, events: int) -> None:
    """A journal with so many old events, all of which both collectors have."""
    with open_journal(path, keep=10**9, max_size=2**40, when_full="pause-polling") as journal:
        for first in range(0, events, PER_PAGE):
            page = [
                Event.of(event_number(number) | {"source": "archive"})
                for number in range(first, first + PER_PAGE)
            ]
            journal.append("archive", page, (), str(first))
        for name in ("one", "two"):
            journal.advance(name, Seq(events), Seq(events), clean=True)


@contextmanager
def child(*arguments: str, given: str = "") -> Iterator[subprocess.Popen[str]]:
    """A program of the tests; killed at the end."""
    # Clients would run on other machines: here they get the processor when nobody else wants it.
    nice = ["nice", "-n", "19"] if arguments[0] == "tests.fakes.pull_client" else []
    command = [*nice, sys.executable, "-m", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=CHECKOUT, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            assert process.stdin is not None
            process.stdin.write(given + "\n")
            process.stdin.close()
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def settings(ports: Sequence[int], count: int | None = None) -> dict[str, Any]:
    live = {"name": "live", "type": "sample", "rate": RATE, "poll_interval": "100ms"}
    collectors = [
        {"name": name, "host": "127.0.0.1", "port": port, "transport": "tcp", "heartbeat": "0s"}
        for name, port in zip(("one", "two"), ports, strict=True)
    ]
    return {
        "sources": [live | ({} if count is None else {"count": count})],
        "collectors": collectors,
        "http": {"listen": "127.0.0.1:0"},
    }


def received(path: Path) -> list[tuple[float, int, float, list[str]]]:
    lines = path.read_text().splitlines() if path.exists() else []
    return [tuple(json.loads(line)) for line in lines]


def stretch(name: str, paths: Sequence[Path], began: float, ended: float) -> Stretch:
    """Of both collectors, between two times."""
    rows = [row for path in paths for row in received(path) if began <= row[0] < ended]
    ages = sorted(age for _, count, age, _ in rows for _ in range(count))
    return Stretch(
        name=name,
        rate=len(ages) / (ended - began) / len(paths),
        median=statistics.median(ages),
        worst=ages[int(len(ages) * 0.99)],
    )


def rest(seconds: float, daemon: Daemon) -> tuple[float, float]:
    """When a stretch began and ended in which nobody pulls."""
    began = time.time()
    daemon.wait_until(lambda _: time.time() >= began + seconds, within=seconds + 10)
    return began, time.time()


@pytest.mark.slow
def test_ten_clients_read_everything_once_in_order_and_delivery_is_not_slowed(tmp_path: Path) -> None:
    fill_in = tmp_path / "daemon" / "journal.db"
    fill_in.parent.mkdir()
    fill_in.parent.chmod(0o700)
    fill(fill_in, EVENTS)
    enough = tmp_path / "enough"
    files = [tmp_path / "one", tmp_path / "two"]
    with ExitStack() as open_ones:
        collectors = [
            open_ones.enter_context(child("tests.fakes.late_collector", str(path), "live")) for path in files
        ]
        ports = [int(line_of(process)) for process in collectors]
        daemon = open_ones.enter_context(Daemon(tmp_path / "daemon", settings(ports)))
        facts = daemon.wait_until(lambda facts: facts["http"]["state"] == "running")
        port = facts["http"]["listen"].rpartition(":")[2]
        token = daemon.command("token", "create", "load").stdout.decode()
        daemon.wait_until(lambda _: all(received(path) for path in files))

        def client() -> subprocess.Popen[str]:
            arguments = ("tests.fakes.pull_client", "--port", port, "--enough", str(enough))
            return open_ones.enter_context(child(*arguments, given=token))

        before = rest(QUIET, daemon)
        alone_memory = daemon.memory("VmRSS")
        began = time.time()
        clients = [client() for _ in range(CLIENTS)]
        for process in clients:
            assert line_of(process) == "caught up"
        paging = began, time.time()
        following = rest(QUIET, daemon)
        facts = daemon.status()
        count = facts["sources"]["live"]["events"] + 2 * RATE
        daemon.configure(settings(ports, count))
        daemon.hup()
        enough.write_text(str(EVENTS + count))
        said = [json.loads(line_of(process)) for process in clients]
        daemon.wait_until(lambda _: all(sum(row[1] for row in received(path)) >= count for path in files))
        memory = daemon.memory()

        alone = client()  # nobody beside it
        assert line_of(alone) == "caught up"
        single = json.loads(line_of(alone))
    stretches = [
        stretch("without clients", files, *before),
        stretch(f"{CLIENTS} clients page {EVENTS:,} events", files, *paging),
        stretch(f"{CLIENTS} clients wait for events", files, *following),
    ]
    for each in stretches:
        print(each.line())
    took = paging[1] - paging[0]
    print(f"all {CLIENTS} caught up after {took:.1f} s: {CLIENTS * EVENTS / took:,.0f} events/s together")
    print(f"one client alone: {single['events'] / single['seconds']:,.0f} events/s")
    print(f"memory: {alone_memory / 1e6:.0f} MB before, {memory / 1e6:.0f} MB at most")

    live = [id_ for row in received(files[0]) for id_ in row[3]]
    assert live == [id_ for row in received(files[1]) for id_ in row[3]]
    assert live == [str(sample_event(1, number, 0, "live").text("id")) for number in range(count)]
    expected = digest_of([*map(event_id_of, range(EVENTS)), *live])
    assert [one["digest"] for one in said] == [expected] * CLIENTS
    assert memory < 150 * 10**6
    quiet, loaded, waiting = stretches
    assert loaded.rate > 0.9 * quiet.rate
    assert waiting.rate > 0.9 * quiet.rate


# ---- a thousand that only hold on -----------------------------------------------------------------------

REQUEST = "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
DESCRIPTORS = 1024
"""What a process may have where nobody says more."""


def hold_on(crowd: ExitStack, port: int, token: str, number: int) -> None:
    """One more client that is slow or idle, of four kinds.

    Every tenth asks for all it can get, and takes nothing.
    """
    line = crowd.enter_context(socket.socket())
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.settimeout(10)
    line.connect(("127.0.0.1", port))
    said = (
        "",
        REQUEST.format(path="/healthz", token="") + "X-Slow: ",
        REQUEST.format(path="/healthz", token="") + "\r\n",
    )
    greedy = REQUEST.format(path="/v1/events?limit=10000", token=token) + "\r\n"
    with suppress(ConnectionError):
        line.sendall((greedy if number % 10 == 0 else said[number % len(said)]).encode())


def answer_times(port: int, count: int) -> list[float]:
    """Seconds to an answer of /healthz, each over a connection of its own, sorted."""
    found = []
    for _ in range(count):
        began = time.monotonic()
        assert fetch(port, "/healthz").status == 200
        found.append(time.monotonic() - began)
    return sorted(found)


@pytest.mark.slow
def test_a_thousand_slow_and_idle_clients_delay_neither_health_nor_delivery(tmp_path: Path) -> None:
    (tmp_path / "daemon").mkdir(mode=0o700)
    fill(tmp_path / "daemon" / "journal.db", 20_000)
    files = [tmp_path / "one", tmp_path / "two"]
    with ExitStack() as open_ones:
        collectors = [
            open_ones.enter_context(child("tests.fakes.late_collector", str(path), "live")) for path in files
        ]
        ports = [int(line_of(process)) for process in collectors]
        wrapper = ("prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}")
        daemon = open_ones.enter_context(Daemon(tmp_path / "daemon", settings(ports), wrapper=wrapper))
        facts = daemon.wait_until(lambda facts: facts["http"]["state"] == "running")
        port = int(facts["http"]["listen"].rpartition(":")[2])
        token = daemon.command("token", "create", "crowd").stdout.decode().strip()
        daemon.wait_until(lambda _: all(received(path) for path in files))

        before, alone = rest(QUIET / 2, daemon), answer_times(port, 100)
        crowd = open_ones.enter_context(ExitStack())
        for number in range(1000):
            hold_on(crowd, port, token, number)
        began = time.time()
        coming = answer_times(port, 100)  # a hundred large reads begin at once
        beside = answer_times(port, 300)
        rest(QUIET, daemon)
        during = began, time.time()
        clients = daemon.status()["http"]["clients"]
        memory = daemon.memory()
    quiet = stretch("nobody else", files, *before)
    crowded = stretch("1,000 slow and idle clients", files, *during)
    print(quiet.line(), crowded.line(), sep="\n")
    for name, times in (("alone", alone), ("while they come", coming), ("beside them", beside)):
        print(
            f"/healthz {name}: median {statistics.median(times) * 1000:.1f} ms,",
            f"99 of 100 {_most(times):.1f} ms",
        )
    print(f"{clients} of them connected; memory {memory / 1e6:.0f} MB at most")
    assert clients <= DESCRIPTORS // 2
    assert not daemon.log_of("worker.failed")
    assert crowded.rate > 0.9 * RATE
    assert statistics.median(beside) < 0.02
    assert _most(beside) < 100.0
    assert memory < 150 * 10**6


def _most(times: Sequence[float]) -> float:
    """Milliseconds within which 99 of 100 came."""
    return times[int(len(times) * 0.99)] * 1000
