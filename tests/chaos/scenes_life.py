"""The daemon's own life: 28 its end, 21 its clock."""

from __future__ import annotations

import contextlib
import signal
import time
from pathlib import Path

from tests.chaos.play import Play, Scenario
from tests.chaos.scenes_collectors import processor_seconds
from tests.chaos.stage import Stage
from tests.chaos.vaults import VaultFeed
from tests.fakes.collectors import CollectorProcess
from tests.fakes.ports import ReservedPort

# ---- 28 ---------------------------------------------------------------------------------------------------

END_WITHIN = 10.0


def ends(play: Play) -> None:
    """SIGTERM under load, beside a healthy, a frozen and a dead collector; then a new start."""
    stage = Stage(play, drain="5s")
    stage.collector("healthy", CollectorProcess(play.folder / "healthy"))
    frozen = stage.collector("frozen", CollectorProcess(play.folder / "frozen"))
    stage.follow(rate=play.pick(300, 500))
    with contextlib.closing(ReservedPort()) as nobody:
        dead = CollectorProcess(play.folder / "dead", port=0)
        stage.collector("dead", dead, port=nobody.number)
        with stage:
            worst = 0.0
            for number in play.rounds(3, 50):
                stage.wait_until_settled(["healthy", "frozen"])
                time.sleep(play.random.uniform(0.2, 1.0))
                frozen.freeze()
                time.sleep(play.random.uniform(0.0, 1.0))
                worst = max(worst, end(stage, number))
                frozen.thaw()
                began = time.monotonic()
                stage.daemon.start()
                stage.daemon_kills += 1
                stage.recover(["healthy", "frozen"], since=began)
                play.allow_dup(2 * stage.per_accident)
            play.figure("longest time to an end, s", worst)
            stage.parties["dead"].keys["port"] = dead.port
            stage.daemon.configure(stage.settings())
            stage.daemon.hup()
            play.expect_said(bool(stage.daemon.log_of("service.drained")), "service.drained")
            stage.finish(within=play.pick(60.0, 600.0))  # the dead one has everything still to get


def end(stage: Stage, number: int) -> float:
    """SIGTERM; every third time SIGKILL during the drain, and a second SIGTERM otherwise. Seconds it took."""
    play, began = stage.play, time.monotonic()
    stage.daemon.signal(signal.SIGTERM)
    time.sleep(play.random.uniform(0.0, 0.5))
    if number % 3 == 2:
        stage.daemon.kill()
        return 0.0
    if number % 3 == 1:
        stage.daemon.signal(signal.SIGTERM)
    code = stage.daemon.wait(30)
    took = time.monotonic() - began
    play.expect(code == 0, f"it ended with {code}")
    play.expect(took <= END_WITHIN, f"it took {took:.1f} s to end")
    return took


# ---- 21 ---------------------------------------------------------------------------------------------------

LIBRARIES = ("/usr/lib/*/faketime/libfaketime.so.1", "/usr/lib64/faketime/libfaketime.so.1")
JUMPS = ("+1h", "-1h", "+1d", "-1d", "+0")


def clock_jumps(play: Play) -> None:
    """The daemon's wall clock, and no other, jumps by an hour and by a day, forth and back."""
    offset = play.folder / "offset"
    offset.write_text("+0\n", encoding="ascii")
    environment = {
        "LD_PRELOAD": faketime_library(),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    stage = Stage(play, environment=environment)
    stage.collector("siem", CollectorProcess(play.folder / "siem"))
    stage.follow(rate=20, poll_interval="500ms")
    with VaultFeed(play, rate=10) as feed:
        # An overlap that covers a jump of an hour to the future and back.
        feed.add_to(stage)
        with stage:
            stage.wait_until_settled(within=30)
            for _ in play.rounds(1, 5):
                for jump in JUMPS:
                    jump_to(stage, offset, jump)
            play.expect_said(
                bool(stage.daemon.log_of("clock.differed")), "clock.differed: the vault's clock is another"
            )
            stage.finish()


def jump_to(stage: Stage, offset: Path, jump: str) -> None:
    """Events go on arriving within a poll or two, and nobody spins."""
    play = stage.play
    offset.write_text(f"{jump}\n", encoding="ascii")
    stage.pause(1)
    computing, began = processor_seconds(stage.daemon.pid), time.monotonic()
    stage.pause(play.pick(3, 20))
    share = (processor_seconds(stage.daemon.pid) - computing) / (time.monotonic() - began)
    play.expect(share < 0.5, f"after {jump} it takes {100 * share:.0f} % of a processor")
    took = stage.recover(within=30)
    play.figure(f"after {jump}: all there after, s", max(took.values(), default=-1.0))


def faketime_library() -> str:
    """Where it is; RuntimeError with what to run when it is nowhere."""
    found = [path for pattern in LIBRARIES for path in Path("/").glob(pattern.lstrip("/"))]
    if not found:
        raise RuntimeError("needs libfaketime: scripts/install-peers")
    return str(found[0])


SCENARIOS = [
    Scenario(
        id="21",
        name="clock jumps by an hour and by a day, forth and back",
        expected="no busy loop, no longer pause than a poll, nothing lost",
        run=clock_jumps,
        load=0.2,
    ),
    Scenario(
        id="28",
        name="SIGTERM under load beside a healthy, a frozen and a dead collector",
        expected="ends with 0 within 10 s, nothing lost, unconfirmed events come again",
        run=ends,
        load=0.4,
    ),
]
