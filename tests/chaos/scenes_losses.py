"""31: what may be lost is lost, and counted: sums of counters are differences of sets, none of them empty.

In all other scenarios nothing may be lost, so there both sides of that equation are nothing.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.chaos import oracle
from tests.chaos.play import Play, Scenario
from tests.chaos.scenes_reloads import with_settings
from tests.chaos.stage import Stage
from tests.chaos.truth import FileTruth
from tests.fakes.children import ChildCollector
from tests.fakes.collectors import CollectorProcess
from tests.fakes.daemon import Facts

REFUSED = 7
"""Of a hundred events this one names the item that the picky collector refuses."""
PAUSE = 150.0
"""Seconds that a journal may be full for a moment and its source wait for the next try."""
EACH = 3_000
"""Events of a round; some such rounds fill the small journal."""
SMALL_JOURNAL = {"path": "journal.db", "max_size": "2MiB", "when_full": "drop-delivered-first"}


class PickyCollector(ChildCollector):
    """Speaks RELP and refuses messages that hold a text, as rsyslog refuses what it cannot take."""

    def __init__(self, folder: Path, text: str) -> None:
        super().__init__(folder)
        self.file = folder / "output.log"
        self._text = text

    def _command(self) -> list[str]:
        host, port = self.address
        options = ["--listen", f"{host}:{port}", "--relp", "--refuse", self._text]
        return [sys.executable, "-m", "lpforwarder", "simulate", "collector", *options]

    def _directory(self) -> Path:
        return Path(__file__).parents[2]


def permitted(play: Play) -> None:
    """One collector refuses some, one was away too long, and the source has lines that nobody can read."""
    stage = Stage(play, journal=SMALL_JOURNAL)
    stage.collector("siem", CollectorProcess(play.folder / "siem"))
    stage.collector("away", CollectorProcess(play.folder / "away"))
    picky = PickyCollector(play.folder / "picky", f'"itemName":"Company account {REFUSED}"')
    stage.collector("picky", picky, transport="relp")
    truth = stage.follow(rate=0)
    torn = dropped = 0
    with stage:
        for number in play.rounds(1, 8):
            torn += spoil_lines(truth, play.random.randrange(1, 5))
            truth.write(EACH)
            stage.wait_until_settled(within=PAUSE)
            send_past(stage, truth)
            dropped += drop_one(stage, number)
        facts = stage.finish(within=PAUSE, may_lose=("away", "picky"))
    expect_rejects(play, facts, torn)
    expect_refused(stage, facts, dropped)
    expect_expired(stage, facts)


def spoil_lines(truth: FileTruth, count: int) -> int:
    """Adds lines that are no events; how many."""
    with truth.path.open("ab", buffering=0) as file:
        file.write(b"{this was torn\n" * count)
    return count


def send_past(stage: Stage, truth: FileTruth) -> None:
    """Takes one collector out of the configuration until retention has passed its place, and lets it back."""
    place = stage.daemon.status()["collectors"]["away"]["checkpoint"]
    with_settings(stage, lambda settings: forget(settings, "away"))
    others = [name for name in stage.names if name != "away"]
    while stage.daemon.status()["journal"]["first"] <= place + EACH // 2:
        truth.write(EACH)
        stage.wait_until_settled(others, within=PAUSE)
        stage.pause(1)
    with_settings(stage, lambda settings: None)
    stage.wait_until_settled(within=PAUSE)


def forget(settings: dict[str, Any], name: str) -> None:
    settings["collectors"] = [one for one in settings["collectors"] if one["name"] != name]


def drop_one(stage: Stage, number: int) -> int:
    """Every other time a person gives up one of the refused events; how many were."""
    listed = json.loads(stage.daemon.command("rejects", "list", "--json").stdout)["events"]
    if number % 2 or not listed:
        return 0
    done = stage.daemon.command("rejects", "drop", listed[0]["number"], "--yes")
    stage.play.expect(done.returncode == 0, f"rejects drop: {done.stderr[-300:]!r}")
    return 1


def expect_rejects(play: Play, facts: Facts, torn: int) -> None:
    """Lines that were no events, and nothing else."""
    counted = facts["sources"]["file"]["rejects"]
    play.figure("lines that were no events, and counted as rejects", torn)
    play.expect(counted == torn, f"{torn} lines were no events, {counted} are counted")


def expect_refused(stage: Stage, facts: Facts, dropped: int) -> None:
    """Exactly what the picky collector refuses is missing there, and all of it is counted."""
    said = facts["collectors"]["picky"]
    missing = set(stage.judged["picky"].lost)
    refused = {key for key in stage.truth() if int(key[2:]) % 100 == REFUSED}
    stage.play.figure("refused over RELP, and counted as set aside", len(missing))
    stage.play.figure("of these given up by a person", dropped)
    stage.play.expect(missing == refused, f"{len(missing ^ refused)} are missing or not against its refusals")
    stage.play.expect(
        (said["set_aside_total"], said["set_aside"], said["lost"])
        == (len(missing), len(missing) - dropped, 0),
        f"picky lacks {len(missing)}, {dropped} were dropped, and the counters say {counters(said)}",
    )


def expect_expired(stage: Stage, facts: Facts) -> None:
    """What retention took from the one that was away is missing there: events of the source and our own."""
    own = {name: own_ids(stage, name) for name in ("siem", "away")}
    missing = len(stage.judged["away"].lost) + len(own["siem"] - own["away"])
    said = facts["collectors"]["away"]
    stage.play.figure("removed by retention, and counted as lost", missing)
    stage.play.expect(missing > EACH // 2, f"only {missing} were removed: this has shown little")
    stage.play.expect(
        (said["lost"], said["set_aside_total"]) == (missing, 0),
        f"away lacks {missing}, and the counters say {counters(said)}",
    )
    told = {str(one.get("eventId")) for one in oracle.read(stage.parties["away"].lines()).own}
    stage.play.expect_said("8004" in told, "8004, the gap, to the collector that was away")


def own_ids(stage: Stage, name: str) -> set[str]:
    """The forwarder's own events that arrived there."""
    return {str(one["id"]) for one in oracle.read(stage.parties[name].lines()).own}


def counters(said: Facts) -> dict[str, int]:
    return {key: said[key] for key in ("lost", "set_aside", "set_aside_total", "set_aside_lost")}


SCENARIOS = [
    Scenario(
        id="31",
        name="losses that are permitted: refused, unreadable, outrun by retention",
        expected="each is counted: sums of the counters are the differences of the sets, event by event",
        run=permitted,
        load=0.5,
        limit=(200, 1800),
    ),
]
