"""The vault refuses, hangs or tells its events oddly: 23, 24, 26."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise

from lpforwarder.simulator.vault.answers import Reply
from lpforwarder.simulator.vault.faults import Fault
from lpforwarder.simulator.vault.vault import Asked
from tests.chaos.play import Play, Scenario
from tests.chaos.scenes_collectors import said_within
from tests.chaos.scenes_disks import source_code
from tests.chaos.stage import Stage
from tests.chaos.truth import VaultTruth
from tests.chaos.vaults import VaultFeed
from tests.chaos.wire import Habit, Wire
from tests.fakes.collectors import CollectorProcess

REGENERATED = "Enterprise API secret regenerated"


def said_of_source(stage: Stage, source: str, codes: str, what: str, within: float = 90.0) -> None:
    """Waits until status names one of these codes; without any there must be no error a moment later."""
    if codes:
        said_within(
            stage, lambda facts: source_code(facts, source) in codes.split(), within, f"{codes}: {what}"
        )
    else:
        stage.pause(3)
        stage.play.expect(not source_code(stage.daemon.status(), source), f"an error because of {what}")


# ---- 23 ---------------------------------------------------------------------------------------------------

REFUSALS = {
    Fault.RATE_LIMITED_WITH_WAIT: "LPF303",
    Fault.RATE_LIMITED: "LPF303",
    Fault.UNAVAILABLE: "LPF305",
    Fault.SERVER_ERROR: "LPF305",
    Fault.FORBIDDEN: "LPF304",
    Fault.BAD_GATEWAY: "LPF305",
}
LEAST_WAIT = 0.45  # seconds: the first wait is one, less up to half by chance


def refuses(play: Play) -> None:
    """Each refusal several times in a row; then a secret that is replaced, and 401."""
    stage = Stage(play)
    stage.collector("siem", CollectorProcess(play.folder / "siem"))
    with VaultFeed(play, rate=10, retry_after="3") as feed:
        source = feed.add_to(stage)
        with stage:
            stage.wait_until_settled(within=30)
            chosen = list(REFUSALS)[:: play.pick(2, 1)]
            for fault in chosen:
                play.progress(fault.value)
                feed.vault.fail_next(*[fault] * play.pick(1, 5))
                said_of_source(stage, feed.name, REFUSALS[fault], fault.value)
                stage.recover(within=play.pick(70, 320))
            least = {Fault.RATE_LIMITED_WITH_WAIT: 3.0}
            for fault in chosen:
                waits = waits_after(feed.vault.asked, fault)
                play.figure(f"waits after {fault.value}, s", " ".join(f"{wait:.1f}" for wait in waits))
                wanted = least.get(fault, LEAST_WAIT)
                play.expect(
                    min(waits, default=0) >= wanted, f"after {fault.value} it waited {min(waits):.2f} s"
                )
                play.expect(max(waits, default=0) <= 61, f"after {fault.value} it waited {max(waits):.0f} s")
            # The report tells of the new secret; that event is in no truth list.
            source.extra_actions = (REGENERATED,)
            refuses_for_good(stage, feed)
            source.extra = 1
            stage.finish()


def refuses_for_good(stage: Stage, feed: VaultFeed) -> None:
    """401, and a secret that was replaced: what a person must mend is tried slowly until it is mended."""
    play = stage.play
    feed.vault.spoil = lambda _: Reply(status=401, reason="Unauthorized", body=b"no")
    said_of_source(stage, feed.name, "LPF302", "401")
    feed.vault.spoil = None
    stage.daemon.hup()
    stage.recover(within=30)
    secret = feed.vault.reset_secret()
    said_of_source(stage, feed.name, "LPF301", "a secret that was replaced")
    before = len(feed.vault.asked)
    stage.pause(10)
    calls = len(feed.vault.asked) - before
    play.figure("calls with a refused secret in 10 s", calls)
    play.expect(calls <= 4, f"{calls} calls in ten seconds with a secret that was refused")
    feed.write_secret(secret)
    stage.recover(within=30)
    said = stage.daemon.output()
    play.expect_said("acme.secret" in said, "which file the new secret belongs into")
    stage.old_secrets.append(feed.first_secret)


def waits_after(asked: Sequence[Asked], fault: Fault) -> list[float]:
    """Seconds from each call that got this fault to the next one."""
    return [(after.at - one.at) / 1_000_000 for one, after in pairwise(asked) if one.fault is fault]


# ---- 24 ---------------------------------------------------------------------------------------------------


def hangs(play: Play) -> None:
    """No answer, an octet a second, a request that is not read, and a port that does not even connect."""
    timeout = play.pick(3.0, 60.0)
    stage = Stage(play)
    stage.collector("siem", CollectorProcess(play.folder / "siem"))
    with VaultFeed(play, rate=10, drip_octets=1, drip_pause_seconds=1.0, drip_pieces=10**6) as feed:
        wire = Wire(feed.vault.address)
        url = f"http://{wire.address[0]}:{wire.address[1]}/enterpriseapi.php"
        feed.add_to(stage, timeout=f"{timeout:g}s", url=url)
        with wire, silent_port() as silent, stage:
            stage.wait_until_settled(within=30)
            for what, fault in (("no answer", Fault.SILENCE), ("an octet a second", Fault.SLOW_DRIP)):
                feed.vault.fail_next(fault)
                given_up(stage, feed, what, timeout)
                stage.recover(within=2 * timeout + 30)
            wire.habit = Habit.STALL
            given_up(stage, feed, "nothing read", timeout)
            wire.habit = Habit.PASS
            stage.recover(within=2 * timeout + 30)
            elsewhere = stage.feeds[feed.name].keys
            elsewhere["url"] = f"http://127.0.0.1:{silent}/enterpriseapi.php"
            stage.daemon.configure(stage.settings())
            stage.daemon.hup()
            said_of_source(
                stage, feed.name, "LPF312 LPF315", "a port that never answers", within=timeout + 30
            )
            elsewhere["url"] = url
            stage.daemon.configure(stage.settings())
            stage.daemon.hup()
            stage.recover(within=timeout + 30)
            stage.finish(within=timeout + 60)


def given_up(stage: Stage, feed: VaultFeed, what: str, timeout: float) -> None:
    """The call ends at its limit, and says so."""
    began = time.monotonic()
    said_of_source(stage, feed.name, "LPF315", what, within=timeout + 10)
    stage.play.figure(f"{what}: given up after, s", time.monotonic() - began)


@contextmanager
def silent_port() -> Iterator[int]:
    """A port whose queue is full: the kernel leaves every further connection without an answer."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


# ---- 26 ---------------------------------------------------------------------------------------------------


def tells_oddly(play: Play) -> None:
    """Pages that repeat and overlap, out of order, a marker that stands still, and events that come late."""
    stage = Stage(play)
    stage.collector("siem", CollectorProcess(play.folder / "siem"))
    odd = {"next_is": "last returned", "order": "shuffled", "numbering": "report", "next_type": "string"}
    # A second between pages of a hundred: with more, to read the overlap alone would take as long as it is.
    with VaultFeed(play, rate=play.pick(3, 1), page_size=100, **odd) as feed:
        source = feed.add_to(stage, overlap="15m", first_start="4h")
        # The first pull begins four hours back, so these are not late but the past.
        source.unordered += feed.truth.write_late(50, seconds=3 * 3600)
        beyond = VaultTruth(feed.vault, "z", rate=0)
        patience = play.pick(60.0, 180.0)  # 15 min have ten pages, and there is a call for each border of two
        with stage:
            stage.wait_until_settled(within=30)
            for _ in play.rounds(3, 20):
                source.unordered += feed.truth.write_late(5, seconds=play.random.uniform(60, 9 * 60))
                beyond.write_late(2, seconds=2 * 3600)
                feed.vault.fail_next(Fault.STUCK_MARKER, Fault.STUCK_MARKER)
                stage.pause(4)
                stage.recover(within=patience)
            stage.finish(within=patience)
        play.figure("late within the overlap", len(source.unordered) - 50)
        play.figure("two hours late, beyond the overlap: not fetched", beyond.written)


SCENARIOS = [
    Scenario(
        id="23",
        name="vault answers 429, 5xx, 403, 401, replaces the secret",
        expected="waits as it is told, a minute at most; says which credential; nothing lost",
        run=refuses,
        load=0.15,
        limit=(220, 900),
    ),
    Scenario(
        id="24",
        name="vault hangs: connect, headers, body, an octet a second",
        expected="given up at the time limit, nothing lost",
        run=hangs,
        load=0.2,
        limit=(220, 1200),
    ),
    Scenario(
        id="26",
        name="pages repeat, overlap, come out of order or late; a marker that stands still",
        expected="each event once in the journal, no endless loop",
        run=tells_oddly,
        load=0.2,
        limit=(220, 2400),
    ),
]
