"""RFC 3339 times to milliseconds and back."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpforwarder import rfc3339

# RFC 3339 §5.8 and RFC 5424 §6.2.3.1, and the same instants in our form.
EXAMPLES = {
    "1985-04-12T23:20:50.52Z": "1985-04-12T23:20:50.520Z",
    "1985-04-12T19:20:50.52-04:00": "1985-04-12T23:20:50.520Z",
    "1996-12-19T16:39:57-08:00": "1996-12-20T00:39:57.000Z",
    "1990-12-31T23:59:60Z": "1990-12-31T23:59:59.000Z",
    "1990-12-31T15:59:60-08:00": "1990-12-31T23:59:59.000Z",
    "1937-01-01T12:00:27.87+00:20": "1937-01-01T11:40:27.870Z",
    "2003-10-11T22:14:15.003Z": "2003-10-11T22:14:15.003Z",
    "2003-08-24T05:14:15.000003-07:00": "2003-08-24T12:14:15.000Z",
    "2003-08-24T05:14:15.000000003-07:00": "2003-08-24T12:14:15.000Z",
    "2026-03-04t05:06:07.5z": "2026-03-04T05:06:07.500Z",
    "2026-03-04T05:06:07.9999Z": "2026-03-04T05:06:07.999Z",
    "2026-03-04T05:06:07-00:00": "2026-03-04T05:06:07.000Z",
    "2024-02-29T00:00:00Z": "2024-02-29T00:00:00.000Z",
    "0001-01-01T00:00:00Z": "0001-01-01T00:00:00.000Z",
    "9999-12-31T23:59:59.999Z": "9999-12-31T23:59:59.999Z",
}

NONE_OF_THEM = (
    *("", "-", "2022-12-14", "20221214T173343Z", "2022-W50-3", "2022-12-14T17:33:43", "2022-12-14 17:33:43Z"),
    *("2022-12-14T17:33:43,5Z", "2022-12-14T17:33:43.Z", "2022-12-14T17:33:43.5Z\n", " 2022-12-14T17:33:43Z"),
    *("2022-13-14T17:33:43Z", "2022-02-29T17:33:43Z", "2022-12-14T24:00:00Z", "2022-12-14T17:60:43Z"),
    *(
        "2022-12-14T17:33:61Z",
        "2022-12-14T17:33:43+24:00",
        "2022-12-14T17:33:43+01:60",
        "0000-01-01T00:00:00Z",
    ),
    *("0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "２022-12-14T17:33:43Z"),
    *("2022-07-08T00:14:07+01:00[Europe/London]", "2022-12-14T17:33:43." + "1" * 41 + "Z"),
)


@pytest.mark.parametrize(("text", "ours"), EXAMPLES.items())
def test_every_rfc_3339_time_has_our_form(text: str, ours: str) -> None:
    assert rfc3339.canonical(text) == ours


@pytest.mark.parametrize("text", NONE_OF_THEM)
def test_other_texts_are_no_time(text: str) -> None:
    assert rfc3339.parse(text) is None
    assert rfc3339.canonical(text) is None
    assert rfc3339.of_canonical(text) is None


def test_milliseconds_count_from_1970_and_are_cut_not_rounded() -> None:
    assert rfc3339.parse("1970-01-01T00:00:00Z") == 0
    assert rfc3339.parse("1969-12-31T23:59:59.9999Z") == -1
    assert rfc3339.parse("2026-03-04T05:06:07.0899Z") == 1772600767089


@pytest.mark.parametrize("milliseconds", [10**18, -(10**18)])
def test_times_outside_the_years_1_to_9999_are_refused(milliseconds: int) -> None:
    with pytest.raises(ValueError, match="outside the years"):
        rfc3339.render(milliseconds)


@given(st.datetimes(), st.integers(-23 * 60, 23 * 60))
@settings(deadline=None)
def test_an_instant_is_the_same_whatever_its_offset(moment: datetime, offset: int) -> None:
    instant = moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=UTC)
    try:
        local = instant.astimezone(timezone(timedelta(minutes=offset)))
    except OverflowError:
        return
    expected = instant.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
    assert rfc3339.canonical(local.isoformat()) == expected
    assert rfc3339.of_canonical(expected) == rfc3339.parse(expected)


@pytest.mark.parametrize(
    "text",
    [
        *(text for text, ours in EXAMPLES.items() if text != ours),
        "2026-03-04T05:06:60.000Z",
        "2026-03-04t05:06:07.000Z",
        "2026-03-04T05:06:07.00Z",
        "2026-03-04T05:06:07.0000Z",
        "2026-03-04T05:06:07.000z",
        "2026-03-04T05:06:07.²³¹Z",
    ],
)
def test_the_quick_way_takes_nothing_but_our_own_form(text: str) -> None:
    assert rfc3339.of_canonical(text) is None


def test_the_present_has_our_form() -> None:
    now = rfc3339.now()
    assert re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z", now)
    assert rfc3339.of_canonical(now) is not None
