"""30: everything at once, from a seed, for half an hour."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack

from tests.chaos.mischief import (
    Actor,
    CollectorActor,
    DaemonActor,
    DiskActor,
    NameActor,
    VaultActor,
    WireActor,
)
from tests.chaos.outcome import FAULTS, MINUTES
from tests.chaos.play import Play, Scenario
from tests.chaos.resolver import Resolver
from tests.chaos.scenes_disks import mounted
from tests.chaos.scenes_kills import client_keys
from tests.chaos.scenes_names import HOST, certificates_in
from tests.chaos.stage import Stage
from tests.chaos.vaults import VaultFeed
from tests.chaos.wire import Habit, Wire
from tests.fakes.certificates import ServerTls
from tests.fakes.collectors import CollectorProcess
from tests.fakes.peers import Rsyslog, SyslogNg

DISK = 200  # MiB
CALMER_EVERY, CALMEST = 300.0, 4.0  # seconds of a run, times
RETRY = {"first": "200ms", "most": "2s"}


def everything(play: Play) -> None:
    """Three collectors, two sources, and an actor for each part that goes about its mischief on its own."""
    calm = calmness(play)
    thin = max(1.0, calm / 2)
    disk = play.folder / "disk"
    disk.mkdir(mode=0o700)
    mounted("-t", "tmpfs", "-o", f"size={DISK}M,mode=700", "none", str(disk))
    certificates = certificates_in(play.folder / "certificates")
    tls = ServerTls(pair=certificates.server, client_ca=certificates.ca_file)
    stage = Stage(play, journal={"path": str(disk / "journal.db")}, drain="3s")
    named = stage.collector("named", Rsyslog(play.folder / "named"), host=HOST, retry=RETRY)
    plain = stage.collector("plain", SyslogNg(play.folder / "plain"), retry=RETRY)
    behind = CollectorProcess(play.folder / "wired", tls=tls)
    resolver = Resolver("127.0.0.1")
    with Wire(behind.address) as wire, resolver, VaultFeed(play, rate=10 / thin, drip_pieces=5) as feed:
        resolver.use_here(play.folder)
        host, port = wire.address
        stage.collector("wired", behind, **client_keys(certificates), host=host, port=port, retry=RETRY)
        stage.follow(rate=20 / thin, poll_interval="200ms")
        feed.add_to(stage, overlap="120s", timeout="10s", poll_interval=f"{thin:g}s")
        with stage:
            stage.wait_until_settled(within=30)
            seed = str(play.seed)
            actors: list[Actor] = [
                CollectorActor(seed, plain),
                CollectorActor(seed, behind),
                NameActor(seed, resolver, named),
                WireActor(seed, wire, (Habit.STALL, Habit.HANG_UP, Habit.GARBLE)),
                VaultActor(seed, feed),
                DiskActor(seed, disk),
                DaemonActor(seed, stage),
            ]
            for actor in actors:
                actor.calm = calm
            act(stage, actors, play.lasts or play.pick(30.0, 1800.0))
            stage.recover(within=180)
            allow(stage)
            stage.finish(within=120)


def calmness(play: Play) -> float:
    """How many times as long everybody rests; from 4 on the sources give half as much, too.

    A run of given length grows calmer with it: ten half hours side by side must fit one processor.
    """
    return max(1.0, min((play.lasts or 0.0) / CALMER_EVERY, CALMEST))


def act(stage: Stage, actors: list[Actor], seconds: float) -> None:
    """Lets them play, then waits until they have mended everything."""
    with ExitStack() as stack:
        for actor in actors:
            stack.enter_context(actor)
        stage.pause(seconds)
    done = sum((actor.done for actor in actors), Counter[str]())
    stage.play.figure(MINUTES, seconds / 60)
    stage.play.figure(FAULTS, done.total())
    for what, count in sorted(done.items()):
        stage.play.figure(what, count)
    stage.play.expect(done.total() > 5, "hardly anything happened")


def allow(stage: Stage) -> None:
    """2F+W for every link that broke, and for every collector whenever the daemon ended."""
    broken = len(stage.daemon.log_of("collector.disconnected"))
    ended = stage.daemon_kills * len(stage.names)
    stage.play.figure("links that broke", broken)
    stage.play.allow_dup((broken + ended) * stage.per_accident)


SCENARIOS = [
    Scenario(
        id="30",
        name="chaos: a seeded mix of everything, three collectors, two sources",
        expected="nothing lost, copies within the summed bounds, drained at the end",
        run=everything,
        peers=True,
        space=("--mount",),
        load=0.4,
        limit=(230, 2700),
    ),
]
