"""One life of a journal whose file system becomes read-only under it; fails by an assertion.

Run as `python -m tests.integration.read_only_disk FOLDER COMMAND...`: COMMAND makes the file system of FOLDER
refuse all writes for good. Without one, a tracer has them refused for a while, and the journal goes on then.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lpforwarder import rfc3339
from lpforwarder.errors import Denied, Transient
from lpforwarder.event import Seq
from lpforwarder.journal.janitor import Janitor
from lpforwarder.journal.reader import open_reader
from lpforwarder.journal.sqlite import SqliteJournal, open_journal
from tests.fakes.pages import ids, page

READ_ONLY = "LPF509"
TRIES = 2000


class Clock:
    """Goes on by a second whenever somebody looks: a held place may be tried each time."""

    seconds = 0.0

    def even(self) -> float:
        self.seconds += 1.0
        return self.seconds

    def wall(self) -> str:
        return rfc3339.render(round(self.seconds * 1000))


def main() -> None:
    """The whole story."""
    folder, command = Path(sys.argv[1]) / "state", sys.argv[2:]
    journal = opened(folder)
    journal.register("siem", "oldest")
    journal.append("acme", page(1, 100), (), "100")
    journal.advance("siem", Seq(10), Seq(10))
    if command:
        subprocess.run(command, check=True)
        stay_read_only(journal, folder)
    else:
        recover(journal)
    print("survived")


def opened(folder: Path) -> SqliteJournal:
    clock = Clock()
    return open_journal(
        folder / "journal.db",
        keep=1e9,
        max_size=2**30,
        when_full="pause-polling",
        reserve_size=2**16,
        now=clock.wall,
        even=clock.even,
    )


def stay_read_only(journal: SqliteJournal, folder: Path) -> None:
    """Delivery goes on with what there is; intake says why it does not; the end is orderly."""
    for _ in range(3):
        assert refused(lambda: journal.append("acme", page(101, 101), (), "101"))
        assert refused(journal.check_room)
    for place in range(11, 101):
        entries = journal.read(Seq(place - 1), 1)
        assert ids(entries) == [str(place)]
        journal.advance("siem", Seq(place), Seq(place), confirmed=1)
    assert (journal.checkpoint("siem"), journal.facts().collectors["siem"].confirmed) == (100, 90)
    (warning,) = [one for one in journal.warnings if one.code == READ_ONLY]
    assert warning.is_grave
    Janitor(journal).step()
    assert journal.newest() == 100
    journal.close()
    with open_reader(folder / "journal.db") as reader:
        assert reader.checkpoint("siem") == 10
        assert len(reader.read(Seq(0), 1000)) == 100
    with pytest.raises(Denied, match="Read-only file system") as denied:
        opened(folder)
    assert denied.value.code == "LPF503"


def recover(journal: SqliteJournal) -> None:
    """Writes are refused from some moment on, and later no more."""
    appended = until(lambda: refused(lambda: append_next(journal)))
    assert appended > 100
    journal.advance("siem", Seq(50), Seq(50), confirmed=40)
    assert journal.checkpoint("siem") == 50
    assert [one.code for one in journal.warnings] == [READ_ONLY]
    last = journal.newest()
    until(lambda: not refused(lambda: append_next(journal)))
    assert journal.newest() == last + 1
    journal.advance("siem", Seq(60), Seq(60), confirmed=10)
    assert journal.warnings == ()
    row = journal.facts().collectors["siem"]
    assert (row.checkpoint, row.confirmed) == (60, 50)
    read = ids(journal.read(Seq(0), 10**6))
    assert read == [str(number) for number in range(1, last + 2)]
    assert journal.gaps() == ()
    journal.close()


def append_next(journal: SqliteJournal) -> None:
    journal.check_room()
    number = journal.newest() + 1
    journal.append("acme", page(number, number), (), str(number))


def refused(action: Callable[[], object]) -> bool:
    try:
        action()
    except Transient as failure:
        if failure.code != READ_ONLY:
            raise
        return True
    return False


def until(is_so: Callable[[], bool]) -> int:
    for number in range(TRIES):
        if is_so():
            return 100 + number
    raise AssertionError(f"not within {TRIES} tries")


if __name__ == "__main__":
    main()
