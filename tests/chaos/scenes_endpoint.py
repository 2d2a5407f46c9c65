"""29: the HTTP API with many clients, slow and hostile ones, while the collectors must get everything."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from tests.chaos.clients import Address, Loris, Puller, ask, begin_page, die
from tests.chaos.play import Play, Scenario
from tests.chaos.stage import Stage
from tests.fakes.collectors import CollectorProcess

MOST_LOG = 64 * 2**20
MOST_MEMORY = 256 * 2**20
LORIS_WITHIN = 15.0  # seconds after which a client without a whole request is closed
WAITS = 2.0  # seconds that a collector may be behind while clients do what they like


def clients(play: Play) -> None:
    """Everybody pages from the beginning, slow clients stay, hostile ones come and go."""
    stage = Stage(play, http={"listen": "127.0.0.1:0"})
    for name in ("one", "two"):
        stage.collector(name, CollectorProcess(play.folder / name))
    truth = stage.follow(rate=play.pick(200.0, 2000.0))
    with stage, ExitStack() as visitors:
        truth.write(play.pick(5_000, 1_000_000))
        patience = play.pick(60.0, 900.0)
        stage.recover(within=patience)
        play.figure("a collector waits without clients, s", worst(stage, play.pick(3.0, 30.0)))
        address, token = endpoint_of(stage), stage.daemon.command("token", "create", "reader").stdout.decode()
        pullers = [
            visitors.enter_context(Puller(address, token.strip(), limit=limit, nap=nap))
            for limit, nap in ((1000, 0.0), (10_000, 0.0), (100, 0.0), (1000, play.pick(0.1, 0.01)))
        ]
        loris = visitors.enter_context(Loris(address, play.pick(50, 500)))
        stuck = [begin_page(address, token.strip()) for _ in range(play.pick(5, 50))]
        for one in stuck[1::2]:
            die(one)
        for one in stuck[::2]:
            visitors.callback(die, one)
        refuse(play, address)
        waited = worst(stage, LORIS_WITHIN + 5.0)
        play.figure("a collector waits beside the clients, s", waited)
        play.expect(waited <= play.soon(WAITS), f"a collector had to wait {waited:.2f} s beside the clients")
        judge_loris(play, loris)
        truth.stop()
        for puller in pullers:
            puller.finish(patience)
        judge_pullers(stage, pullers)
        judge_size(stage)
        stage.finish(within=patience)


def endpoint_of(stage: Stage) -> Address:
    """Where it listens."""
    facts = stage.daemon.wait_until(lambda facts: facts["http"]["state"] == "running")
    host, _, port = facts["http"]["listen"].rpartition(":")
    return host, int(port)


def worst(stage: Stage, seconds: float) -> float:
    """The longest that what was just written took to a collector, measured again and again for so long."""
    until, longest = time.monotonic() + seconds, 0.0
    while time.monotonic() < until:
        longest = max([longest, *stage.recover().values()])  # nothing when not all of it came in time
        stage.pause(0.2)
    return longest


def refuse(play: Play, address: Address) -> None:
    """Wrong tokens, none, and headers without end get nothing but an answer that says so."""
    wrong = Counter(
        ask(address, {"Authorization": f"Bearer {number:064}"}) for number in range(play.pick(300, 10_000))
    )
    play.figure("wrong tokens answered 401", wrong[401])
    play.figure("wrong tokens answered 429", wrong[429])
    play.expect(set(wrong) == {401, 429}, f"wrong tokens are answered {dict(wrong)}")
    play.expect(ask(address, {}) in (401, 429), "somebody without a token is let in")
    huge = Counter(ask(address, {"X-Huge": "a" * 2**20}) for _ in range(20))
    play.expect(huge[200] == 0 and set(huge) <= {0, 400, 431}, f"huge headers are answered {dict(huge)}")
    play.figure("huge headers answered, or cut off", huge.total())


def judge_loris(play: Play, loris: Loris) -> None:
    play.figure("slow headers cut off after, s", loris.longest)
    play.expect(loris.left == 0, f"{loris.left} clients with slow headers are still connected")


def judge_pullers(stage: Stage, pullers: list[Puller]) -> None:
    """Each has every event once and in order, whatever its pace."""
    truth = stage.truth()
    for number, puller in enumerate(pullers):
        stage.play.expect(puller.error is None, f"client {number} ended: {puller.error}")
        stage.play.expect(set(puller.statuses) == {200}, f"client {number} got {dict(puller.statuses)}")
        missing = len(set(truth) - set(puller.keys))
        stage.play.lost += missing
        stage.play.expect(
            puller.keys == truth,
            f"client {number} has {len(puller.keys)} events instead of {len(truth)}, {missing} are missing",
        )
    stage.play.figure("pages", sum(puller.statuses.total() for puller in pullers))


def judge_size(stage: Stage) -> None:
    """The write-ahead log never shrinks while the daemon runs: its size is its largest."""
    log = Path(f"{stage.daemon.folder / 'journal.db'}-wal").stat().st_size
    memory = stage.daemon.memory()
    stage.play.figure("write-ahead log, MiB", log / 2**20)
    stage.play.figure("memory, MiB", memory / 2**20)
    stage.play.expect(log <= MOST_LOG, f"the write-ahead log has grown to {log / 2**20:.0f} MiB")
    stage.play.expect(memory <= MOST_MEMORY, f"{memory / 2**20:.0f} MiB of memory were used")


SCENARIOS = [
    Scenario(
        id="29",
        name="HTTP API: clients page, are slow, die, and guess tokens",
        expected="pages without gaps, wrong tokens 401 and 429, slow ones cut off, collectors get everything",
        run=clients,
        load=0.5,
    ),
]
