from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from lpforwarder.errors import Denied
from lpforwarder.journal.examining import FINE
from lpforwarder.journal.rebuilding import set_aside
from lpforwarder.journal.start import Start, set_right
from tests.fakes.damaged import spoil
from tests.fakes.pages import TIME, page
from tests.unit.journal.conftest import Bench


def test_a_first_start_needs_nothing(tmp_path: Path) -> None:
    assert set_right(tmp_path / "journal.db", TIME) == Start()
    assert list(tmp_path.iterdir()) == []


def test_a_sound_journal_is_left_alone(bench: Bench) -> None:
    with bench.open() as journal:
        journal.append("acme", page(1, 3), (), "one")
    before = bench.path.read_bytes()
    start = set_right(bench.path, TIME)
    assert (start.finding, start.rebuilt) == (FINE, None)
    assert start.safe is not None
    assert start.safe.last == 3
    assert bench.path.read_bytes() == before


def test_a_damaged_one_is_set_aside_once(bench: Bench) -> None:
    with bench.open() as journal:
        journal.append("acme", page(1, 3), (), "one")
    spoil(bench.path, 0, os.urandom(64))
    told: list[int] = []
    start = set_right(bench.path, TIME, told.append)
    assert start.rebuilt is not None
    assert (start.rebuilt.events, sum(told)) == (3, 3)
    assert set_right(bench.path, TIME).rebuilt is None
    assert len(set_aside(bench.path)) == 1


def test_a_journal_that_may_not_be_read_is_refused(
    open_folder: Path, unprivileged: Callable[[], AbstractContextManager[None]]
) -> None:
    (open_folder / "journal.db").write_bytes(b"x")
    (open_folder / "journal.db").chmod(0)
    with unprivileged(), pytest.raises(Denied) as refused:
        set_right(open_folder / "journal.db", TIME)
    assert refused.value.code == "LPF503"
