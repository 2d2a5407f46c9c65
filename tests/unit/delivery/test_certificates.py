"""When a person has to hear that a certificate ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lpforwarder.delivery.certificates import Certificate, ExpiryWatch, ends_in

END = datetime(2027, 3, 31, 12, 0, 0, tzinfo=UTC)


def text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def before(**ahead: float) -> str:
    return text(END - timedelta(**ahead))


OURS = Certificate(kind="client", subject="forwarder.example.net", not_after=text(END))


@pytest.mark.parametrize(
    ("now", "days"),
    [
        (before(days=21, hours=5), 21),
        (before(days=1), 1),
        (before(seconds=1), 0),
        (text(END), 0),
        (before(seconds=-1), -1),
        (before(days=-2), -2),
    ],
)
def test_whole_days_are_left(now: str, days: int) -> None:
    assert OURS.days_left(now) == days


def test_what_is_no_time_is_a_bug() -> None:
    with pytest.raises(ValueError, match="no time"):
        OURS.days_left("soon")


def test_the_end_is_told_once_at_30_14_and_3_days_and_when_it_is_over() -> None:
    watch, told = ExpiryWatch(), []
    for hour in range(24 * 40, -24 * 3, -1):
        told += [days for _, days in watch.due([OURS], before(hours=hour))]
    assert told == [30, 14, 3, -1]


def test_a_start_shortly_before_the_end_tells_it_once() -> None:
    watch = ExpiryWatch()
    assert [days for _, days in watch.due([OURS], before(days=2))] == [2]
    assert list(watch.due([OURS], before(days=2))) == []


def test_a_renewed_certificate_is_another_one() -> None:
    watch = ExpiryWatch()
    list(watch.due([OURS], before(days=2)))
    renewed = Certificate(kind="client", subject=OURS.subject, not_after=text(END + timedelta(days=12)))
    assert list(watch.due([renewed], before(days=2))) == [(renewed, 14)]


def test_two_collectors_behind_one_name_are_not_told_each_time_they_take_turns() -> None:
    watch = ExpiryWatch()
    others = [
        Certificate(kind="collector", subject="siem.example.net", not_after=before(days=-number))
        for number in (1, 2)
    ]
    told = sum(len(list(watch.due([others[turn % 2]], before(days=1)))) for turn in range(10))
    assert told == 2


def test_a_certificate_with_time_left_is_not_told() -> None:
    assert list(ExpiryWatch().due([OURS], before(days=31))) == []


def test_the_end_is_spoken() -> None:
    assert [ends_in(days) for days in (21, 1, 0, -1)] == [
        "ends in 21 days",
        "ends in 1 day",
        "ends today",
        "has expired",
    ]
    assert OURS.called() == "our client certificate forwarder.example.net"
