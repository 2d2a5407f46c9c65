"""7: a collector that confirms at once and writes later, killed with a queue in its memory.

Nothing but the replay window can help here: what it has read and not written is gone.
"""

from __future__ import annotations

import time
from typing import Any

from tests.chaos.play import Play, Scenario
from tests.chaos.stage import Stage
from tests.fakes.peers import Queue, Rsyslog

RATE = 100.0
SLOWDOWN = 1_500_000  # microseconds before each batch of 1,024 messages at most
WINDOW = 5_000  # the default replay
BURST = (1_500, 3_500)  # events at once: confirmed within a second, written during the next ones
UNPROTECTED: dict[str, Any] = {
    "fence": {"events": 100, "time": "300ms"},
    "replay": {"events": 100, "time": "0s"},
}


def loaded(play: Play) -> None:
    """rsyslog with its packaged memory queue and a slow output, killed while it holds back many events."""
    stage = killed_with_a_queue(play, {"fence": {"time": "500ms"}}, play.pick(3, 100))
    play.expect_said(bool(stage.daemon.log_of("collector.disconnected")), "collector.disconnected")


def unprotected(play: Play) -> None:
    """The same with a window much smaller than the queue: the documented limit, counted."""
    stage = killed_with_a_queue(play, UNPROTECTED, play.pick(2, 20), may_lose=("siem",))
    lost = len(stage.judged["siem"].lost)
    play.figure("lost beyond the window", lost)
    play.expect(lost > 0, "nothing was lost: the queue was not loaded, and number 7 proves nothing")


def killed_with_a_queue(
    play: Play, keys: dict[str, Any], kills: int, may_lose: tuple[str, ...] = ()
) -> Stage:
    """The scene, after its end."""
    stage = Stage(play)
    siem = Rsyslog(play.folder / "siem", queue=Queue(kind="LinkedList", slowdown_microseconds=SLOWDOWN))
    stage.plain("siem", siem, retry={"first": "100ms", "most": "500ms"}, **keys)
    truth = stage.follow(rate=RATE)
    with stage:
        held = 0
        for _ in play.rounds(kills, kills):
            truth.write(play.random.randrange(*BURST))
            stage.wait_until_settled()
            time.sleep(play.random.uniform(0.0, 0.5))
            written = stage.feeds["file"].truth.written
            held = max(held, written - stage.reached("siem")["a"])
            siem.kill()
            time.sleep(0.15)
            began = time.monotonic()
            siem.start()
            if not may_lose:
                stage.recover(since=began, within=120)
            play.allow_dup(3 * WINDOW)
        play.figure("kills", kills)
        play.figure("held back at most, events", held)
        stage.finish(within=120, may_lose=may_lose)
    return stage


SCENARIOS = [
    Scenario(
        id="7",
        name="loaded rsyslog, queue in memory, killed",
        expected="nothing lost as long as it holds back no more than the replay window",
        run=loaded,
        peers=True,
        load=0.4,
        limit=(200, 5400),
    ),
    Scenario(
        id="7b",
        name="the same with a replay window smaller than its queue",
        expected="a documented limit: what it had read and not written is lost, and counted here",
        run=unprotected,
        peers=True,
        load=0.4,
        limit=(200, 1800),
    ),
]
