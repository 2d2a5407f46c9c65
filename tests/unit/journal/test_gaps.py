from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.journal.gaps import KnownGaps
from lpforwarder.journal.scan import ASKED_AGAIN, CONTENTS, Gap

RANGES = st.lists(st.tuples(st.integers(1, 60), st.integers(1, 20)), max_size=6)


def gap(first: int, count: int, reason: str = CONTENTS, collector: str = "") -> Gap:
    return Gap(first=first, count=count, reason=reason, collector=collector)


def test_only_what_is_not_known_is_told() -> None:
    known = KnownGaps([gap(10, 5), gap(20, 5), gap(1, 99, collector="siem"), gap(12, 0)])
    assert known.unknown(gap(11, 3)) == []
    assert known.unknown(gap(8, 20)) == [gap(8, 2), gap(15, 5), gap(25, 3)]
    assert known.unknown(gap(1, 4)) == [gap(1, 4)]


def test_damage_that_touches_becomes_one_gap() -> None:
    known = KnownGaps([gap(10, 5)])
    assert known.add(gap(15, 2)) == (gap(10, 7), [gap(10, 5)])
    assert known.unknown(gap(9, 9)) == [gap(9, 1), gap(17, 1)]


def test_what_is_asked_again_joins_nothing() -> None:
    known = KnownGaps([gap(10, 5, ASKED_AGAIN)])
    assert known.add(gap(15, 2)) == (gap(15, 2), [])
    assert known.add(gap(17, 3, ASKED_AGAIN)) == (gap(17, 3, ASKED_AGAIN), [])


def test_nothing_can_be_read_from_a_gap_at_the_end_on() -> None:
    known = KnownGaps([gap(10, 5), gap(90, 100)])
    assert known.first_at_end(99) == 90
    assert known.first_at_end(300) == 301


@given(known=RANGES, asked=st.tuples(st.integers(1, 60), st.integers(1, 30)))
def test_known_and_unknown_together_are_all(known: list[tuple[int, int]], asked: tuple[int, int]) -> None:
    places = {place for first, count in known for place in range(first, first + count)}
    gaps = KnownGaps([gap(first, count) for first, count in known])
    found = [place for part in gaps.unknown(gap(*asked)) for place in range(part.first, part.end)]
    assert found == [place for place in range(asked[0], sum(asked)) if place not in places]
