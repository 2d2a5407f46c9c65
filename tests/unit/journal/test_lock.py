from __future__ import annotations

import os
from pathlib import Path

import pytest

from lpforwarder.errors import Busy
from lpforwarder.journal.lock import Lock, SharedLock, holder

SINCE = "2026-01-02T09:14:05.678Z"


def test_a_second_writer_is_told_who_the_first_is(tmp_path: Path) -> None:
    first = Lock(tmp_path / "lock", now=SINCE)
    with pytest.raises(Busy) as refused:
        Lock(tmp_path / "lock", now=SINCE)
    assert (
        refused.value.what == f"another lpforwarder (pid {os.getpid()}, started 09:14 UTC) uses this journal"
    )
    assert refused.value.code == "LPF502"
    assert refused.value.fix == "to look at it: lpforwarder status"
    first.close()


def test_a_lock_that_was_given_back_can_be_taken(tmp_path: Path) -> None:
    for _ in range(2):
        lock = Lock(tmp_path / "lock", now=SINCE)
        lock.close()
        lock.close()


def test_the_lock_file_is_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Lock(tmp_path / "lock", now=SINCE).close()
    finally:
        os.umask(before)
    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600


def test_the_record_takes_the_same_room_for_every_pid(tmp_path: Path) -> None:
    (tmp_path / "lock").write_bytes(
        b"4194304 2026-01-02T09:14:05.678Z, and more than fits in there" + b"x" * 3
    )
    Lock(tmp_path / "lock", now=SINCE).close()
    assert (tmp_path / "lock").stat().st_size == 64
    assert (tmp_path / "lock").read_text().split() == [str(os.getpid()), SINCE]


def test_the_holder_is_known_while_it_lives(tmp_path: Path) -> None:
    assert holder(tmp_path / "lock") is None
    lock = Lock(tmp_path / "lock", now=SINCE)
    found = holder(tmp_path / "lock")
    assert found is not None
    assert (found.pid, found.since) == (os.getpid(), SINCE)
    lock.close()
    assert holder(tmp_path / "lock") is None


def test_who_reads_without_a_writer_keeps_writers_out(tmp_path: Path) -> None:
    Lock(tmp_path / "lock", now=SINCE).close()
    shared = SharedLock(tmp_path / "lock")
    with pytest.raises(Busy):
        Lock(tmp_path / "lock", now=SINCE)
    shared.close()
    shared.close()
    Lock(tmp_path / "lock", now=SINCE).close()


def test_nobody_is_named_when_the_record_says_nothing(tmp_path: Path) -> None:
    first = Lock(tmp_path / "lock", now=SINCE)
    (tmp_path / "lock").write_bytes(b"")
    with pytest.raises(Busy, match="another lpforwarder uses this journal"):
        Lock(tmp_path / "lock", now=SINCE)
    first.close()
