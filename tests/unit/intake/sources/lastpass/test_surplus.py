from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from lpforwarder.intake.sources.lastpass import surplus
from lpforwarder.intake.sources.lastpass.cursor import Known
from lpforwarder.intake.sources.lastpass.records import raw_texts
from lpforwarder.intake.sources.lastpass.surplus import Found, digest, key_of, remembered
from lpforwarder.intake.sources.lastpass.windows import Window
from lpforwarder.intake.sources.lastpass.zone import first_instant, parse, wall_clock

NEW_YORK = ZoneInfo("America/New_York")
NOON = 1_772_643_600
AUTUMN = 1_762_063_200
LIVE = Window(begin=NOON - 900, end=None)


def found(instant: int, position: int = 0, **fields: str) -> Found:
    time = wall_clock(NEW_YORK, instant)
    record: dict[str, Any] = {
        "Time": time,
        "Username": "ana",
        "IP_Address": "",
        "Action": "Log in",
        "Data": "x",
    } | fields
    raw = raw_texts(record)
    return Found(instant, -position, record, raw, first_instant(NEW_YORK, parse(time)))


def new(items: list[Found], known: Known | None = None, window: Window = LIVE) -> list[tuple[int, int]]:
    """(instant, occurrence) of what is new."""
    made = surplus.surplus(items, window, NEW_YORK, known or {}, {})
    return [(item.instant, item.occurrence) for item in made]


KEY = digest(found(NOON).key)


def test_twins_are_two_events_with_numbers_of_their_own() -> None:
    assert new([found(NOON, 1), found(NOON, 0)]) == [(NOON, 0), (NOON, 1)]


def test_what_was_handed_over_is_not_new() -> None:
    assert new([found(NOON)], {NOON: {KEY: 1}}) == []


def test_a_twin_that_shows_up_later_is_new_and_gets_the_next_number() -> None:
    assert new([found(NOON, 0), found(NOON, 1)], {NOON: {KEY: 1}}) == [(NOON, 1)]


def test_fewer_than_before_take_nothing_back() -> None:
    assert new([found(NOON)], {NOON: {KEY: 2}}) == []


def test_the_case_of_an_action_makes_no_new_event_and_no_new_id() -> None:
    renamed = found(NOON, 0, Action="LOG  In ")
    assert new([renamed], {NOON: {KEY: 1}}) == []
    assert renamed.key == found(NOON).key


def test_another_user_address_or_text_is_another_event() -> None:
    others = [found(NOON, 0, Username="bo"), found(NOON, 1, IP_Address="192.0.2.1"), found(NOON, 2, Data="y")]
    assert len(new(others, {NOON: {KEY: 1}})) == 3


def test_parts_cannot_flow_into_each_other() -> None:
    assert digest(found(NOON, Username="ab", IP_Address="c").key) != digest(
        found(NOON, Username="a", IP_Address="bc").key
    )


def test_outside_the_window_nothing_is_new_but_it_counts() -> None:
    first, second = AUTUMN - 1800, AUTUMN + 1800  # both show 01:30
    both = [found(second, 0), found(first, 1)]
    assert new(both, window=Window(begin=AUTUMN, end=None)) == [(second, 1)]
    assert new(both, window=Window(begin=AUTUMN - 7200, end=AUTUMN)) == [(first, 0)]


def test_the_second_pass_goes_on_with_the_numbers_of_the_first() -> None:
    first, second = AUTUMN - 1800, AUTUMN + 1800
    window = Window(begin=AUTUMN - 7200, end=None)
    assert new([found(second, 0), found(first, 1)], window=window) == [(first, 0), (second, 1)]
    assert new([found(second, 0), found(first, 1)], {first: {KEY: 1}}, window) == [(second, 1)]
    assert new([found(second, 0), found(first, 1)], {second: {KEY: 1}}, window) == [(first, 1)]


def test_an_event_that_is_now_placed_in_the_other_pass_is_still_known() -> None:
    first, second = AUTUMN - 1800, AUTUMN + 1800
    assert new([found(first)], {second: {KEY: 1}}, Window(begin=AUTUMN - 7200, end=None)) == []


def test_ghosts_are_known_too() -> None:
    assert (
        surplus.surplus([found(NOON)], LIVE, NEW_YORK, {}, surplus.shifted({NOON - 60: {KEY: 1}}, 60)) == []
    )


def test_the_oldest_leave_first_and_within_a_second_the_last_of_the_answer() -> None:
    items = [found(NOON + 5, 0, Data="c"), found(NOON, 1, Data="b"), found(NOON, 2, Data="a")]
    made = surplus.surplus(items, LIVE, NEW_YORK, {}, {})
    assert [item.raw.data for item in made] == ["a", "b", "c"]


def test_what_is_final_is_forgotten() -> None:
    assert remembered({NOON - 10: {KEY: 1}, NOON: {KEY: 1}}, [found(NOON)], NOON) == {NOON: {KEY: 2}}


def test_the_clock_an_event_is_shown_on_has_no_part_in_its_key() -> None:
    there = replace(found(NOON).raw, time=wall_clock(ZoneInfo("Asia/Tokyo"), NOON))
    assert key_of(there, NOON) == found(NOON).key


def test_one_second_written_in_two_ways_is_one_second() -> None:
    plain = found(NOON, 0)
    other = replace(plain.raw, time=plain.raw.time.replace(" ", "T"))
    assert new([plain, Found(NOON, -1, other, other, NOON)]) == [(NOON, 0), (NOON, 1)]


def test_both_passes_of_a_repeated_hour_have_one_key_whatever_settles_them() -> None:
    first, second = found(AUTUMN - 1800), found(AUTUMN + 1800)
    assert first.key == second.key
    assert first.key.time == str(AUTUMN - 1800)


@given(st.data())
def test_whatever_is_known_nothing_is_lost_and_nothing_doubled(data: st.DataObject) -> None:
    """Two readers of the same records, one in two goes, one at once: the same numbers for the same events."""
    around = st.integers(AUTUMN - 4000, AUTUMN + 4000)
    instants = sorted(data.draw(st.lists(around, min_size=1, max_size=8)), reverse=True)
    items = [
        found(instant, place, Data=data.draw(st.sampled_from("ab"))) for place, instant in enumerate(instants)
    ]
    window = Window(begin=AUTUMN - 8000, end=None)
    at_once = surplus.surplus(items, window, NEW_YORK, {}, {})
    seen = sorted(data.draw(st.sets(st.sampled_from(range(len(items))))))
    first = surplus.surplus([items[place] for place in seen], window, NEW_YORK, {}, {})
    known = remembered({}, first, window.begin)
    second = surplus.surplus(items, window, NEW_YORK, known, {})
    assert len(first) + len(second) == len(at_once) == len(items)
    numbers = sorted((item.key, item.occurrence) for item in [*first, *second])
    assert numbers == sorted((item.key, item.occurrence) for item in at_once)


@given(st.data())
def test_where_each_time_means_one_instant_the_shorter_way_finds_the_same(data: st.DataObject) -> None:
    """Among records with equal texts, and actions that differ in their case alone."""
    drawn = data.draw(
        st.lists(
            st.tuples(
                st.integers(NOON - 6, NOON), st.sampled_from(["Log in", "LOG IN", "Log out"]), st.booleans()
            ),
            max_size=12,
        )
    )
    items = [
        found(instant, place, Action=action, Data="x" if is_x else "y" * 600)
        for place, (instant, action, is_x) in enumerate(drawn)
    ]
    window = Window(begin=NOON - 4, end=None)
    first = surplus.surplus(items[::2], window, NEW_YORK, {}, {})
    handed = st.sampled_from([{}, remembered({}, first, window.begin)])
    known, ghosts = data.draw(handed), data.draw(handed)
    made = [
        surplus.surplus(items, window, NEW_YORK, known, ghosts, is_plain=is_so) for is_so in (False, True)
    ]
    assert made[0] == made[1]
