from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from lpforwarder.event import Seq
from lpforwarder.journal import structure
from lpforwarder.journal.btree import PAGE, Broken
from lpforwarder.journal.rawfile import resting
from lpforwarder.journal.structure import Watch
from tests.fakes.damaged import interiors, killed, root_of, spoil
from tests.fakes.pages import page
from tests.unit.journal.conftest import Bench

EVENTS = 3000


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A closed journal of single events, three levels deep in places, with free pages."""
    bench = Bench(path=tmp_path_factory.mktemp("whole") / "journal.db")
    with bench.open(keep=-1.0) as journal:
        for number in range(1, EVENTS + 1):
            journal.append("acme", page(number, number, 200), (), str(number))
        journal.advance("siem", Seq(600), Seq(600))
        journal.remove_some()
    return bench.path.read_bytes()


@pytest.fixture
def path(tmp_path: Path, whole: bytes) -> Path:
    (tmp_path / "journal.db").write_bytes(whole)
    return tmp_path / "journal.db"


def found(path: Path) -> str:
    """What is wrong; nothing when all seems well."""
    with resting(path) as raw:
        try:
            structure.check(raw)
        except Broken as error:
            return str(error)
    return ""


def test_a_sound_file_passes(path: Path, bench: Bench, tmp_path: Path) -> None:
    assert found(path) == ""
    journal = bench.open()
    assert found(killed(bench.path, tmp_path / "new" / "journal.db")) == ""
    journal.append("acme", page(1, 3), (), "one")
    assert found(killed(bench.path, tmp_path / "new" / "journal.db")) == ""


def test_what_leads_to_rows_is_looked_at_octet_by_octet(path: Path, whole: bytes) -> None:
    """Behind the list of cells a page that leads to others has free room: there nothing can go wrong."""
    (place,) = interiors(path)
    cells = int.from_bytes(whole[place + 3 : place + 5], "big")
    chance = random.Random(1)
    for _ in range(60):
        at = place + chance.randrange(12 + 2 * cells)
        spoil(path, at, chance.randbytes(8))
        assert found(path) != "", at - place
        spoil(path, at, whole[at : at + 8])


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda path: spoil(path, 30, b"\x7f"), "should have"),
        (lambda path: path.write_bytes(path.read_bytes()[: -5 * PAGE]), "should have"),
        (lambda path: spoil(path, root_of(path, "state"), b"\x00"), "table state: no page of a tree"),
        (lambda path: spoil(path, root_of(path, "source") + 3, b"\xff"), "table source: more cells"),
        (lambda path: spoil(path, root_of(path, "collector") + 8, b"\xff"), "table collector: a cell"),
        (lambda path: spoil(path, PAGE + 5, b"\xff"), "the pointer map is damaged"),
        (lambda path: spoil(path, 36, b"\x00\x00\x0f\x00"), "the list of free pages"),
        (lambda path: spoil(path, 32, b"\x00\x00\x00\x01"), "the list of free pages leads astray"),
    ],
)
def test_what_sqlite_would_stumble_over_is_named(
    path: Path, damage: Callable[[Path], object], why: str
) -> None:
    damage(path)
    assert why in found(path)


def test_a_table_that_is_gone_is_named(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE gap")
    assert found(path) == "table gap is not in the list of tables"


def test_a_file_of_an_older_version_lacks_tables_rightly(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE set_aside")
        connection.execute("PRAGMA user_version = 1")
    assert found(path) == ""


def test_a_free_page_list_that_is_damaged_is_found(path: Path, whole: bytes) -> None:
    trunk = int.from_bytes(whole[32:36], "big")
    assert trunk
    spoil(path, (trunk - 1) * PAGE + 4, b"\x00\x00\xff\xff")
    assert found(path) == "the list of free pages is damaged"


def test_a_look_ends_when_its_time_is_over(path: Path) -> None:
    times = iter(range(1000))
    watch = Watch(2.0, lambda: float(next(times)))
    assert [watch.is_over for _ in range(3)] == [False, True, True]
    spoil(path, PAGE, b"\xff" * PAGE)
    with resting(path) as raw:
        structure.check_map(raw, Watch(-1.0))
        with pytest.raises(Broken):
            structure.check_map(raw, Watch(60.0))
