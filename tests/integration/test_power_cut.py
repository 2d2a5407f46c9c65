"""No power cut and no kill -9 costs an acknowledged event, and the journal opens after each."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lpforwarder.errors import Failure
from lpforwarder.event import Seq
from lpforwarder.journal.scan import ASKED_AGAIN
from lpforwarder.journal.sqlite import SqliteJournal
from tests.integration import power_cut, power_cut_writer
from tests.integration.power_cut import ROOT, Call, State
from tests.integration.power_cut_writer import COLLECTOR, SOURCE, SmallLog, open_kind, page, plan

ROUNDS = 90
STATES = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """What must be there and what may be there, from what the writer had said."""

    appended: int
    appending: int
    confirmed: int
    confirming: int


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """In memory where there is such a place: a thousand journals are opened, and each one syncs."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as place:
        yield Path(place)


@pytest.fixture(scope="module")
def calls(folder: Path) -> list[Call]:
    return recorded(folder, "FULL")


def recorded(folder: Path, synchronous: str) -> list[Call]:
    place = folder / synchronous
    place.mkdir()
    return power_cut.record(place, synchronous, ROUNDS)


def test_the_recording_holds_what_can_go_wrong(calls: list[Call]) -> None:
    kinds = {(call.kind, call.name.removeprefix("journal.db")) for call in calls}
    assert {("write", ""), ("write", "-wal"), ("sync", ""), ("sync", "-wal"), ("truncate", "")} <= kinds
    assert {("create", "-wal"), ("remove", "-wal"), ("sync_folder", ""), ("rename", ".safe.new")} <= kinds
    assert sum(call.kind == "sync" and call.name == "journal.db" for call in calls) > 10


def test_no_power_cut_loses_what_was_acknowledged(folder: Path, calls: list[Call]) -> None:
    found = [judge(folder, state) for state in power_cut.states(calls, STATES, seed=1)]
    assert found == [""] * STATES


def test_the_simulation_notices_commits_that_are_not_synced(folder: Path) -> None:
    weak = recorded(folder, "NORMAL")
    found = [judge(folder, state) for state in power_cut.states(weak, STATES, seed=2)]
    assert sum("lost" in fault or "noticed" in fault for fault in found) > STATES // 10
    # Where the safe copy was newer than what was left, the journal itself has noticed.
    assert {fault.split(":")[0] for fault in found} == {"", "lost", "noticed"}


def judge(folder: Path, state: State) -> str:
    """What is wrong with the journal that the cut left; nothing, or `kind: what`."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        for name, contents in state.files.items():
            (Path(place) / name).write_bytes(contents)
        try:
            with open_kind(SmallLog, Path(place)) as journal:
                return look(journal, spoken(state.said))
        except Failure as failure:
            return f"closed: {failure}"


def look(journal: SqliteJournal, said: Spoken) -> str:
    facts = journal.facts()
    if any(gap.reason == ASKED_AGAIN for gap in facts.gaps):
        return f"noticed: {facts.gaps}"
    places = [int(entry.event.text("id")) for entry in journal.read(Seq(0), 10**6)]
    if places != list(range(facts.first, facts.last + 1)) or facts.gaps:
        return f"broken: {facts.first} to {facts.last} but {places[:3]}…{places[-3:]}, {facts.gaps}"
    if facts.last not in PAGE_ENDS:
        return f"half: page ends at {facts.last}"
    if facts.last and journal.cursor(SOURCE) != str(facts.last):
        return f"apart: cursor {journal.cursor(SOURCE)}, last {facts.last}"
    checkpoint = journal.checkpoint(COLLECTOR)
    if checkpoint > said.confirming or facts.last > said.appending:
        return f"ahead: {checkpoint} of {said}, {facts.last}"
    if facts.first > journal.resume(COLLECTOR) + 1:
        return f"removed: from {facts.first} with {checkpoint} confirmed"
    if facts.last < said.appended or checkpoint < said.confirmed:
        return f"lost: {said.appended - facts.last} events, {said.confirmed - checkpoint} confirmations"
    journal.append(SOURCE, page(facts.last + 1, facts.last + 1), (), "next")
    return "" if journal.newest() == facts.last + 1 else "stuck: the next append took another place"


def spoken(said: tuple[str, ...]) -> Spoken:
    furthest = {"+append": 0, "=append": 0, "+confirm": 0, "=confirm": 0}
    for words in said:
        act, place = words.split()
        if act in furthest:
            furthest[act] = int(place)
    return Spoken(
        appended=furthest["=append"],
        appending=furthest["+append"],
        confirmed=furthest["=confirm"],
        confirming=furthest["+confirm"],
    )


PAGE_ENDS = {0} | {act.to for act in plan(10**4) if act.name == "append"}


@pytest.mark.parametrize("number", range(20))
def test_a_kill_at_any_moment_loses_nothing(folder: Path, number: int) -> None:
    place = folder / f"killed-{number}"
    chance = random.Random(number)
    command = [sys.executable, "-m", power_cut_writer.__name__, str(place), "FULL", "100000"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        # The pipe holds what was said and not read: the moment lies somewhere behind the last word read.
        said = [writer.stdout.readline().decode("ascii") for _ in range(chance.randrange(1, 150))]
        writer.kill()
        said += [line.decode("ascii") for line in writer.stdout.readlines()]
    with open_kind(SmallLog, place) as journal:
        assert look(journal, spoken(tuple(said))) == ""
