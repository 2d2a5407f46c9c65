"""64 octets of a journal overwritten at random: always noticed, nothing wrong delivered, nearly all salvaged.

Scenario 20 and target T8: a hundred places per kind. Each trial opens the damaged files as a start would,
reads everything, and goes on appending.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lpforwarder.event import Seq
from lpforwarder.journal.btree import PAGE
from lpforwarder.journal.sqlite import SqliteJournal, open_journal
from tests.fakes.damaged import HIT, interiors, killed, root_of, spoil
from tests.fakes.pages import TIME, page

ROWS, SIZE = 120, 12
EVENTS = ROWS * SIZE
TRIALS = 100
LEAST_SALVAGED = 0.98
CONFIRMED = 40

RIGHT = {number: one.line for number, one in enumerate(page(1, EVENTS, 500), start=1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """A journal before the damage: closed, or as `kill -9` left it with half of it in the log."""

    base: Path

    def copied(self, to: Path) -> Path:
        """A fresh copy at `to`."""
        for file in to.parent.iterdir():
            file.unlink()
        return killed(self.base, to)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """In memory where there is such a place: hundreds of journals are opened, and each one syncs."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as place:
        yield Path(place)


def opened(path: Path) -> SqliteJournal:
    return open_journal(
        path,
        keep=1e9,
        max_size=2**40,
        when_full="pause-polling",
        reserve_size=2**16,
        now=lambda: TIME,
        even=lambda: 0.0,
    )


def lived(path: Path) -> SqliteJournal:
    """Half of the events in the file, the other half in the log; places copied on the way."""
    journal = opened(path)
    journal.register("siem", "oldest")
    for number in range(ROWS):
        journal.append(
            "acme", page(SIZE * number + 1, SIZE * (number + 1), 500), (), str(SIZE * (number + 1))
        )
        if number == ROWS // 2:
            journal.advance("siem", Seq(CONFIRMED), Seq(CONFIRMED))
            journal.copy_places(at_once=True)
            journal._writer.checkpoint("TRUNCATE")
    return journal


@pytest.fixture(scope="module")
def closed(folder: Path) -> Files:
    lived(folder / "closed" / "journal.db").close()
    return Files(base=folder / "closed" / "journal.db")


@pytest.fixture(scope="module")
def dead(folder: Path) -> Files:
    journal = lived(folder / "living" / "journal.db")
    base = killed(folder / "living" / "journal.db", folder / "dead" / "journal.db")
    journal.close()
    return Files(base=base)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one damage cost."""

    rebuilt: bool
    told: bool
    lost: int
    """Events that neither the journal nor a source still gives."""
    asked_again: int


def survive(path: Path) -> Outcome:
    """Starts with the damaged files as the service would, and checks everything that must hold."""
    with opened(path) as journal:
        entries = journal.read(Seq(0), 10**6)
        gaps = journal.gaps()
        places = [entry.seq for entry in entries]
        assert places == sorted(set(places))
        assert all(entry.event.line == RIGHT[entry.seq] for entry in entries), "a wrong event was delivered"
        missing = set(RIGHT) - set(places)
        again = {place for place in missing if place > int(journal.cursor("acme") or 0)}
        told = {place for gap in gaps for place in range(gap.first, min(gap.end, EVENTS + 1))}
        assert missing - again <= told, "an event is missing and nobody was told"
        assert {place for place in told if place in places} == set(), "an event is there and called missing"
        assert journal.checkpoint("siem") == CONFIRMED
        before = journal.newest() if not gaps else max([*places, *(gap.end - 1 for gap in gaps)])
        journal.append("acme", page(1, 1), (), "next")
        assert journal.newest() > max(places)
        assert journal.newest() > before or not journal.rebuilt
        return Outcome(
            rebuilt=journal.rebuilt is not None,
            told=bool(gaps),
            lost=len(missing - again),
            asked_again=len(again),
        )


Damage = Callable[[Path, random.Random], object]


def anywhere(path: Path, chance: random.Random) -> None:
    spoil(path, chance.randrange(path.stat().st_size - HIT), chance.randbytes(HIT))


def in_the_header(path: Path, chance: random.Random) -> None:
    spoil(path, chance.randrange(100), chance.randbytes(HIT))


def in_the_state_row(path: Path, chance: random.Random) -> None:
    spoil(path, root_of(path, "state") + PAGE - HIT, chance.randbytes(HIT))


def in_what_leads_to_rows(path: Path, chance: random.Random) -> None:
    spoil(path, chance.choice(interiors(path)) + chance.randrange(PAGE - HIT), chance.randbytes(HIT))


def a_block_of_zeros(path: Path, chance: random.Random) -> None:
    spoil(path, chance.randrange(path.stat().st_size // PAGE) * PAGE, bytes(PAGE))


def in_the_log(path: Path, chance: random.Random) -> None:
    anywhere(Path(f"{path}-wal"), chance)


def four_octets_of_the_log(path: Path, chance: random.Random) -> None:
    log = Path(f"{path}-wal")
    spoil(log, chance.randrange(log.stat().st_size - 4), chance.randbytes(4))


@pytest.mark.parametrize(
    ("kind", "damage"),
    [
        ("closed", anywhere),
        ("closed", in_the_header),
        ("closed", in_the_state_row),
        ("closed", in_what_leads_to_rows),
        ("closed", a_block_of_zeros),
        ("dead", anywhere),
        ("dead", in_the_log),
        ("dead", four_octets_of_the_log),
    ],
)
@pytest.mark.slow
def test_damage_is_noticed_and_costs_little(
    folder: Path, kind: str, damage: Damage, request: pytest.FixtureRequest
) -> None:
    files: Files = request.getfixturevalue(kind)
    place = folder / "trial" / "journal.db"
    place.parent.mkdir(exist_ok=True)
    chance = random.Random(f"{kind} {damage.__name__}")
    outcomes = []
    for _ in range(TRIALS):
        damage(files.copied(place), chance)
        outcomes.append(survive(place))
        assert outcomes[-1].lost <= (1 - LEAST_SALVAGED) * EVENTS
    rebuilt, told = sum(one.rebuilt for one in outcomes), sum(one.told for one in outcomes)
    salvaged = 1 - sum(one.lost for one in outcomes) / (TRIALS * EVENTS)
    worst = 1 - max(one.lost for one in outcomes) / EVENTS
    print(
        f"{kind} {damage.__name__}: {TRIALS} trials, {rebuilt} set aside, {told} told, "
        f"salvaged {salvaged:.2%}, worst {worst:.2%}"
    )
    assert salvaged > 0.99


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_file_that_was_cut_short_gives_what_is_left(folder: Path, closed: Files, share: float) -> None:
    place = folder / "trial" / "journal.db"
    place.parent.mkdir(exist_ok=True)
    path = closed.copied(place)
    path.write_bytes(path.read_bytes()[: round(share * path.stat().st_size)])
    outcome = survive(path)
    assert outcome.rebuilt
    assert outcome.lost <= (1 - share + 0.1) * EVENTS


def test_a_log_that_is_gone_costs_nothing_but_asking_again(folder: Path, dead: Files) -> None:
    place = folder / "trial" / "journal.db"
    place.parent.mkdir(exist_ok=True)
    path = dead.copied(place)
    Path(f"{path}-wal").unlink()
    outcome = survive(path)
    assert (outcome.lost, outcome.told) == (0, True)
    assert outcome.asked_again > 0
