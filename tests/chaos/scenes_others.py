"""The same accidents behind rsyslog's and syslog-ng's own forwarding: a yardstick, no failures of ours."""

from __future__ import annotations

import time
from functools import partial

from tests.chaos import oracle
from tests.chaos.oracle import Arrivals
from tests.chaos.play import Play, Scenario
from tests.chaos.senders import (
    RsyslogDiskQueue,
    RsyslogMemoryQueue,
    RsyslogSender,
    Sender,
    SyslogNgDiskBuffer,
    SyslogNgSender,
)
from tests.chaos.truth import FileTruth
from tests.fakes.children import ChildCollector
from tests.fakes.collectors import CollectorProcess
from tests.fakes.received import complete_lines

QUIET = 5.0  # seconds in which nothing arrives any more, and nothing more will
SENDERS: dict[str, tuple[type[Sender], str]] = {
    "rsyslog": (RsyslogSender, "rsyslog, omfwd as packaged"),
    "rsyslog-memory": (RsyslogMemoryQueue, "rsyslog, omfwd with a queue in memory"),
    "rsyslog-disk": (RsyslogDiskQueue, "rsyslog, omfwd with a synced disk queue"),
    "syslog-ng": (SyslogNgSender, "syslog-ng with flow control"),
    "syslog-ng-disk": (SyslogNgDiskBuffer, "syslog-ng with its reliable disk buffer"),
}


def accidents(play: Play, kind: type[Sender]) -> None:
    """Follows a file that grows; its collector is killed and restarted."""
    file = play.folder / "events.jsonl"
    with (
        CollectorProcess(play.folder / "receiver") as receiver,
        FileTruth(file, rate=min(play.pick(300.0, 2000.0), kind.keeps_up)) as truth,
        kind(play.folder / "sender", file, receiver.address),
    ):
        arrivals = Arrivals(receiver.file)
        wait_until_reached(arrivals, truth.written, 30)
        ends = [ChildCollector.kill] * play.pick(3, 50) + [ChildCollector.stop] * play.pick(1, 10)
        for number, end in enumerate(ends):
            play.progress(f"{number} of {len(ends)}")
            time.sleep(play.random.uniform(0.3, 1.3))
            end(receiver)
            time.sleep(0.15)
            receiver.start()
            wait_until_reached(arrivals, truth.written, 60)
        truth.stop()
        wait_until_quiet(arrivals)
    arrived = oracle.read(complete_lines(receiver.file))
    judged = oracle.judge(arrived, truth.all())
    play.sent, play.lost, play.dup = truth.written, len(judged.lost), judged.dup
    play.figure("accidents", len(ends))
    play.figure("lost per accident", len(judged.lost) / len(ends))
    play.expect(truth.written > 100 and len(arrived.keys) > truth.written // 2, "it hardly sent anything")


def wait_until_reached(arrivals: Arrivals, count: int, within: float) -> None:
    """Returns as soon as that event has arrived, or when it is too late."""
    until = time.monotonic() + within
    while arrivals.reached("a") < count and time.monotonic() < until:
        time.sleep(0.02)


def wait_until_quiet(arrivals: Arrivals) -> None:
    """Returns once nothing has arrived for a while."""
    before, since = -1, time.monotonic()
    while time.monotonic() - since < QUIET:
        if (now := arrivals.reached("a")) != before:
            before, since = now, time.monotonic()
        time.sleep(0.1)


SCENARIOS = [
    Scenario(
        id=id,
        name=name,
        expected="its losses and copies, beside ours of number 4",
        run=partial(accidents, kind=kind),
        peers=True,
        is_ours=False,
        load=0.4,
        limit=(200, 3600),
    )
    for id, (kind, name) in SENDERS.items()
]
