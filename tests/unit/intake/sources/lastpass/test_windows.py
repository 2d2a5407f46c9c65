from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from lpforwarder.intake.sources.lastpass import windows
from lpforwarder.intake.sources.lastpass.cursor import Place
from lpforwarder.intake.sources.lastpass.windows import Window
from lpforwarder.intake.sources.lastpass.zone import candidates, parse

NEW_YORK = ZoneInfo("America/New_York")
NOON = 1_772_643_600  # 2026-03-04 17:00:00 UTC, noon in New York
AUTUMN = 1_762_063_200  # 2025-11-02 06:00:00 UTC, the clocks go back
PLACE = Place(installation="01234567", again=NOON - 900, upto=NOON, width=86_400)


def test_near_the_present_a_window_has_no_end() -> None:
    assert windows.window(PLACE, NOON + 60.0, 86_400) == Window(begin=NOON - 900, end=None)
    assert windows.window(PLACE, NOON + 90_000.0, 86_400) == Window(begin=NOON - 900, end=NOON + 86_400)


def test_the_live_edge_is_asked_for_without_a_to_and_with_a_second_more() -> None:
    assert windows.asked(Window(begin=NOON, end=None), NEW_YORK, NOON, 900) == {"from": "2026-03-04 11:59:59"}
    back_fill = windows.asked(Window(begin=NOON, end=NOON + 60), NEW_YORK, NOON, 900)
    assert back_fill == {"from": "2026-03-04 11:59:59", "to": "2026-03-04 12:01:00"}


def test_a_window_in_a_repeated_hour_asks_for_both_passes() -> None:
    asked = windows.asked(Window(begin=AUTUMN + 600, end=AUTUMN + 1200), NEW_YORK, AUTUMN + 600, 900)
    assert asked == {"from": "2025-11-02 00:44:59", "to": "2025-11-02 02:00:00"}


@given(
    zone=st.sampled_from(["America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Europe/Dublin"]),
    begin=st.integers(AUTUMN - 20_000, AUTUMN + 20_000) | st.integers(1_741_000_000, 1_776_000_000),
    length=st.integers(1, 20_000),
    overlap=st.integers(0, 7200),
)
@example(zone="America/New_York", begin=AUTUMN + 3600, length=1, overlap=0)
@example(zone="America/New_York", begin=AUTUMN + 3601, length=60, overlap=0)
@example(zone="America/New_York", begin=AUTUMN - 3600, length=1, overlap=0)
def test_a_window_is_asked_for_whole_and_never_backwards_however_its_texts_are_read(
    zone: str, begin: int, length: int, overlap: int
) -> None:
    there = ZoneInfo(zone)
    asked = windows.asked(Window(begin=begin, end=begin + length), there, begin, overlap)
    assert asked["from"] < asked["to"]
    for name, least, most in (("from", 0, begin - 1), ("to", begin + length, 2**40)):
        readings = candidates(there, parse(asked[name]))
        assert readings
        assert all(least <= instant <= most for instant in readings)


def test_a_request_is_understood_as_widely_as_can_be() -> None:
    asked = windows.asked(Window(begin=AUTUMN + 600, end=AUTUMN + 1200), NEW_YORK, AUTUMN + 600, 900)
    assert windows.understood(asked, NEW_YORK) == Window(begin=AUTUMN - 3600 - 901, end=AUTUMN + 3600 + 1)
    assert windows.understood({"from": "2026-03-04 12:00:00"}, NEW_YORK) == Window(begin=NOON, end=None)


def test_at_the_live_edge_the_overlap_is_read_again() -> None:
    assert windows.again(PLACE, NOON + 60, NEW_YORK, NOON + 60.0, 900) == NOON - 840


def test_far_behind_the_present_nothing_is_read_again() -> None:
    assert windows.again(PLACE, NOON + 60, NEW_YORK, NOON + 90_000.0, 900) == NOON + 60


def test_the_first_pass_is_held_until_the_second_is_over() -> None:
    place = replace(PLACE, again=AUTUMN - 8000, upto=AUTUMN)
    first_pass = AUTUMN - 3600
    assert windows.again(place, AUTUMN + 1800, NEW_YORK, AUTUMN + 1800.0, 900) == first_pass - 900
    assert windows.again(place, AUTUMN + 5000, NEW_YORK, AUTUMN + 5000.0, 900) == AUTUMN + 4100


@given(st.integers(AUTUMN - 20_000, AUTUMN + 20_000), st.integers(0, 7200), st.integers(0, 90_000))
def test_the_past_that_is_forgotten_is_never_read_again(upto: int, overlap: int, later: int) -> None:
    place = replace(PLACE, again=upto - 4000, upto=upto)
    again = windows.again(place, upto + later, NEW_YORK, upto + later + 5.0, overlap)
    assert place.again <= again <= upto + later


def test_the_place_moves_to_the_newest_event_but_never_back_and_never_beyond_now() -> None:
    live = Window(begin=NOON - 900, end=None)
    assert windows.reached(live, PLACE, NOON + 30, NOON + 60.0) == NOON + 30
    assert windows.reached(live, PLACE, NOON + 300, NOON + 60.0) == NOON + 60
    assert windows.reached(live, PLACE, NOON - 30, NOON + 60.0) == NOON
    assert windows.reached(live, PLACE, None, NOON + 60.0) == NOON
    assert windows.reached(Window(begin=NOON, end=NOON + 10), PLACE, None, NOON + 90_000.0) == NOON + 10


def test_a_window_is_halved_when_too_full_and_doubled_when_nearly_empty() -> None:
    assert windows.narrower(PLACE, 86_400, NOON + 3600.0) == 1800
    assert windows.narrower(PLACE, 86_400, NOON + 900_000.0) == 43_200
    assert windows.narrower(PLACE, 1, NOON + 900_000.0) == 1
    assert windows.narrower(PLACE, 86_400, NOON + 900_000.0, 0.3) == 23_328
    assert windows.narrower(PLACE, 86_400, NOON + 900_000.0, 0.01) == 10_800  # an eighth at least
    assert windows.narrower(PLACE, 86_400, NOON + 900_000.0, -5.0) == 10_800
    assert windows.wider(86_400, 10, 10, 1) == 172_800
    assert windows.wider(86_400, 9_000, 9_000, 1) == 86_400
    assert windows.wider(windows.MOST_WIDTH, 0, 0, 1) == windows.MOST_WIDTH


def test_an_overlap_of_many_pages_keeps_no_window_narrow() -> None:
    assert windows.wider(60, 2_750, 100, 28, known=2_700) == 120
    assert windows.wider(60, 2_950, 100, 30, known=2_700) == 60
    assert windows.wider(60, 250, 100, 3) == 60


def test_what_was_read_of_a_window_that_is_too_full_tells_how_much_fits() -> None:
    asked = {"from": "2026-03-04 00:00:00", "to": "2026-03-05 00:00:00"}
    assert windows.share(asked, "2026-03-04 23:00:00", "2026-03-04 18:00:00") == 0.25
    live = {"from": "2026-03-04 00:00:00"}
    assert windows.share(live, "2026-03-04 12:00:00", "2026-03-04 09:00:00") == 0.25
    assert windows.share(live, "noon", "2026-03-04 09:00:00") == 1.0
    assert windows.share(live, "2026-03-03 12:00:00", "2026-03-03 09:00:00") == 1.0
