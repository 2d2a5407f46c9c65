"""One life of a journal on a disk that becomes full and gets room again; fails by an assertion.

Run as `python -m tests.integration.full_disk FOLDER [PAGES]`: FOLDER is a small file system of its own. Where
none can be mounted, the file may not grow beyond PAGES pages of 4 KiB, and the reserve is not looked at.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from lpforwarder.errors import Transient
from lpforwarder.event import Reject, Seq
from lpforwarder.journal.janitor import Janitor
from lpforwarder.journal.reader import open_reader
from lpforwarder.journal.retention import PAUSE, Rules
from lpforwarder.journal.sqlite import SqliteJournal
from tests.fakes.pages import page

RESERVE = 2**20
EACH = 100
REJECT = Reject(where="line 1", reason="not JSON", raw=b"{")


def main() -> None:
    """The whole story."""
    folder = Path(sys.argv[1])
    pages = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    journal = opened(folder, limit=pages)
    journal.register("siem", "oldest")
    journal.hold_for(["siem"])
    if not pages:
        find_it_full_by_a_checkpoint(journal, folder)
    last = fill(journal)
    assert pages or not (folder / "journal.db.reserve").exists(), "the reserve was not given up"
    assert journal.cursor("acme") == str(last)
    deliver(journal, last // 2)
    journal.close()
    if not pages:
        # Closing emptied the log; something else takes its room.
        take(folder, leaving=0)
        refuse_to_open(folder)
        take(folder, leaving=RESERVE // 2)
    # A start on a disk nearly full: delivery goes on, nothing is taken in.
    journal = opened(folder, limit=pages)
    journal.hold_for(["siem"])
    assert refused(journal, last), "events were taken without a reserve"
    assert journal.newest() == last
    deliver(journal, last)
    with open_reader(folder / "journal.db") as reader:
        assert reader.facts().last == last
    recover(journal, 0 if not pages else 10 * pages)
    assert not refused(journal, last), "events are still refused"
    assert journal.newest() == last + EACH
    assert journal.gaps() == ()
    journal.close()


def find_it_full_by_a_checkpoint(journal: SqliteJournal, folder: Path) -> None:
    """The first write without room is a checkpoint: the reserve makes way for it."""
    take(folder, leaving=0)
    for _ in range(2000):
        journal.advance("archive", Seq(0), Seq(0), sent=1)
        if not (folder / "journal.db.reserve").exists():
            break
    else:
        raise AssertionError("2,000 checkpoints did not fill the disk")
    assert refused(journal, 0), "events were taken without a reserve"
    (folder / "ballast").unlink()
    assert journal.make_reserve()


def take(folder: Path, leaving: int) -> None:
    """Fills the disk but for so many octets."""
    (folder / "ballast").unlink(missing_ok=True)
    system = os.statvfs(folder)
    with open(folder / "ballast", "wb") as file:
        os.posix_fallocate(file.fileno(), 0, system.f_bavail * system.f_frsize - leaving)


def refuse_to_open(folder: Path) -> None:
    """Without any room not even the index can be made; that is said, and nothing is harmed."""
    try:
        opened(folder, limit=0).close()
    except Transient as failure:
        code = failure.code
    assert code == "LPF501"


def opened(folder: Path, limit: int) -> SqliteJournal:
    rules = Rules(keep=-1.0, max_size=2**40, when_full=PAUSE)
    journal = SqliteJournal(
        folder / "journal.db",
        rules,
        reserve_size=RESERVE,
        now=lambda: "2022-12-14T17:33:43.369Z",
        on_damage=None,
    )
    allow(journal, limit)
    return journal


def allow(journal: SqliteJournal, pages: int) -> None:
    if pages:
        journal._writer.run(lambda one: one.execute(f"PRAGMA max_page_count = {pages}").fetchall())


def fill(journal: SqliteJournal) -> int:
    """Appends until it is refused; the last place taken."""
    last = 0
    while not refused(journal, last):
        last += EACH
    assert last > 10 * EACH, "the disk was full from the beginning"
    assert journal.newest() == last
    assert len(journal.rejects(10**6)) == last // EACH
    return last


def refused(journal: SqliteJournal, last: int) -> bool:
    try:
        journal.append("acme", page(last + 1, last + EACH, 350), [REJECT], str(last + EACH))
    except Transient as failure:
        if failure.code == "LPF501":
            return True
        raise
    return False


def deliver(journal: SqliteJournal, to: int) -> None:
    """Reads and confirms in small steps; on a full disk as on any other."""
    place = journal.checkpoint("siem")
    while place < to:
        entries = journal.read(place, 50)
        assert [entry.event.text("id") for entry in entries] == [str(entry.seq) for entry in entries]
        place = Seq(min(entries[-1].seq, to))
        journal.advance("siem", place, place)
    assert journal.checkpoint("siem") == to


def recover(journal: SqliteJournal, limit: int) -> None:
    """Everything is confirmed and old: the janitor makes room in the file, and gives it back to the disk."""
    allow(journal, limit)
    janitor = Janitor(journal)
    for _ in range(1000):
        if not janitor.step() and journal.make_reserve():
            break
    assert journal.facts().first == journal.newest() + 1
    assert limit or os.path.exists(f"{sys.argv[1]}/journal.db.reserve"), "the reserve was not made again"


if __name__ == "__main__":
    main()
