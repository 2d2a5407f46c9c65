"""What is new leaves in parts; wherever somebody stops, what is left is what was not handed over."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.event import Reject
from lpforwarder.intake.sources.lastpass import cursor, surplus, windows
from lpforwarder.intake.sources.lastpass.cursor import Place
from lpforwarder.intake.sources.lastpass.parts import Part, Parts
from lpforwarder.intake.sources.lastpass.records import raw_texts
from lpforwarder.intake.sources.lastpass.surplus import Found
from lpforwarder.intake.sources.lastpass.windows import Window
from lpforwarder.intake.sources.lastpass.zone import first_instant, parse, wall_clock

NEW_YORK = ZoneInfo("America/New_York")
AUTUMN = 1_762_063_200
"""2025-11-02 06:00 UTC: the clocks go back."""
BEGIN = AUTUMN - 10_000
OVERLAP = 900
REJECT = Reject(where="page 1, Event1", reason="not a record", raw=b"")


def found(instant: int, position: int) -> Found:
    time = wall_clock(NEW_YORK, instant)
    texts = {"Username": "ana", "IP_Address": "", "Action": "Log in", "Data": "x"}
    record = {"Time": time, **texts}
    raw = raw_texts(record)
    return Found(instant, -position, record, raw, first_instant(NEW_YORK, parse(time)))


def place(upto: int = BEGIN, again: int = BEGIN) -> Place:
    return Place(installation="0" * 8, again=again, upto=upto, width=86_400)


def parted(
    before: Place, items: list[Found], now: int, *, end: int | None = None, most_events: int = 2
) -> Parts:
    """What a window behind this place with these records would give, `now` seconds since 1970 UTC."""
    window = Window(begin=before.again, end=end)
    newest = max((item.instant for item in items if item.instant <= now), default=None)
    return Parts(
        place=before,
        new=surplus.surplus(items, window, NEW_YORK, before.known, before.ghosts),
        rejects=(REJECT,),
        refused={"key": 1},
        upto=windows.reached(window, before, newest, now),
        width=7,
        zone=NEW_YORK,
        began=now,
        ended=now,
        overlap=OVERLAP,
        more=end is not None,
        most_events=most_events,
    )


def all_of(parts: Parts) -> list[Part]:
    taken = [parts.take()]
    while parts.new:
        taken.append(parts.take())
    return taken


def listed(*instants: int) -> list[Found]:
    """Records at these instants as an answer has them, newest first."""
    return [found(instant, position) for position, instant in enumerate(sorted(instants, reverse=True))]


def test_the_oldest_leave_first_and_a_second_is_never_cut() -> None:
    start = BEGIN + 1000
    parts = parted(place(), listed(start, start + 1, start + 1, start + 1, start + 2), start + 5000)
    taken = [[item.instant - start for item in part.new] for part in all_of(parts)]
    assert taken == [[0, 1, 1, 1], [2]]


def test_a_window_with_few_leaves_as_one_part() -> None:
    (part,) = all_of(parted(place(), listed(BEGIN + 5), BEGIN + 5000))
    assert (len(part.new), part.place.upto, part.place.width) == (1, BEGIN + 5, 7)


def test_an_empty_window_is_a_part_too() -> None:
    (part,) = all_of(parted(place(), [], BEGIN + 5000, end=BEGIN + 4000))
    assert (part.new, part.place.upto) == ([], BEGIN + 4000)


def test_what_could_not_be_read_leaves_with_the_last_part() -> None:
    first, second = all_of(parted(place(), listed(BEGIN + 5, BEGIN + 6, BEGIN + 7), BEGIN + 5000))
    assert (first.rejects, first.place.refused) == ((), {})
    assert (second.rejects, second.place.refused) == ((REJECT,), {"key": 1})


def test_what_came_late_leaves_with_the_first_part() -> None:
    upto = BEGIN + 3000
    late = [upto - 500, upto - 400, upto - 300, upto - 200]
    parts = all_of(parted(place(upto=upto), listed(*late, upto + 5, upto + 6), upto + 10))
    assert [len(part.new) for part in parts] == [4, 2]
    assert all(part.place.upto >= upto for part in parts)


def test_events_of_the_future_leave_with_the_last_part_and_move_nothing() -> None:
    now = BEGIN + 5000
    items = listed(now - 3, now - 2, now - 1, *(now + 1000 + n for n in range(5)))
    taken = all_of(parted(place(), items, now))
    assert [len(part.new) for part in taken] == [2, 6]
    assert [part.place.upto for part in taken] == [now - 1, now - 1]


@given(st.data())
def test_whoever_stops_between_two_parts_gets_the_rest_and_the_same_numbers(data: st.DataObject) -> None:
    """Also in the hour that comes twice, and if more shows up in the meantime."""
    around = st.lists(st.integers(AUTUMN - 6000, AUTUMN + 6000), max_size=10)
    instants = data.draw(around)
    now = AUTUMN + 6000
    end = data.draw(st.sampled_from([None, AUTUMN + 3000, AUTUMN + 1000]))
    before = place(upto=data.draw(st.sampled_from([BEGIN, AUTUMN - 3000, AUTUMN + 600])), again=BEGIN)
    whole = parted(before, listed(*instants), now, end=end, most_events=1000).new
    parts = parted(before, listed(*instants), now, end=end, most_events=data.draw(st.integers(1, 4)))
    handed: list[Found] = []
    stopped_at = data.draw(st.integers(0, 4))
    last = before
    while parts.new and len(handed) < stopped_at:
        part = parts.take()
        handed += part.new
        last = cursor.decode(cursor.encode(part.place))
    late = data.draw(st.sampled_from([0, 1]))
    again = [*instants, *[last.upto for _ in range(late) if end is None or last.upto < end]]
    rest = parted(last, listed(*again), now, end=end).new
    got = sorted((item.key, item.occurrence) for item in [*handed, *rest])
    wanted = sorted((item.key, item.occurrence) for item in whole)
    assert len(set(got)) == len(got)
    assert len(got) == len(wanted) + len(again) - len(instants)
    assert set(wanted) <= set(got)
