"""Certificates and names: 15 bad certificates, 16 certificates changed on disk, 17 name service."""

from __future__ import annotations

import shutil
import ssl
import time
from functools import partial
from pathlib import Path
from typing import Any

from tests.chaos.play import Play, Scenario
from tests.chaos.resolver import Mood, Resolver
from tests.chaos.scenes_collectors import error_code, said_within
from tests.chaos.stage import Stage
from tests.fakes.certificates import Certificates, KeyPair, ServerTls, make_certificates
from tests.fakes.collectors import CollectorProcess
from tests.fakes.daemon import Facts

HOST = "siem.example.net"


def has_code(name: str, code: str, facts: Facts) -> bool:
    """Whether status says that of that collector."""
    return error_code(facts, name) == code


def certificates_in(folder: Path) -> Certificates:
    """A new authority and all its certificates."""
    folder.mkdir(parents=True)
    return make_certificates(folder)


# ---- 15 ---------------------------------------------------------------------------------------------------


def bad_certificates(play: Play) -> None:
    """Six collectors, each wrong in its own way; then all are mended, and the forwarder is left alone."""
    ours = certificates_in(play.folder / "ours")
    theirs = certificates_in(play.folder / "theirs")
    good = ServerTls(pair=ours.server)
    wrong: dict[str, tuple[ServerTls | None, str]] = {
        "expired": (ServerTls(pair=ours.expired), "LPF205"),
        "not-yet-valid": (ServerTls(pair=ours.not_yet_valid), "LPF205"),
        "wrong-name": (ServerTls(pair=ours.wrong_name), "LPF204"),
        "wrong-ca": (ServerTls(pair=theirs.server), "LPF206"),
        "tls1.1": (ServerTls(pair=ours.server, version=ssl.TLSVersion.TLSv1_1), "LPF216"),
        "plain": (None, "LPF209"),
    }
    most = play.pick(4.0, 60.0)
    stage = Stage(play)
    for name, (tls, _) in wrong.items():
        keys: dict[str, Any] = {
            "transport": "tls",
            "tls": {"ca_file": str(ours.ca_file)},
            "connect_timeout": "3s",
        }
        keys["retry"] = {"first": "1s", "most": f"{most:g}s"}
        stage.collector(name, CollectorProcess(play.folder / name, tls=tls), **keys)
    stage.follow(rate=100)
    with stage:
        for name, (_, code) in wrong.items():
            said_within(stage, partial(has_code, name, code), 20, f"{name}: {code}")
        stage.pause(play.pick(3.0, 30.0))
        for name in wrong:
            sent = sum(stage.reached(name).values())
            play.expect(not sent and not stage.parties[name].process.lines(), f"{name} was sent something")
            waiting = stage.daemon.status()["collectors"][name]["waiting"]
            play.expect(waiting > 100, f"{name}: only {waiting} events wait")
        lines = {(line["worker"], line["code"]) for line in stage.daemon.log_of("worker.failed")}
        for name, (_, code) in wrong.items():
            play.expect_said((f"collector:{name}", code) in lines, f"worker.failed {code} of {name}")
        for name in wrong:
            process = stage.parties[name].process
            assert isinstance(process, CollectorProcess)
            process.kill()
            process.tls = good
            process.start()
        stage.recover(within=most + 10)
        stage.finish()


# ---- 16 ---------------------------------------------------------------------------------------------------


def certificates_changed(play: Play) -> None:
    """Both sides get new certificates of a new authority, again and again; nothing is restarted."""
    folder = play.folder / "used"
    folder.mkdir()
    server = ServerTls(pair=KeyPair(cert_file=folder / "server.pem", key_file=folder / "server.key"))
    siem = CollectorProcess(play.folder / "siem")
    stage = Stage(play)
    files = {"ca_file": "ca.pem", "cert_file": "client.pem", "key_file": "client.key"}
    stage.collector(
        "siem", siem, transport="tls", tls={key: str(folder / name) for key, name in files.items()}
    )
    stage.follow(rate=100)
    put_in_use(certificates_in(play.folder / "made-0"), folder)
    siem.tls = ServerTls(pair=server.pair, client_ca=folder / "ca.pem", version=ssl.TLSVersion.TLSv1_3)
    with stage:
        pid = stage.daemon.pid
        for number in play.rounds(3, 20):
            stage.wait_until_settled()
            siem.kill()
            put_in_use(certificates_in(play.folder / f"made-{number + 1}"), folder)
            siem.start()
            listens = time.monotonic()
            if number % 2:
                stage.daemon.hup()
            stage.recover(since=listens, within=20)
            play.allow_dup(stage.per_accident)
        play.expect(stage.daemon.pid == pid, "the daemon was restarted")
        play.expect_said(bool(stage.daemon.log_of("collector.connected")), "collector.connected")
        stage.finish()


def put_in_use(made: Certificates, folder: Path) -> None:
    """Over the files that are configured, as an administrator or certbot would: by renaming."""
    copies = {
        "ca.pem": made.ca_file,
        "server.pem": made.server.cert_file,
        "server.key": made.server.key_file,
        "client.pem": made.client.cert_file,
        "client.key": made.client.key_file,
    }
    for name, source in copies.items():
        beside = folder / f"{name}.new"
        shutil.copy(source, beside)
        beside.rename(folder / name)


# ---- 17 ---------------------------------------------------------------------------------------------------


def names(play: Play) -> None:
    """NXDOMAIN, SERVFAIL, answers after 30 s, and another address; beside a collector with an address."""
    first = CollectorProcess(play.folder / "first")
    second = CollectorProcess(play.folder / "second", host="127.0.0.2", port=first.port)
    with Resolver(first.host) as resolver, second:
        resolver.use_here(play.folder)
        stage = Stage(play)
        stage.collector("named", first, retry={"first": "200ms", "most": "2s"})
        stage.parties["named"].keys["host"] = HOST
        stage.collector("good", CollectorProcess(play.folder / "good"))
        stage.follow(rate=50)
        with stage:
            for mood in (Mood.NXDOMAIN, Mood.SERVFAIL, Mood.LATE):
                trouble_with_names(stage, resolver, mood)
            stage.wait_until_settled()
            moved_at = stage.reached("named")
            resolver.points_to = second.host
            first.kill()
            stage.pause(1)
            stage.parties["named"].move_to(second)
            stage.play.expect(
                stage.first_arrival("named", {"a": 0}, time.monotonic()) < 10, "the new address is not used"
            )
            play.figure("events before the move", sum(moved_at.values()))
            play.allow_dup(stage.per_accident)
            stage.finish()


def trouble_with_names(stage: Stage, resolver: Resolver, mood: Mood) -> None:
    """The resolver fails and the collector restarts: no way back until names are answered again."""
    play, process = stage.play, stage.parties["named"].process
    stage.wait_until_settled()
    resolver.mood = mood
    process.restart()
    worst = 0.0
    until = time.monotonic() + play.pick(8.0, 40.0)
    said = False
    while time.monotonic() < until:
        stage.pause(1)
        said = said or error_code(stage.daemon.status(), "named") == "LPF201"
        worst = max(worst, *stage.recover(["good"]).values())
    play.expect_said(said, f"LPF201 after {mood.name}")
    play.expect(worst < play.soon(2.0), f"another collector had to wait {worst:.1f} s during {mood.name}")
    resolver.mood = Mood.GOOD
    stage.recover(["named"], within=play.pick(20, 45))
    play.allow_dup(stage.per_accident)


SCENARIOS = [
    Scenario(
        id="15",
        name="TLS: expired, not yet valid, wrong name, wrong CA, TLS 1.1, plain text",
        expected="nothing is sent, one clear line each; flows a minute after the repair, without a restart",
        run=bad_certificates,
        load=0.5,
    ),
    Scenario(
        id="16",
        name="TLS: authority, certificates and keys changed on disk",
        expected="in use at the next connect or SIGHUP, nothing lost, no restart",
        run=certificates_changed,
        load=0.6,
    ),
    Scenario(
        id="17",
        name="name service: NXDOMAIN, SERVFAIL, 30 s late, another address",
        expected="others unaffected, the new address at the next connect, nothing lost",
        run=names,
        space=("--mount",),
        load=0.2,
        limit=(220, 600),
    ),
]
