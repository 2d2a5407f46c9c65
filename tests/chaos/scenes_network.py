"""The way to the collector: 10 packets dropped, 11 lost, late and out of order."""

from __future__ import annotations

import time
from itertools import pairwise

from tests.chaos.play import Play, Scenario
from tests.chaos.scenes_collectors import error_code
from tests.chaos.stage import Stage
from tests.chaos.tunnel import FAR, Line, Tunnel
from tests.fakes.collectors import CollectorProcess, send_naively

PORT = 6514
BUSY_NOTICED, IDLE_NOTICED = 35.0, 30.0
FIRST_AFTER_HEALING = 5.0
CONNECT_TIMEOUT = 10.0


def far_receiver(play: Play, tunnel: Tunnel, name: str, port: int) -> CollectorProcess:
    """A simple collector at the far end of the tunnel."""
    return CollectorProcess(play.folder / name, host=FAR, port=port, wrapper=tunnel.far_side)


def packets_dropped(play: Play) -> None:
    """Nothing gets through for minutes, and nobody is told; one link is in use, one is idle."""
    most = play.pick(5.0, 60.0)
    retry = {"retry": {"first": "1s", "most": f"{most:g}s"}}
    with Tunnel(play.seed) as tunnel:
        stage = Stage(play)
        stage.plain("busy", far_receiver(play, tunnel, "busy", PORT), **retry, sources=["file"])
        stage.plain("idle", far_receiver(play, tunnel, "idle", PORT + 1), **retry, sources=["quiet"])
        stage.follow("file", "a", rate=50)
        quiet = stage.follow("quiet", "b", rate=0)
        stage.parties["busy"].wants, stage.parties["idle"].wants = ("a",), ("b",)
        with stage:
            quiet.write(10)
            stage.recover()
            stage.pause(3)  # until the idle link has nothing unconfirmed
            tunnel.change(Line(drops=True))
            dropped = time.monotonic()
            tries: dict[str, float] = {}
            noticed: dict[str, float] = {}
            while time.monotonic() - dropped < play.pick(45.0, 300.0):
                facts = stage.daemon.status()
                since = time.monotonic() - dropped
                for name in stage.names:
                    if error_code(facts, name):
                        noticed.setdefault(name, since)
                if facts["collectors"]["busy"]["next_try"]:
                    tries.setdefault(facts["collectors"]["busy"]["next_try"], since)
                stage.pause(0.25)
            for name, limit in (("busy", BUSY_NOTICED), ("idle", IDLE_NOTICED)):
                play.figure(f"noticed on the {name} link after, s", noticed.get(name, -1.0))
                play.expect_said(
                    noticed.get(name, limit + 1) <= limit,
                    f"status: the {name} link is dead, within {limit:g} s",
                )
            moments = list(tries.values())
            longest = max((later - earlier for earlier, later in pairwise(moments)), default=0.0)
            play.figure("longest time between attempts, s", longest)
            play.expect(longest <= most + CONNECT_TIMEOUT + 1, f"{longest:.0f} s between two attempts")
            before = stage.standstill("busy")
            tunnel.change(Line())
            healed = time.monotonic()
            quiet.write(10)
            first = stage.first_arrival("busy", before, healed, within=most + 30)
            play.figure("first event after healing, s", first)
            # An attempt may just be waiting: for its time-out, and then for the back-off.
            limit = FIRST_AFTER_HEALING + most + CONNECT_TIMEOUT
            play.expect(first <= limit, f"the first event came {first:.0f} s after healing")
            stage.recover(since=healed, within=most + 60)
            play.expect_said(
                any(line["code"] == "LPF203" for line in stage.daemon.log_of("worker.failed")),
                "worker.failed LPF203",
            )
            # Their side of the dead connections hears of no end, and keeps them.
            stage.finish(within=90, leave_open=stage.names)


def packets_lost(play: Play) -> None:
    """5 % of the packets lost, 200 ms there and back, order changed; a plain TCP copy is the yardstick."""
    count = play.pick(4_000, 60_000)
    with Tunnel(play.seed) as tunnel, far_receiver(play, tunnel, "yardstick", PORT + 1) as yardstick:
        stage = Stage(play)
        stage.plain("siem", far_receiver(play, tunnel, "siem", PORT))
        truth = stage.follow(rate=0)
        with stage:
            tunnel.change(Line(loss=0.05, delay=0.1, jitter=0.005))
            began = time.monotonic()
            truth.write(count)
            stage.recover(within=play.pick(150, 2500))
            pace = count / (time.monotonic() - began)
            copied = copy_pace(stage.parties["siem"].process.lines(), yardstick)
            play.figure("events a second", round(pace))
            play.figure("a plain TCP copy of the same, events a second", round(copied))
            # The beginning is slow, and the short run is little more than that.
            play.expect(pace >= play.pick(100, 500), f"only {pace:.0f} events a second")
            stage.finish(within=300)


def copy_pace(messages: list[bytes], receiver: CollectorProcess) -> float:
    """Messages a second that a careless sender gets across the same line."""
    began = time.monotonic()
    send_naively(receiver.address, b"".join(b"%d %b" % (len(one), one) for one in messages))
    receiver.wait_for(len(messages), within=2500)
    return len(messages) / (time.monotonic() - began)


SCENARIOS = [
    Scenario(
        id="10",
        name="packets dropped, then healed",
        expected="noticed within 35 s (idle 30 s), tried at least every minute, nothing lost",
        run=packets_dropped,
        space=("--net",),
        load=0.15,
        limit=(220, 900),
    ),
    Scenario(
        id="11",
        name="5 % of packets lost, 200 ms delay, reordered",
        expected="nothing lost, at least 500 events a second",
        run=packets_lost,
        space=("--net",),
        load=0.2,
        limit=(220, 3000),
    ),
]
