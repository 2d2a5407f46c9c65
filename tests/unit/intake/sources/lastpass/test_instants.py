"""Records of one answer in time: what evidence settles a repeated hour, and that nothing false is exact."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.intake.sources.lastpass import zone
from lpforwarder.intake.sources.lastpass.instants import Placed, resolve
from lpforwarder.intake.sources.lastpass.zone import Reading, parse, wall_clock

ACCOUNT = zone.load("America/New_York")
CHANGES = {
    "America/New_York": ("2026-11-01 06:00:00", 3600),
    "Australia/Lord_Howe": ("2026-04-04 15:00:00", 1800),
    "Europe/Dublin": ("2026-10-25 01:00:00", 3600),
}
LATER = 2_000_000_000.0


def utc(text: str) -> int:
    """Seconds since 1970 of a UTC time on the day of the change."""
    return int(datetime.fromisoformat(f"2026-11-01 {text}").replace(tzinfo=UTC).timestamp())


def shown(instants: Sequence[int], name: str = "America/New_York") -> list[Reading]:
    """The wall times that the account shows for true instants."""
    return [parse(wall_clock(zone.load(name), instant)) for instant in instants]


def exact(*instants: int) -> list[Placed]:
    """The result in which all of these are certain."""
    return [Placed(instant=instant) for instant in instants]


def test_ordinary_times_need_no_evidence() -> None:
    truth = [utc("20:00:00"), utc("03:00:00"), utc("12:00:00")]
    assert resolve(ACCOUNT, shown(truth), collected=0) == exact(*truth)


def test_without_evidence_the_first_pass_is_taken_and_marked() -> None:
    placed = resolve(ACCOUNT, shown([utc("06:30:00")]), collected=LATER)
    assert placed == [Placed(instant=utc("05:30:00"), is_ambiguous=True)]


def test_an_event_cannot_lie_behind_the_poll_that_saw_it() -> None:
    placed = resolve(ACCOUNT, shown([utc("05:58:00")]), collected=utc("05:58:30"))
    assert placed == exact(utc("05:58:00"))


def test_a_slow_clock_of_ours_does_not_turn_the_second_pass_into_the_first() -> None:
    placed = resolve(ACCOUNT, shown([utc("06:10:00")]), collected=utc("06:08:00"))
    assert placed[0].is_ambiguous


def test_a_jump_up_in_a_descending_answer_parts_the_passes() -> None:
    truth = [utc(t) for t in ("07:05:00", "06:50:00", "06:10:00", "05:59:00", "05:05:00", "04:50:00")]
    assert resolve(ACCOUNT, shown(truth), collected=LATER) == exact(*truth)


def test_without_a_jump_the_passes_stay_ambiguous() -> None:
    truth = [utc(t) for t in ("07:05:00", "06:50:00", "05:30:00", "04:50:00")]
    placed = resolve(ACCOUNT, shown(truth), collected=LATER)
    assert [one.is_ambiguous for one in placed] == [False, True, True, False]
    assert [one.instant for one in placed[1:3]] == [utc("05:50:00"), utc("05:30:00")]


def test_an_ascending_answer_is_read_from_its_end() -> None:
    truth = [utc(t) for t in ("04:50:00", "05:05:00", "05:59:00", "06:10:00", "06:50:00", "07:05:00")]
    assert resolve(ACCOUNT, shown(truth), collected=LATER) == exact(*truth)


def test_a_jump_proves_nothing_while_the_order_is_unproven() -> None:
    placed = resolve(ACCOUNT, shown([utc("06:10:00"), utc("05:50:00")]), collected=LATER)
    assert all(one.is_ambiguous for one in placed)


def test_a_shuffled_answer_settles_nothing_by_order() -> None:
    truth = [utc(t) for t in ("06:10:00", "04:50:00", "07:05:00", "06:40:00", "04:10:00")]
    placed = resolve(ACCOUNT, shown(truth), collected=LATER)
    assert [one.is_ambiguous for one in placed] == [True, False, False, True, False]


def test_an_order_that_a_doubtful_record_breaks_settles_no_other() -> None:
    truth = [utc(t) for t in ("07:05:00", "06:10:00", "05:59:00", "04:30:00", "05:30:00", "04:10:00")]
    placed = resolve(ACCOUNT, shown(truth), collected=LATER)
    assert [one.is_ambiguous for one in placed] == [False, True, True, False, True, False]


def test_collection_and_order_together_prove_the_direction() -> None:
    truth = [utc(t) for t in ("06:02:00", "05:59:00", "05:40:00", "05:20:00")]
    placed = resolve(ACCOUNT, shown(truth), collected=utc("06:02:10"))
    assert placed == exact(*truth)


def test_nothing_behind_a_marker_is_newer_than_it() -> None:
    truth = [utc("06:40:00"), utc("05:40:00")]
    marker = utc("05:40:00") * 1_000_000 + 123_456
    placed = resolve(ACCOUNT, shown(truth), collected=LATER, markers={1: marker})
    assert placed == [Placed(instant=utc("05:40:00"), is_ambiguous=True), Placed(instant=utc("05:40:00"))]


def test_nothing_before_a_marker_is_older_than_it_in_a_descending_answer() -> None:
    truth = [utc(t) for t in ("08:00:00", "06:40:00", "06:30:00", "04:00:00")]
    marker = utc("06:30:00") * 1_000_000 + 1
    placed = resolve(ACCOUNT, shown(truth), collected=LATER, markers={2: marker})
    assert [one.is_ambiguous for one in placed] == [False, False, True, False]
    assert placed[1].instant == utc("06:40:00")


@pytest.mark.parametrize("marker", [0, 1, utc("02:00:00") * 1_000_000, 10**30, -5])
def test_a_marker_that_contradicts_certain_records_is_no_evidence(marker: int) -> None:
    truth = [utc("06:40:00"), utc("04:40:00"), utc("03:40:00")]
    placed = resolve(ACCOUNT, shown(truth), collected=LATER, markers={0: marker, 1: marker, 9: marker, -1: 1})
    assert [one.instant for one in placed[1:]] == truth[1:]
    assert placed[0].is_ambiguous or marker == 10**30


def test_a_marker_newer_than_certain_records_before_it_is_no_evidence() -> None:
    truth = [utc("06:40:00"), utc("04:40:00"), utc("03:40:00")]
    marker = utc("06:30:00") * 1_000_000
    assert resolve(ACCOUNT, shown(truth), collected=LATER, markers={2: marker})[0].is_ambiguous


def test_an_own_call_anchors_its_event_and_its_neighbours() -> None:
    truth = [utc(t) for t in ("06:41:00", "06:40:00", "06:20:00", "06:10:00")]
    anchors = {1: utc("06:39:58"), 3: utc("06:09:58")}
    placed = resolve(ACCOUNT, shown(truth), collected=LATER, anchors=anchors)
    assert placed == exact(*truth)


def test_an_anchor_that_is_not_of_this_event_changes_nothing() -> None:
    placed = resolve(
        ACCOUNT, shown([utc("06:40:00")]), collected=LATER, anchors={0: utc("09:00:00"), 7: 0, -1: 0}
    )
    assert placed[0].is_ambiguous


def test_a_missing_hour_is_shifted_forward_and_marked() -> None:
    placed = resolve(ACCOUNT, [parse("2026-03-08 02:30:00")], collected=LATER)
    expected = int(datetime(2026, 3, 8, 7, 30, tzinfo=UTC).timestamp())
    assert placed == [Placed(instant=expected, is_ambiguous=True, is_missing=True)]


def test_a_missing_hour_does_not_disturb_the_order_of_the_rest() -> None:
    truth = [utc(t) for t in ("07:05:00", "06:10:00", "05:59:00", "04:50:00")]
    readings = shown(truth)
    readings.insert(2, parse("2026-03-08 02:30:00"))
    placed = resolve(ACCOUNT, readings, collected=LATER)
    assert [one.is_missing for one in placed] == [False, False, True, False, False]
    assert [one for one in placed if not one.is_missing] == exact(*truth)


def test_a_future_dated_event_is_placed_where_it_says() -> None:
    truth = [utc("20:00:00")]
    assert resolve(ACCOUNT, shown(truth), collected=utc("01:00:00")) == exact(*truth)


def test_a_future_dated_event_of_the_repeated_hour_is_marked() -> None:
    placed = resolve(ACCOUNT, shown([utc("06:30:00")]), collected=utc("01:00:00"))
    assert placed == [Placed(instant=utc("05:30:00"), is_ambiguous=True)]


def test_an_empty_answer_gives_nothing() -> None:
    assert resolve(ACCOUNT, [], collected=0, markers={0: 5}, anchors={0: 5}) == []


@pytest.mark.parametrize("name", sorted(CHANGES))
@given(data=st.data())
def test_in_an_answer_in_order_everything_is_right_or_marked(name: str, data: st.DataObject) -> None:
    change, apart = CHANGES[name]
    middle = int(datetime.fromisoformat(change).replace(tzinfo=UTC).timestamp())
    around = st.integers(middle - 2 * apart, middle + 2 * apart)
    truth = sorted(data.draw(st.lists(around, min_size=1, max_size=12)), reverse=True)
    cut = data.draw(st.integers(0, len(truth) - 1))
    markers = data.draw(st.sampled_from([{}, {cut: truth[cut] * 1_000_000 + 5}]))
    own = data.draw(st.sets(st.integers(0, len(truth) - 1), max_size=2))
    answer = data.draw(st.sampled_from([truth, truth[::-1]])) if not markers else truth
    placed = resolve(
        zone.load(name),
        shown(answer, name),
        collected=data.draw(st.integers(truth[0] - 200, truth[0] + 4000)),
        markers=markers,
        anchors={position: answer[position] - 3 for position in own},
    )
    for true, one in zip(answer, placed, strict=True):
        assert one.instant == true or one.is_ambiguous
        assert one.instant in (true, true - apart, true + apart)
        if one.is_ambiguous:
            assert zone.is_repeated(zone.load(name), true)


@given(st.lists(st.integers(-7200, 7200), min_size=1, max_size=12), st.integers(0, 10))
def test_a_poll_that_reaches_back_and_sees_its_own_calls_is_exact(shifts: list[int], start: int) -> None:
    """The live case: a call each minute, so that every minute of both passes holds an own event."""
    middle = utc("06:00:00")
    own = {middle + 60 * minute for minute in range(-75 - start, 130)}
    truth = sorted([*own, *(middle + shift for shift in shifts)], reverse=True)
    placed = resolve(ACCOUNT, shown(truth), collected=float(truth[0] + 1))
    doubtful = [true for true, one in zip(truth, placed, strict=True) if one.is_ambiguous]
    assert doubtful == []
    assert [one.instant for one in placed] == truth


def test_ten_thousand_records_of_the_repeated_hours_are_settled_in_one_go() -> None:
    truth = [utc("07:20:00") - position for position in range(10_000)]
    assert resolve(ACCOUNT, shown(truth), collected=LATER) == exact(*truth)
