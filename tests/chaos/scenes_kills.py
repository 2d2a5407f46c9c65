"""Processes that are killed or restarted while events flow: 1, 4, 5, 6."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.chaos.play import Play, Scenario
from tests.chaos.stage import Stage
from tests.fakes.certificates import Certificates, ServerTls, make_certificates
from tests.fakes.children import ChildCollector
from tests.fakes.collectors import CollectorProcess
from tests.fakes.peers import Queue, Rsyslog, SyslogNg

TLS = {"tls1.2": ssl.TLSVersion.TLSv1_2, "tls1.3": ssl.TLSVersion.TLSv1_3}
FIRST_AFTER_START = 3.0  # seconds from a daemon's start to its first event at a collector
RECONNECT = 2.0  # the same from the moment a collector listens


def rate(play: Play) -> float:
    """Events a second: a run shares its processors with others. `scripts/kill-report` has more of them."""
    return play.pick(300.0, 500.0)


# ---- the daemon is killed ---------------------------------------------------------------------------------


def daemon_killed(play: Play) -> None:
    """SIGKILL at random moments, and a new start."""
    stage = Stage(play)
    stage.collector("siem", CollectorProcess(play.folder / "siem"))
    stage.collector("archive", CollectorProcess(play.folder / "archive"))
    stage.follow(rate=rate(play))
    with stage:
        worst = 0.0
        for _ in play.rounds(4, 200):
            stage.wait_for_a_random_moment()
            stage.daemon.kill()
            before = {name: stage.standstill(name) for name in stage.names}
            began = time.monotonic()
            stage.daemon.start()
            worst = max(worst, *(stage.first_arrival(name, before[name], began) for name in stage.names))
            stage.recover(since=began)
            stage.daemon_kills += 1
            play.allow_dup(len(stage.names) * stage.per_accident)
        play.figure("first event after a start, s", worst)
        play.expect(
            worst <= play.soon(FIRST_AFTER_START), f"the first event after a start came after {worst:.2f} s"
        )
        opened = stage.daemon.log_of("journal.opened")
        play.expect_said(
            len(opened) == stage.daemon_kills + 1 and all("newest" in line for line in opened),
            "journal.opened, with its newest place, at every start",
        )
        stage.finish()


# ---- collectors are killed or restarted -------------------------------------------------------------------


def collectors_end(
    play: Play,
    made: Iterable[tuple[str, ChildCollector, dict[str, Any]]],
    end: Callable[[ChildCollector], None],
    rounds: tuple[int, int],
) -> None:
    """Each ends at a moment of its own and starts again; nothing is lost, and they are found again soon."""
    stage = Stage(play)
    for name, process, keys in made:
        stage.collector(name, process, **keys)
    stage.follow(rate=rate(play))
    with stage:
        worst: dict[str, float] = dict.fromkeys(stage.names, 0.0)
        for _ in play.rounds(*rounds):
            healed, first = one_accident(stage, end)
            worst = {name: max(worst[name], first[name]) for name in worst}
            stage.recover(since=healed)
            play.allow_dup(len(stage.names) * stage.per_accident)
        for name, seconds in worst.items():
            play.expect(
                seconds <= play.soon(RECONNECT),
                f"{name} got its first event {seconds:.2f} s after it listened",
            )
        play.figure("accidents", len(stage.names) * play.pick(*rounds))
        play.figure("first event after it listens, s", max(worst.values()))
        ends = {line["collector"] for line in stage.daemon.log_of("collector.disconnected")}
        play.expect_said(ends == set(stage.names), "collector.disconnected, of each collector")
        stage.finish()


def one_accident(stage: Stage, end: Callable[[ChildCollector], None]) -> tuple[float, dict[str, float]]:
    """Ends all collectors and starts them again.

    The moment the last one listened, and for each the seconds from when it listened to its first new event.
    """
    stage.wait_for_a_random_moment()
    for name in stage.play.random.sample(stage.names, len(stage.names)):
        end(stage.parties[name].process)
        time.sleep(stage.play.random.uniform(0.0, 0.1))
    before = {name: stage.standstill(name) for name in stage.names}

    def start(name: str) -> tuple[float, float]:
        stage.parties[name].process.start()
        listens = time.monotonic()
        return listens, stage.first_arrival(name, before[name], listens)

    with ThreadPoolExecutor(len(stage.names)) as together:
        moments = list(together.map(start, stage.names))
    firsts = {name: seconds for name, (_, seconds) in zip(stage.names, moments, strict=True)}
    return max(listens for listens, _ in moments), firsts


def killed_over_tcp(play: Play) -> None:
    """A simple receiver, rsyslog with and without a queue in memory, syslog-ng."""
    folder = play.folder
    made: list[tuple[str, ChildCollector, dict[str, Any]]] = [
        ("receiver", CollectorProcess(folder / "receiver"), {}),
        ("rsyslog", Rsyslog(folder / "rsyslog"), {}),
        ("rsyslog-queue", Rsyslog(folder / "rsyslog-queue", queue=Queue(kind="LinkedList")), {}),
        ("syslog-ng", SyslogNg(folder / "syslog-ng"), {}),
    ]
    collectors_end(play, made, ChildCollector.kill, (3, 100))


def killed_over_tls(play: Play) -> None:
    """The same over TLS 1.2 and 1.3, with client certificates; and RELP, which answers each message."""
    relp = ("rsyslog-relp", Rsyslog(play.folder / "rsyslog-relp", speaks="relp"), {"transport": "relp"})
    made = [*over_tls(play, ("receiver", "rsyslog", "syslog-ng")), relp]
    collectors_end(play, made, ChildCollector.kill, (2, 50))


def restarted(play: Play) -> None:
    """The polite end of a package upgrade, over TCP and TLS."""
    folder = play.folder
    made: list[tuple[str, ChildCollector, dict[str, Any]]] = [
        ("rsyslog", Rsyslog(folder / "rsyslog"), {}),
        ("syslog-ng", SyslogNg(folder / "syslog-ng"), {}),
        *over_tls(play, ("rsyslog", "syslog-ng")),
    ]
    collectors_end(play, made, ChildCollector.stop, (2, 50))


def over_tls(play: Play, names: Iterable[str]) -> list[tuple[str, ChildCollector, dict[str, Any]]]:
    """Each of these collectors once for each version of TLS."""
    folder = play.folder / "certificates"
    folder.mkdir()
    certificates = make_certificates(folder)
    return [
        (
            f"{name}-{version}",
            made_with_tls(name, play.folder / f"{name}-{version}", certificates, version),
            keys,
        )
        for name in names
        for version in TLS
        for keys in [client_keys(certificates)]
    ]


def made_with_tls(name: str, folder: Path, certificates: Certificates, version: str) -> ChildCollector:
    """One that speaks this version alone and wants a client certificate.

    rsyslog's two TLS libraries both get their turn: GnuTLS is met with 1.2 in the wild.
    """
    tls = ServerTls(pair=certificates.server, client_ca=certificates.ca_file, version=TLS[version])
    if name == "rsyslog":
        return Rsyslog(folder, tls=tls, driver="gtls" if version == "tls1.2" else "ossl")
    return SyslogNg(folder, tls=tls) if name == "syslog-ng" else CollectorProcess(folder, tls=tls)


def client_keys(certificates: Certificates) -> dict[str, Any]:
    """The forwarder's side of it."""
    files = {
        "ca_file": certificates.ca_file,
        "cert_file": certificates.client.cert_file,
        "key_file": certificates.client.key_file,
    }
    return {"transport": "tls", "tls": {key: str(path) for key, path in files.items()}}


SCENARIOS = [
    Scenario(
        id="1",
        name="kill -9 of the daemon at random moments",
        expected="nothing lost, nothing twice in the journal; at most 2F+W copies each; first event in 3 s",
        run=daemon_killed,
        load=0.6,
    ),
    Scenario(
        id="4",
        name="collectors killed, plain TCP",
        expected="nothing lost, at most 2F+W copies each, connected again within 2 s",
        run=killed_over_tcp,
        peers=True,
        load=0.5,
    ),
    Scenario(
        id="5",
        name="collectors killed, TLS 1.2 and 1.3, RELP",
        expected="nothing lost, at most 2F+W copies each, connected again within 2 s",
        run=killed_over_tls,
        peers=True,
        load=0.6,
    ),
    Scenario(
        id="6",
        name="rsyslog and syslog-ng restarted",
        expected="nothing lost",
        run=restarted,
        peers=True,
        load=0.5,
    ),
]
