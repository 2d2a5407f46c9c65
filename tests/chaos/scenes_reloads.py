"""Reloads under load: 27 good, broken and absent files, 27b one a second for a minute."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.chaos.play import Play, Scenario
from tests.chaos.scenes_kills import client_keys, made_with_tls
from tests.chaos.stage import Stage
from tests.fakes.certificates import make_certificates
from tests.fakes.collectors import CollectorProcess
from tests.fakes.peers import Rsyslog

# ---- 27 ---------------------------------------------------------------------------------------------------


def reloads(play: Play) -> None:
    """SIGHUP, again and again under load: good, broken and absent files; collectors come, go and change."""
    stage = Stage(play)
    stage.collector("siem", CollectorProcess(play.folder / "siem"))
    stage.collector("archive", CollectorProcess(play.folder / "archive"))
    stage.follow(rate=play.pick(300, 1000))
    guest = CollectorProcess(play.folder / "guest")
    with guest, stage:
        refused = 0
        for number in play.rounds(24, 200):
            refused += RELOADS[number % len(RELOADS)](stage, guest)
            time.sleep(play.random.uniform(0.0, 0.3))
        with_settings(stage, lambda settings: None)
        play.figure("refused", refused)
        said = stage.daemon.output()
        play.expect_said(
            len(stage.daemon.log_of("settings.refused")) == refused and f"{stage.daemon.file}:" in said,
            "settings.refused, with file and line, for each broken file",
        )
        connected = [
            line for line in stage.daemon.log_of("collector.connected") if line["collector"] == "siem"
        ]
        play.expect(
            len(connected) == 1, f"a collector that never changed was connected {len(connected)} times"
        )
        stage.finish()


def with_settings(stage: Stage, change: Callable[[dict[str, Any]], object]) -> int:
    """Reloads with the settings changed; 0, for nothing is refused."""
    settings = stage.settings()
    change(settings)
    stage.daemon.configure(settings)
    stage.daemon.hup()
    return 0


def same(stage: Stage, _: CollectorProcess) -> int:
    return with_settings(stage, lambda settings: None)


def other_collector_changed(stage: Stage, _: CollectorProcess) -> int:
    name = f"test{stage.play.random.randrange(1000)}"
    return with_settings(stage, lambda settings: settings["collectors"][1].update(app_name=name))


def collector_removed(stage: Stage, _: CollectorProcess) -> int:
    """It comes back with the next good file, and goes on where it was."""
    return with_settings(stage, lambda settings: settings["collectors"].pop(1))


def collector_added(stage: Stage, guest: CollectorProcess) -> int:
    host, port = guest.address
    made = {
        "name": "guest",
        "host": host,
        "port": port,
        "transport": "tcp",
        "start": "newest",
        "heartbeat": "0s",
    }
    return with_settings(stage, lambda settings: settings["collectors"].append(made))


def broken(stage: Stage, _: CollectorProcess) -> int:
    stage.daemon.file.write_text('sources: [{name: "a"\ncollectors: 5\n', encoding="utf-8")
    stage.daemon.hup()
    return 1


def mistaken(stage: Stage, _: CollectorProcess) -> int:
    settings = stage.settings()
    settings["collectors"][0]["prot"] = 5
    stage.daemon.configure(settings)
    stage.daemon.hup()
    return 1


def absent(stage: Stage, _: CollectorProcess) -> int:
    stage.daemon.file.unlink()
    stage.daemon.hup()
    return 1


RELOADS = (same, other_collector_changed, broken, collector_removed, same, mistaken, collector_added, absent)


# ---- 27b --------------------------------------------------------------------------------------------------

UNTOUCHED = "untouched"


def every_second(play: Play) -> None:
    """A reload a second under load: each changes three links, each fifth the source as well."""
    certificates = make_certificates(folder_of(play, "certificates"))
    stage = Stage(play)
    stage.collector(UNTOUCHED, CollectorProcess(play.folder / UNTOUCHED))
    stage.collector("tcp", CollectorProcess(play.folder / "tcp"))
    stage.collector(
        "tls",
        made_with_tls("receiver", play.folder / "tls", certificates, "tls1.3"),
        **client_keys(certificates),
    )
    stage.collector("relp", Rsyslog(play.folder / "relp", speaks="relp"), transport="relp")
    stage.follow(rate=play.pick(300.0, 500.0))
    with stage:
        count, slowest, due = 0, 0.0, time.monotonic()
        for number in play.rounds(8, 60):
            due += 1.0
            time.sleep(max(due - time.monotonic(), 0.0))
            slowest = max(slowest, changed(stage, number))
            count += 1
        play.allow_dup(count * (len(stage.names) - 1) * stage.per_accident)
        play.figure("reloads", count)
        play.figure("in so many seconds", time.monotonic() - due + count)
        play.figure("longest until it was in effect, s", slowest)
        play.expect_said(
            len(stage.daemon.log_of("settings.applied")) == count + 1, "settings.applied for each reload"
        )
        expect_only_changed_links_to_restart(stage, count)
        stage.finish()
    copies = {name: judged.dup for name, judged in stage.judged.items()}
    play.expect(copies[UNTOUCHED] == 0, f"a link that never changed got {copies[UNTOUCHED]} copies")
    play.figure("copies by collector", ", ".join(f"{name} {dup:,}" for name, dup in copies.items()))


def folder_of(play: Play, name: str) -> Path:
    """A new folder below that of this run."""
    made = play.folder / name
    made.mkdir()
    return made


def changed(stage: Stage, number: int) -> float:
    """Reloads with other names in headers, and now and then another pace of the source; seconds it took."""

    def change(settings: dict[str, Any]) -> None:
        for one in settings["collectors"]:
            if one["name"] != UNTOUCHED:
                one["app_name"] = f"test{number}"
        settings["sources"][0]["poll_interval"] = f"{20 + number // 5}ms"

    began = time.monotonic()
    with_settings(stage, change)
    return time.monotonic() - began


def expect_only_changed_links_to_restart(stage: Stage, reloads: int) -> None:
    """By the log: each changed worker once for each reload, the untouched one never."""
    started: dict[str, int] = {}
    for line in stage.daemon.log_of("worker.started"):
        started[line["worker"]] = started.get(line["worker"], 0) + 1
    for name in stage.names:
        expected = 1 if name == UNTOUCHED else 1 + reloads
        found = started.get(f"collector:{name}", 0)
        stage.play.expect(found == expected, f"{name} was started {found} times instead of {expected}")


SCENARIOS = [
    Scenario(
        id="27",
        name="SIGHUP under load with good, broken and absent files",
        expected="a broken file changes nothing and is named with its line; unchanged links stay up",
        run=reloads,
        load=0.6,
    ),
    Scenario(
        id="27b",
        name="a reload a second for a minute under load",
        expected="nothing lost; no copy on a link that did not change, at most 2F+W on one that did",
        run=every_second,
        peers=True,
        load=0.6,
    ),
]
