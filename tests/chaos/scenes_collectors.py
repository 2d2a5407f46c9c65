"""Collectors that hang, dawdle, hang up, babble or never let go: 8, 9, 12, 13, 14."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from tests.chaos.play import Play, Scenario
from tests.chaos.stage import PATIENCE, Stage
from tests.chaos.wire import Habit, Wire
from tests.fakes.collectors import CollectorProcess, Manners
from tests.fakes.daemon import Facts

MEMORY_GROWTH = 20 * 2**20  # octets of resident memory that count as flat


def said_within(stage: Stage, is_said: Callable[[Facts], bool], seconds: float, otherwise: str) -> float:
    """Seconds until status says so; noted as not said when it takes longer."""
    began = time.monotonic()
    try:
        stage.daemon.wait_until(is_said, seconds)
    except TimeoutError:
        stage.play.expect_said(False, f"{otherwise}, within {seconds:g} s")
    return time.monotonic() - began


def error_code(facts: Facts, collector: str) -> str:
    """The code of what is wrong with it; empty when nothing is."""
    error = facts["collectors"][collector]["error"]
    return error["code"] if error else ""


# ---- 8 ----------------------------------------------------------------------------------------------------


def frozen(play: Play) -> None:
    """SIGSTOP: its kernel goes on taking, its process does nothing."""
    stage = Stage(play)
    stage.plain("frozen", CollectorProcess(play.folder / "frozen"))
    stage.collector("good", CollectorProcess(play.folder / "good"))
    stage.follow(rate=50)
    with stage:
        stage.wait_until_settled()
        process = stage.parties["frozen"].process
        process.freeze()
        until = time.monotonic() + play.pick(75.0, 120.0)
        noticed = said_within(
            stage,
            lambda facts: facts["verdict"] == "behind" and "frozen" in facts["sentence"],
            75.0,
            "status: behind, and the name of the collector that hangs",
        )
        play.figure("status says so after, s", noticed)
        worst = 0.0
        while time.monotonic() < until:
            stage.pause(5)
            worst = max(worst, *stage.recover(["good"]).values())
        play.expect(worst <= play.soon(2.0), f"another collector had to wait {worst:.2f} s")
        process.thaw()
        stage.recover(["frozen"], within=60)
        play.expect((play.outcome().recovery_s or 0) <= 30, "lag 0 came later than 30 s after the thaw")
        # Believed by its kernel in the end, it has two connections to read when it wakes, in any order.
        if stage.daemon.log_of("collector.fence_unanswered"):
            stage.may_overtake.add("frozen")
        stage.finish()
    play.figure("overtaken on another connection", len(stage.judged["frozen"].disordered))


# ---- 9 ----------------------------------------------------------------------------------------------------


def slow(play: Play) -> None:
    """64 KiB every two seconds, which is a little more than comes in."""
    stage = Stage(play)
    stage.plain("slow", CollectorProcess(play.folder / "slow", manners=Manners(nap=2.0, buffer=64 * 1024)))
    truth = stage.follow(rate=40)
    with stage:
        truth.write(play.pick(1_000, 5_000))
        stage.pause(play.pick(20.0, 200.0))
        early = stage.daemon.memory("VmRSS")
        stage.pause(play.pick(20.0, 400.0))
        grown = stage.daemon.memory("VmRSS") - early
        play.figure("memory grew by, MiB", grown / 2**20)
        play.expect(grown < MEMORY_GROWTH, f"memory grew by {grown / 2**20:.1f} MiB")
        connected = len(stage.daemon.log_of("collector.connected"))
        play.expect(connected <= 2, f"connected {connected} times")
        play.expect_said(connected >= 1, "collector.connected")
        stage.finish(within=play.pick(120.0, 400.0), exit_within=20)


# ---- 12 ---------------------------------------------------------------------------------------------------


def hangs_up(play: Play) -> None:
    """Accepts and closes at once; one is tried at the usual pace, another so fast that it comes to 1,000."""
    siem, archive = CollectorProcess(play.folder / "siem"), CollectorProcess(play.folder / "archive")
    usual, fast = Wire(siem.address), Wire(archive.address)
    stage = Stage(play)
    stage.plain("usual", siem)
    stage.plain("fast", archive, retry={"first": "20ms", "most": "150ms"})
    for name, wire in (("usual", usual), ("fast", fast)):
        stage.parties[name].keys |= {"host": wire.address[0], "port": wire.address[1]}
    truth = stage.follow(rate=5, poll_interval="1s")
    with usual, fast, stage:
        stage.wait_until_settled()
        usual.habit = fast.habit = Habit.HANG_UP
        usual.reset()
        fast.reset()
        began, computing, tried, before = (
            time.monotonic(),
            processor_seconds(stage.daemon.pid),
            set[str](),
            fast.accepted,
        )
        goal = play.pick(150, 1000)
        while fast.accepted - before < goal or time.monotonic() - began < play.pick(35.0, 200.0):
            stage.pause(1.0)
            facts = stage.daemon.status()["collectors"]["usual"]
            if facts["next_try"]:
                tried.add(facts["next_try"])
        share = (processor_seconds(stage.daemon.pid) - computing) / (time.monotonic() - began)
        play.figure("hung up on, times", fast.accepted - before)
        play.figure("tries at the usual pace", len(tried))
        play.figure("processor, %", 100 * share)
        play.expect(share < 0.05, f"it takes {100 * share:.1f} % of a processor")
        # 1 s doubles to 60 s, less up to half by chance: 35 s hold 5 to 8 tries, 200 s 9 to 14.
        play.expect(len(tried) <= play.pick(9, 15), f"tried {len(tried)} times: the back-off does not grow")
        play.expect_said(
            any(
                line["code"] in ("LPF210", "LPF212", "LPF214", "LPF221")
                for line in stage.daemon.log_of("worker.failed")
            ),
            "worker.failed: closed the connection",
        )
        usual.habit = fast.habit = Habit.PASS
        stage.recover(["fast"])
        stage.recover(["usual"], within=90)
        truth.stop()
        stage.finish()


def processor_seconds(pid: int) -> float:
    """Seconds of computing of that process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# ---- 13 ---------------------------------------------------------------------------------------------------


def babbles(play: Play) -> None:
    """Sends 100 MB of garbage back, beside a good collector."""
    siem = CollectorProcess(play.folder / "siem")
    stage = Stage(play)
    stage.collector("siem", siem)
    stage.collector("good", CollectorProcess(play.folder / "good"))
    stage.follow(rate=100)
    with Wire(siem.address, garbage=100 * 10**6) as wire:
        stage.parties["siem"].keys |= {"host": wire.address[0], "port": wire.address[1]}
        with stage:
            stage.wait_until_settled()
            early = stage.daemon.memory("VmRSS")
            wire.habit = Habit.BABBLE
            wire.reset()
            said_within(
                stage, lambda facts: error_code(facts, "siem") == "LPF213", play.soon(20), "status: LPF213"
            )
            stage.pause(play.pick(8.0, 60.0))
            grown = stage.daemon.memory("VmRSS") - early
            play.figure("memory grew by, MiB", grown / 2**20)
            play.figure("garbage taken from one connection, KiB", wire.most_garbage / 1024)
            play.figure("connections", wire.accepted)
            play.expect(grown < MEMORY_GROWTH, f"memory grew by {grown / 2**20:.1f} MiB")
            # What one connection takes before we hang up lies in two kernels' buffers for the most part.
            play.expect(wire.most_garbage < 2 * 2**20, f"{wire.most_garbage} octets of garbage were taken")
            # Who is held up by the garbage is held up every time; a busy machine is not.
            waits = [stage.recover(["good"]).get("good", PATIENCE) for _ in range(3)]
            play.expect(min(waits) <= play.soon(2.0), f"another collector had to wait {min(waits):.2f} s")
            wire.habit = Habit.PASS
            stage.recover()
            stage.finish()


# ---- 14 ---------------------------------------------------------------------------------------------------


def never_closes(play: Play) -> None:
    """Reads everything and never answers the half-close."""
    stage = Stage(play)
    stage.plain("siem", CollectorProcess(play.folder / "siem", manners=Manners(closes=False)))
    stage.follow(rate=20)
    with stage:
        began = time.monotonic()
        said_within(
            stage,
            lambda facts: facts["collectors"]["siem"]["confirm"] == "kernel",
            150,
            "status: confirm kernel",
        )
        play.figure("believed by its kernel after, s", time.monotonic() - began)
        play.recovered(0.0)
        stage.recover()
        warned = stage.daemon.log_of("collector.fence_unanswered")
        play.expect_said(
            [line["code"] for line in warned] == ["LPF218"], "collector.fence_unanswered LPF218, once"
        )
        stage.finish(leave_open=["siem"])


SCENARIOS = [
    Scenario(
        id="8",
        name="collector frozen (SIGSTOP), then thawed",
        expected="status says so, others unaffected, nothing lost, lag 0 within 30 s",
        run=frozen,
        load=0.15,
        limit=(220, 400),
    ),
    Scenario(
        id="9",
        name="slow collector: 64 KiB every 2 s",
        expected="no reconnect loop, nothing lost, memory flat",
        run=slow,
        load=0.1,
        limit=(220, 1500),
    ),
    Scenario(
        id="12",
        name="collector accepts and closes at once",
        expected="back-off grows to 60 s, less than 5 % of a processor, said so, nothing lost",
        run=hangs_up,
        load=0.15,
        limit=(220, 900),
    ),
    Scenario(
        id="13",
        name="collector sends 100 MB of garbage back",
        expected="disconnected, memory flat, others unaffected, nothing lost",
        run=babbles,
        load=0.3,
    ),
    Scenario(
        id="14",
        name="collector never answers the half-close",
        expected="after three fence timeouts its kernel's word counts, with a warning; nothing lost",
        run=never_closes,
        load=0.1,
        limit=(220, 400),
    ),
]
