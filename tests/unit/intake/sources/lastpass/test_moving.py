"""Which records are on the old clock after an account has moved: never a wrong one while the answer tells."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.event import JSON
from lpforwarder.intake.sources.lastpass import dating, moving
from lpforwarder.intake.sources.lastpass.chain import Chain
from lpforwarder.intake.sources.lastpass.offset import OwnReport, fixed
from lpforwarder.intake.sources.lastpass.reading import Taken
from lpforwarder.intake.sources.lastpass.windows import Window
from lpforwarder.intake.sources.lastpass.zone import wall_clock

NOON = 1_772_643_600
HOUR = 3600
WEST, EAST = -8 * HOUR, 9 * HOUR


def taken(
    truth: Sequence[int],
    *,
    was: int,
    now: int,
    moved: int,
    asked: int,
    end: int | None = None,
    own: Sequence[int] = (),
) -> Taken:
    """An answer with records at these instants, those before the move on the old clock.

    `own` are positions of own calls; `now` is the offset of the account at present.
    """
    shown = [wall_clock(fixed(was if at < moved else now), at) for at in truth]
    records: list[JSON] = [
        {"Time": time, "Username": "ana", "IP_Address": "", "Action": "Log in", "Data": str(at)}
        for time, at in zip(shown, truth, strict=True)
    ]
    read = Chain(
        records=records,
        keys=[f"Event{number}" for number in range(1, len(truth) + 1)],
        heads=[(0, 1)],
        markers={},
        pages=1,
        first_page=len(truth),
        is_whole=True,
    )
    reports = [OwnReport(position=place, called=truth[place] - 1, time=shown[place]) for place in own]
    return Taken(
        window=Window(begin=asked, end=end),
        chain=read,
        own=reports,
        zone=fixed(now),
        began=NOON,
        ended=NOON,
        width=1,
        asked=Window(begin=asked, end=end),
    )


def every(seconds: int, since: int) -> list[int]:
    """Instants from noon back to `since`, newest first."""
    return list(range(NOON - 10, since, -seconds))


def test_when_all_is_shown_anew_nothing_is_old() -> None:
    truth = every(600, NOON - 8 * HOUR)
    for was, now in ((WEST, EAST), (EAST, WEST), (0, 1800), (1800, 0)):
        answer = taken(truth, was=was, now=now, moved=0, asked=NOON - 8 * HOUR, own=[0, 20])
        assert moving.border(answer, was) == len(truth)


def test_what_happened_before_the_move_stays_on_the_old_clock() -> None:
    truth = every(600, NOON - 8 * HOUR)
    moved = NOON - 3 * HOUR
    old = next(place for place, at in enumerate(truth) if at < moved)
    for was, now in ((0, EAST), (0, WEST), (0, 1800), (1800, 0)):
        answer = taken(truth, was=was, now=now, moved=moved, asked=NOON - 8 * HOUR)
        assert moving.border(answer, was) == old


def test_a_window_of_the_past_is_all_on_the_old_clock() -> None:
    begin, end = NOON - 90 * HOUR, NOON - 66 * HOUR
    truth = [at for at in every(600, begin) if at < end]
    for was, now in ((0, EAST), (0, WEST), (0, 1800), (1800, 0)):
        answer = taken(truth, was=was, now=now, moved=NOON, asked=begin, end=end)
        assert moving.border(answer, was) == 0


def test_own_calls_of_before_the_move_show_it_also_where_the_order_does_not() -> None:
    """A gap longer than the zones are apart: only a call in it can tell where the move was."""
    truth = [NOON - 60, NOON - 120, NOON - 12 * HOUR, NOON - 13 * HOUR]
    answer = taken(truth, was=0, now=EAST, moved=NOON - HOUR, asked=NOON - 40 * HOUR, own=[0, 2])
    assert moving.border(answer, 0) == 2


def test_an_event_of_the_future_says_nothing() -> None:
    truth = [NOON + 5 * HOUR, *every(600, NOON - HOUR)]
    for was, now in ((0, WEST), (0, EAST)):
        answer = taken(truth, was=was, now=now, moved=0, asked=NOON - HOUR)
        assert moving.border(answer, was) == len(truth)


def test_a_vault_that_gives_more_than_was_asked_for_proves_nothing() -> None:
    truth = every(600, NOON - 30 * HOUR)
    answer = taken(truth, was=0, now=EAST, moved=0, asked=NOON - HOUR)
    assert moving.border(answer, 0) == len(truth)


def test_calls_in_no_order_prove_nothing() -> None:
    truth = every(600, NOON - 2 * HOUR)
    answer = taken(truth, was=0, now=EAST, moved=0, asked=NOON - 2 * HOUR, own=[5])
    early = OwnReport(position=2, called=truth[2], time=wall_clock(fixed(0), truth[2]))
    answer.own.append(early)
    assert moving.border(answer, 0) == len(truth)


def test_a_record_that_would_just_fit_the_new_clock_does_not_hide_that_a_later_one_cannot() -> None:
    truth = [NOON - 60, NOON - 1260, NOON - 2460, NOON - 3600]
    answer = taken(truth, was=0, now=1800, moved=NOON, asked=NOON - 3060)
    assert moving.border(answer, 0) == 4  # what was given without being asked for proves nothing
    answer = taken(truth, was=0, now=1800, moved=NOON, asked=NOON - 4260)
    assert moving.border(answer, 0) == 0


def test_an_empty_answer_has_nothing_old() -> None:
    assert moving.border(taken([], was=0, now=EAST, moved=0, asked=0), 0) == 0


def test_records_without_a_time_disturb_nothing() -> None:
    truth = every(600, NOON - 8 * HOUR)
    answer = taken(truth, was=0, now=EAST, moved=NOON - 3 * HOUR, asked=NOON - 8 * HOUR)
    before = moving.border(answer, 0)
    records = list(answer.chain.records)
    records[0], records[before + 1], records[-1] = "text", {"Time": "noon"}, None
    for place, record in enumerate(records):
        answer.chain.records[place] = record  # type: ignore[index]
    assert moving.border(answer, 0) == before


@given(
    st.lists(st.integers(1, 1499), min_size=1, max_size=40),
    st.integers(0, 10 * HOUR),
    st.sampled_from([(0, EAST), (0, WEST), (EAST, 0), (WEST, 0), (0, HOUR), (HOUR, 0), (0, 1800), (1800, 0)]),
)
def test_dated_on_two_clocks_every_record_has_its_true_time(
    gaps: list[int], ago: int, offsets: tuple[int, int]
) -> None:
    """With an event in less than 25 minutes: zones are half an hour apart, and clocks may differ by five."""
    truth, at = [], NOON
    for gap in gaps:
        at -= gap
        truth.append(at)
    was, now = offsets
    asked = truth[-1] - 1
    answer = taken(truth, was=was, now=now, moved=NOON - ago, asked=asked)
    found = dating.dated(answer, was).found
    assert [(one.instant, one.rank) for one in found] == [(at, -place) for place, at in enumerate(truth)]
