"""The journal's worst moments: 2 power cuts, 3 kills between two system calls."""

from __future__ import annotations

import shutil
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.chaos.play import Play, Scenario
from tests.chaos.stage import Stage
from tests.chaos.vaults import VaultFeed
from tests.fakes.collectors import CollectorProcess
from tests.integration import power_cut
from tests.integration.test_power_cut import ROUNDS, judge

CALLS = {"pwrite64": 30, "fdatasync": 12, "connect": 5, "recvfrom": 30, "sendto": 12}
"""Before the commit, between write and sync, before the next poll, in the middle of an answer, in a request.

The number is the last of these calls at which it may happen; a thread makes so many in some ten seconds.
"""


# ---- 2 ----------------------------------------------------------------------------------------------------


def power_cuts(play: Play) -> None:
    """Every write and sync of a journal is recorded; cuts at random moments keep what was synced for sure."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as place:
        folder = Path(place)
        (folder / "life").mkdir()
        calls = power_cut.record(folder / "life", "FULL", ROUNDS)
        count = play.pick(200, 2000)
        faults: Counter[str] = Counter()
        for number, state in enumerate(power_cut.states(calls, count, seed=play.seed)):
            play.progress(f"{number} of {count}")
            faults[judge(folder, state).partition(":")[0]] += 1
    play.figure("states", count)
    play.figure("calls recorded", len(calls))
    play.lost = faults["lost"]
    for fault in faults.keys() - {""}:
        play.expect(False, f"{faults[fault]} states: {fault}")


# ---- 3 ----------------------------------------------------------------------------------------------------


def killed_between(play: Play) -> None:
    """strace kills the daemon when it is about to make a certain call for the n-th time."""
    stage = Stage(play)
    stage.collector("siem", CollectorProcess(play.folder / "siem"))
    kinds: Counter[str] = Counter()
    with VaultFeed(play, rate=30) as vault:
        vault.add_to(stage)
        with stage:
            kill_between(stage, kinds)
            stage.finish()
    for call, kills in kinds.items():
        play.figure(f"killed at {call}", kills)


def kill_between(stage: Stage, kinds: Counter[str]) -> None:
    """Each kind of call in its turn, at a number of its own; counts the kills that happened."""
    play = stage.play
    for number in play.rounds(6, 60):
        stage.wait_for_a_random_moment()
        call = list(CALLS)[number % len(CALLS)]
        stage.daemon.terminate()
        stage.daemon.wrapper = _killer(call, play.random.randrange(2, CALLS[call]), play.folder / "trace")
        stage.daemon.start()
        stage.daemon_kills += 1
        kinds[call] += stage.daemon.wait(90) == -signal.SIGKILL
        stage.daemon.wrapper = ()
        began = time.monotonic()
        stage.daemon.start()
        stage.recover(since=began)
        play.allow_dup(2 * stage.per_accident)


def _killer(call: str, when: int, log: Path) -> tuple[str, ...]:
    """A command that runs another one as its own process, and kills it at its `when`-th call of that kind."""
    if shutil.which("strace") is None:
        raise RuntimeError("needs strace: scripts/install-peers")
    trace = ("-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={when}")
    return ("strace", "-D", "-f", "-qq", "-o", str(log), *trace)


SCENARIOS = [
    Scenario(
        id="2",
        name="power cuts, replayed from the recorded writes",
        expected="what was acknowledged is there, the journal opens after each",
        run=power_cuts,
    ),
    Scenario(
        id="3",
        name="killed between the vault's answer and the commit, and before the next poll",
        expected="nothing lost, nothing twice in the journal",
        run=killed_between,
        load=0.4,
        limit=(220, 3600),
    ),
]
