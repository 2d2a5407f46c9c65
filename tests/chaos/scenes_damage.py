"""20: the files of the journal are overwritten, 64 octets at a time, while the daemon is down, and runs."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lpforwarder.errors import Failure
from lpforwarder.event import Seq
from lpforwarder.journal.reader import open_reader
from tests.chaos import oracle
from tests.chaos.discretion import expect_discretion
from tests.chaos.play import Play, Scenario
from tests.chaos.stage import PATIENCE, Stage
from tests.fakes.children import ChildCollector
from tests.fakes.collectors import CollectorProcess
from tests.fakes.daemon import Daemon, Facts
from tests.fakes.damaged import HIT, hit, killed, root_of, spoil

EACH = 1_000
"""Events that wait in the journal when it is damaged; nobody but the journal has them for the collector."""
SALVAGED = 0.98
_CELLS = 512  # octets at the end of a page in which the rows of a small table lie
_LOOK = 10_000

Damage = Callable[[Path, random.Random], None]


def anywhere(journal: Path, chance: random.Random) -> None:
    hit(journal, chance)


def in_the_log(journal: Path, chance: random.Random) -> None:
    """The write-ahead log, where there is one."""
    log = Path(f"{journal}-wal")
    hit(log if log.exists() and log.stat().st_size > HIT else journal, chance)


def in_the_table(name: str) -> Damage:
    """The rows of a small table."""

    def damage(journal: Path, chance: random.Random) -> None:
        end = root_of(journal, name) + 4096
        spoil(journal, chance.randrange(end - _CELLS, end - HIT), chance.randbytes(HIT))

    return damage


DOWN: dict[str, tuple[bool, Damage]] = {
    "the file": (True, anywhere),
    "the log": (False, in_the_log),
    "the state": (True, in_the_table("state")),
    "the collectors": (True, in_the_table("collector")),
    "the sources": (True, in_the_table("source")),
}
"""What is overwritten while the daemon is down, and whether it had ended in order: then there is no log."""
RUNNING: dict[str, Damage] = {"the file, running": anywhere, "the log, running": in_the_log}


@dataclass(slots=True, kw_only=True)
class Known:
    """What the journal held before it was damaged: place → key, and up to where all had been confirmed."""

    keys: dict[int, str] = field(default_factory=dict)
    at_risk: set[str] = field(default_factory=set)
    """Keys that had not been confirmed when the journal was damaged."""
    counted: set[str] = field(default_factory=set)
    """Keys that the journal then said to be lost, of those."""
    ends: int = 0
    """How often the running daemon ended because of the damage."""


def damaged(play: Play) -> None:
    """A collector is away, events wait, octets are overwritten, the collector comes back."""
    stage = Stage(play, drain="1s")
    siem = stage.collector("siem", CollectorProcess(play.folder / "siem"))
    stage.follow(rate=0)
    known = Known()
    with stage:
        for number in play.rounds(5, 50):
            name, (in_order, damage) = list(DOWN.items())[number % len(DOWN)]
            play.progress(name)
            siem.kill()
            write(stage)
            end(stage.daemon, in_order)
            before = note(stage, known)
            damage(journal_of(stage), play.random)
            stage.daemon.start()
            come_back(stage, siem, known, before)
        for number in play.rounds(2, 30):
            name = list(RUNNING)[number % len(RUNNING)]
            play.progress(name)
            make_sound(stage)
            siem.kill()
            write(stage)
            before = note(stage, known)
            RUNNING[name](journal_of(stage), play.random)
            come_back(stage, siem, known, before)
        stage.daemon.wait_until(lambda now: now["collectors"]["siem"]["waiting"] == 0, PATIENCE)
        stage.daemon.terminate()
        siem.wait_until_idle()
        compare(stage, known)


def journal_of(stage: Stage) -> Path:
    return stage.daemon.folder / "journal.db"


def write(stage: Stage) -> None:
    """So many events, safe in the journal."""
    before = stage.daemon.status()["sources"]["file"]["events"]
    stage.feeds["file"].truth.write(EACH)
    stage.daemon.wait_until(lambda now: now["sources"]["file"]["events"] >= before + EACH, PATIENCE)


def end(daemon: Daemon, in_order: bool) -> None:
    if in_order:
        daemon.terminate()
    else:
        daemon.kill()


def make_sound(stage: Stage) -> None:
    """A restart where the file cannot be opened any more, as LPF505 asks for; all is confirmed by then."""
    copy = killed(journal_of(stage), stage.play.folder / "copy" / "journal.db")
    try:
        with open_reader(copy) as reader:
            reader.facts()
    except Failure:
        stage.daemon.terminate()
        stage.daemon.start()
        stage.daemon.wait_until(lambda facts: facts["running"] and is_through(facts), PATIENCE)


def note(stage: Stage, known: Known) -> int:
    """Reads a copy of the journal into `known`; up to where all had been confirmed."""
    copy = killed(journal_of(stage), stage.play.folder / "copy" / "journal.db")
    with open_reader(copy) as reader:
        checkpoint = place = reader.checkpoint("siem")
        while entries := reader.read(place, _LOOK):
            for entry in entries:
                if key := oracle.key_of({"id": entry.event.text("id")}):
                    known.keys[entry.seq] = key
                    known.at_risk.add(key)
            place = Seq(entries[-1].seq)
    return checkpoint


def come_back(stage: Stage, siem: ChildCollector, known: Known, before: int) -> None:
    """The collector returns; the daemon is started again, as systemd would, when it has ended by itself."""
    siem.start()
    began = time.monotonic()
    facts = settled(stage.daemon, known, began + PATIENCE)
    stage.play.recovered(time.monotonic() - began)
    gaps = [gap for gap in facts["journal"]["gaps"] if gap["lost"]]
    fresh = {known.keys[place] for place in places(gaps) if place > before and place in known.keys}
    known.counted |= fresh


def places(gaps: Iterable[Facts]) -> Iterable[int]:
    for gap in gaps:
        yield from range(gap["first"], gap["first"] + gap["count"])


def list_aside(stage: Stage) -> list[Path]:
    """Damaged files that were set aside."""
    return [one for one in stage.daemon.folder.glob("journal.db.damaged-*") if not one.name.endswith("-wal")]


def settled(daemon: Daemon, known: Known, until: float) -> Facts:
    """The facts once nothing waits any more, whatever number of starts that takes."""
    while True:
        with contextlib.suppress(Failure):
            facts = daemon.status()
            if facts["running"] and is_through(facts):
                return facts
        try:
            daemon.wait(0.1)
        except TimeoutError:
            if time.monotonic() > until:
                raise
            continue
        known.ends += 1
        daemon.start()


def is_through(facts: Facts) -> bool:
    siem = facts["collectors"]["siem"]
    return bool(siem["waiting"] == 0 and siem["checkpoint"] >= facts["journal"]["last"])


def compare(stage: Stage, known: Known) -> None:
    """What is missing is what the journal has said to be lost, and little of what was at risk."""
    play = stage.play
    arrived = oracle.read(stage.parties["siem"].lines())
    judged = oracle.judge(arrived, stage.truth())
    missing = set(judged.lost)
    play.sent += len(stage.truth())
    play.dup += judged.dup
    play.lost += len(missing - known.counted)
    salvaged = 1 - len(missing) / max(len(known.at_risk), 1)
    play.figure("overwritten, times", play.pick(7, 80))
    play.figure("events lost and counted", len(missing & known.counted))
    play.figure("salvaged, %", 100 * salvaged)
    play.figure("new journals", len(list_aside(stage)))
    play.figure("ended by itself", known.ends)
    uncounted, unfounded = sorted(missing - known.counted), sorted(known.counted - missing)
    play.expect(not uncounted, f"{len(uncounted)} are missing in no gap: {uncounted[:3]}")
    play.expect(not unfounded, f"{len(unfounded)} are called lost and arrived: {unfounded[:3]}")
    said = stage.daemon.output()
    play.expect("This is a bug" not in said, "it ended with a bug: " + said.partition("Traceback")[2][-300:])
    play.expect(salvaged >= SALVAGED, f"only {100 * salvaged:.1f} % were salvaged")
    play.expect(not judged.strange, f"what nobody sent: {judged.strange[:3]}")
    expect_discretion(play, stage.daemon.folder, ())
    say(stage, missing, arrived)


def say(stage: Stage, missing: set[str], arrived: oracle.Arrived) -> None:
    """Gaps stand in the log and reach the collector as events; a new journal is named in the log."""
    play, log = stage.play, stage.daemon.log()
    told = {line["event"] for line in log}
    told_events = {str(event.get("eventId")) for event in arrived.own}
    if missing:
        play.expect_said("journal.damaged" in told, "journal.damaged")
        play.expect_said("8004" in told_events, "8004 to the collector")
    if aside := list_aside(stage):
        said = stage.daemon.output()
        play.expect_said(all(one.name in said for one in aside), "where the damaged files lie")


SCENARIOS = [
    Scenario(
        id="20",
        name="64 octets of the journal, its log, its small tables overwritten, down and running",
        expected="what is lost is counted, at least 98 % are delivered, the daemon goes on",
        run=damaged,
        load=0.5,
        limit=(150, 1800),
    ),
]
