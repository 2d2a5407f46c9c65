from __future__ import annotations

import pytest

from lpforwarder.intake.sources import json_lines
from lpforwarder.intake.sources.records import Limits, Place

LIMITS = Limits(records=3, window=16, longest=64)
START = Place(stage="lines")


def test_whole_lines_come_with_offset_and_number() -> None:
    cut = json_lines.cut(b'{"a":1}\n{"b":2}\n', START, False, LIMITS)
    assert cut.records == [(0, 1, b'{"a":1}'), (8, 2, b'{"b":2}')]
    assert cut.place == Place(stage="lines", offset=16, number=2)


def test_offsets_and_numbers_go_on_from_the_place() -> None:
    cut = json_lines.cut(b"x\n", Place(stage="lines", offset=100, number=16), False, LIMITS)
    assert cut.records == [(100, 17, b"x")]


def test_blank_lines_count_but_are_no_records() -> None:
    cut = json_lines.cut(b"\n \t\r\nx\n", START, False, LIMITS)
    assert cut.records == [(5, 3, b"x")]


def test_a_line_without_its_line_feed_waits() -> None:
    cut = json_lines.cut(b"x\nyy", START, False, LIMITS)
    assert (cut.records, cut.place.offset, cut.place.number) == ([(0, 1, b"x")], 2, 1)


def test_the_last_line_of_a_finished_file_needs_no_line_feed() -> None:
    cut = json_lines.cut(b"x\nyy", START, True, LIMITS)
    assert (cut.records, cut.place.offset) == ([(0, 1, b"x"), (2, 2, b"yy")], 4)


def test_a_full_page_leaves_the_rest_for_the_next() -> None:
    cut = json_lines.cut(b"a\nb\nc\nd\ne", START, True, LIMITS)
    assert cut.full
    assert (len(cut.records), cut.place.offset, cut.place.number) == (3, 6, 3)


def test_a_line_of_exactly_the_longest_length_is_a_record() -> None:
    cut = json_lines.cut(b"x" * 64 + b"\n", START, False, LIMITS)
    assert (len(cut.records), cut.faults) == (1, [])


@pytest.mark.parametrize("final", [True, False])
def test_a_longer_line_is_a_fault_and_is_skipped(final: bool) -> None:
    cut = json_lines.cut(b"x" * 65, START, final, LIMITS)
    assert [(fault.number, fault.raw) for fault in cut.faults] == [(1, b"x" * 65)]
    assert "longer than 64 octets" in cut.faults[0].reason
    assert (cut.place.offset, cut.place.depth) == (65, 0 if final else 1)


def test_what_is_skipped_ends_with_its_line_feed() -> None:
    skipping = Place(stage="lines", offset=65, number=4, depth=1)
    still = json_lines.cut(b"yyy", skipping, False, LIMITS)
    assert (still.records, still.faults, still.place.offset, still.place.depth) == ([], [], 68, 1)
    over = json_lines.cut(b"yyy\nz\n", still.place, False, LIMITS)
    assert over.records == [(72, 6, b"z")]
    assert over.place == Place(stage="lines", offset=74, number=6)


def test_what_is_skipped_may_end_with_the_file() -> None:
    skipping = Place(stage="lines", offset=65, number=4, depth=1)
    cut = json_lines.cut(b"yyy", skipping, True, LIMITS)
    assert (cut.records, cut.faults, cut.place.offset, cut.place.depth) == ([], [], 68, 0)


def test_a_page_that_begins_with_skipping_can_be_full_too() -> None:
    skipping = Place(stage="lines", offset=65, depth=1)
    cut = json_lines.cut(b"y\na\nb\nc\n", skipping, False, LIMITS)
    assert cut.full
    assert (len(cut.records), cut.place.number) == (2, 3)
