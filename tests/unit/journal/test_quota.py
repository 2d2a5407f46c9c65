from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.journal.quota import (
    COPY_LOG_EVERY,
    KEEP_OF_LOG,
    OWN,
    SET_ASIDE,
    Quota,
    beside_events,
    cost_of,
    divided,
    overgrown,
    size_of,
)
from lpforwarder.journal.reserve import SIZE as RESERVE

MIB = 2**20


def test_a_usual_journal_has_whole_shares() -> None:
    assert divided(512 * MIB) == Quota(
        max_size=512 * MIB,
        copy_log_every=COPY_LOG_EVERY,
        log=KEEP_OF_LOG,
        reserve=RESERVE,
        own=OWN,
        set_asides=SET_ASIDE,
        rejects=SET_ASIDE,
    )


def test_a_small_one_has_smaller_shares() -> None:
    quota = divided(8 * MIB)
    assert (quota.log, quota.copy_log_every, quota.own) == (MIB // 2, MIB // 2, MIB // 2)
    assert (quota.reserve, quota.set_asides, quota.rejects) == (MIB, 2 * MIB, MIB)


@given(st.integers(MIB, 2**44))
def test_events_always_have_room(max_size: int) -> None:
    """Whatever else has come together: or polling would pause for good, with nothing there to deliver."""
    quota = divided(max_size)
    others = quota.log + quota.reserve + quota.own + quota.set_asides + quota.rejects
    assert quota.copy_log_every <= quota.log
    assert others <= 3 * max_size // 4


def test_the_log_counts_with_its_share_however_long_it_is(tmp_path: Path) -> None:
    journal, quota = tmp_path / "journal.db", divided(8 * MIB)
    assert beside_events(journal, quota) == quota.log + quota.reserve
    (tmp_path / "journal.db-wal").write_bytes(bytes(1000))
    assert beside_events(journal, quota) == quota.log + quota.reserve
    (tmp_path / "journal.db-wal").write_bytes(bytes(3 * MIB))
    (tmp_path / "journal.db-shm").write_bytes(bytes(32_768))
    (tmp_path / "journal.db.safe").write_bytes(bytes(100))
    assert beside_events(journal, quota) == quota.log + quota.reserve + 32_768 + 200


def test_what_the_log_is_beyond_its_share_is_told_apart(tmp_path: Path) -> None:
    journal, quota = tmp_path / "journal.db", divided(8 * MIB)
    assert overgrown(journal, quota) == 0
    assert overgrown(journal, quota, quota.log + 1) == 1
    (tmp_path / "journal.db-wal").write_bytes(bytes(quota.log))
    assert overgrown(journal, quota) == 0
    assert overgrown(journal, quota, 1000) == 1000
    (tmp_path / "journal.db-wal").write_bytes(bytes(3 * MIB))
    assert overgrown(journal, quota) == 3 * MIB - quota.log


def test_what_is_longer_than_the_share_of_the_log_is_counted_there_too() -> None:
    quota = divided(8 * MIB)
    assert cost_of(1000, quota) == 1000
    assert cost_of(MIB, quota) == MIB + MIB // 2


def test_a_file_that_is_not_there_has_no_size(tmp_path: Path) -> None:
    assert size_of(tmp_path / "none") == 0
