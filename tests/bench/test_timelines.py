"""What is read out of the sink's notes of when events came."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.backlog import fill, longest_pause, rate_at
from bench.latency import matched
from bench.path import open_journal_in
from bench.setting import QUICK
from bench.sinks import Seen


def test_each_event_is_matched_with_the_first_arrival_that_counts_it() -> None:
    arrivals = [(1.5, 1), (4.0, 3)]
    assert matched([1.0, 2.0, 3.5], arrivals) == [0.5, 2.0, 0.5]


def test_the_rate_of_a_part_is_that_part_alone() -> None:
    timeline = [(0.0, 0), (1.0, 100), (2.0, 200), (12.0, 300), (22.0, 400)]
    assert rate_at(timeline, 0.0, 0.5) == 100.0
    assert rate_at(timeline, 0.5, 1.0) == 10.0
    assert rate_at(timeline, 0.9, 1.0) == 0.0


def test_the_longest_pause_is_found() -> None:
    assert longest_pause([(0.0, 1), (0.5, 2), (2.5, 3), (3.0, 4)]) == 2.0
    assert longest_pause([(0.0, 1)]) == 0.0


@pytest.mark.parametrize(("behind_first", "last", "rate"), [(100, 3.0, 450.0), (1000, 1.0, 0.0)])
def test_the_rate_begins_behind_the_first_piece(behind_first: int, last: float, rate: float) -> None:
    seen = Seen(count=1000, octets=1, connections=1, first=1.0, behind_first=behind_first, last=last, cpu=0.0)
    assert seen.rate == rate


def test_a_backlog_is_filled_with_what_is_old_and_what_waits(tmp_path: Path) -> None:
    fill(tmp_path / "journal.db", waiting=2500, expired=1200)
    with open_journal_in(tmp_path) as journal:
        assert journal.newest() == 3700
        assert journal.checkpoint("sink") == 1200
        while journal.remove_some():
            pass
        assert journal.facts().first == 1201, "what was old has left, what waits has not"
    assert QUICK.backlog % 1000 == 0
