"""Reading beside SQLite never drops its locks: another process still finds the journal in use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from lpforwarder.journal.descriptors import Hold, shared
from lpforwarder.journal.rawfile import living
from tests.fakes.pages import page
from tests.unit.journal.conftest import Bench

# The locks of SQLite's `unix` VFS: who has the index open shares its byte 128, who has the file open in WAL
# mode shares 510 octets behind 1 GB. Sources: sqlite.org/walformat.html 2.3, and os_unix.c.
OTHERS = """
import fcntl, sys
for name, start, count in ((sys.argv[1] + "-shm", 128, 1), (sys.argv[1], 0x40000002, 510)):
    with open(name, "r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, count, start)
            print("free")
        except OSError:
            print("in use")
"""


def as_others_see(journal: Path) -> list[str]:
    """Index and file, `in use` or `free`."""
    done = subprocess.run([sys.executable, "-c", OTHERS, str(journal)], capture_output=True, check=True)
    return done.stdout.decode().split("\n")[:2]


def test_a_look_along_the_file_leaves_the_locks_of_sqlite_where_they_are(bench: Bench) -> None:
    journal = bench.open()
    journal.append("acme", page(1, 3), (), "one")
    assert as_others_see(bench.path) == ["in use", "in use"]
    for _ in range(2):
        with journal.view() as connection:
            connection.execute("SELECT * FROM state").fetchall()
            with living(bench.path) as raw:
                assert raw.page(1)
        journal.read_along()
        assert as_others_see(bench.path) == ["in use", "in use"]


def test_what_was_opened_once_is_kept_until_the_last_user_has_gone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"one")
    first, second = Hold(path), Hold(Path(os.path.relpath(path)))
    file = shared(path)
    assert shared(path) == file
    path.unlink()
    path.write_bytes(b"another")
    other = shared(path)
    assert os.pread(other, 10, 0) == b"another"
    first.release()
    first.release()
    assert os.pread(file, 10, 0) == b"one"
    second.release()
    assert not any(is_open(descriptor) for descriptor in (file, other))


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
