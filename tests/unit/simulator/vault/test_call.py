from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.simulator.vault.call import BadParameter, Call, read_call

BODY = {"cid": 40012345, "provhash": "0f3c", "cmd": "reporting", "apiuser": "host7", "data": {"admin": 1}}


def with_data(**parameters: Any) -> Call:
    return read_call(json.dumps(BODY | {"data": parameters}).encode())


def test_a_json_body_is_read() -> None:
    call = read_call(json.dumps(BODY).encode())
    assert (call.account, call.secret, call.command, call.label) == ("40012345", "0f3c", "reporting", "host7")
    assert call.parameter("admin") == 1
    assert call.parameter("user") is None


def test_an_account_may_be_digits_in_a_string() -> None:
    assert read_call(json.dumps(BODY | {"cid": "40012345"}).encode()).account == "40012345"


def test_form_fields_are_read() -> None:
    call = read_call(b"cid=40012345&provhash=0f3c&cmd=getuserdata")
    assert (call.account, call.secret, call.command) == ("40012345", "0f3c", "getuserdata")
    assert not call.wants_xml


def test_fields_in_the_query_ask_for_xml() -> None:
    call = read_call(b"", "cid=40012345&provhash=0f3c&cmd=reporting&from=2026-01-01%2000:00:00")
    assert call.wants_xml
    assert call.account == "40012345"


def test_a_form_with_too_many_fields_is_a_call_without_credentials() -> None:
    assert read_call(b"cid=40012345&" + b"a=b&" * 100) == Call()


def test_a_body_wins_over_the_query() -> None:
    assert not read_call(json.dumps(BODY).encode(), "cid=1").wants_xml


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"cid":' + b"9" * 10_000 + b"}",
        b"1" * 10_000,
    ],
)
def test_an_unreadable_body_is_a_call_without_credentials(body: bytes) -> None:
    call = read_call(body)
    assert (call.account, call.secret) == ("", "")


@pytest.mark.parametrize("value", [None, True, 1.5, [], {}, ["40012345"]])
def test_an_account_of_another_type_is_none(value: Any) -> None:
    assert read_call(json.dumps(BODY | {"cid": value}).encode()).account == ""


@pytest.mark.parametrize("data", [None, {}, [], ""])
def test_data_may_be_missing_or_empty(data: Any) -> None:
    assert read_call(json.dumps(BODY | {"data": data}).encode()).parameter("from") is None


def test_data_that_is_no_object_is_bad() -> None:
    with pytest.raises(BadParameter, match="data"):
        read_call(json.dumps(BODY | {"data": "x"}).encode()).parameter("from")


def test_a_time_is_read_in_the_documented_form_and_in_iso_form() -> None:
    wall = datetime(2026, 3, 4, 13, 0, 0)
    for text, offset in (
        ("2026-03-04 13:00:00", None),
        ("2026-03-04T13:00:00Z", timedelta()),
        ("2026-03-04T13:00:00.123456-05:00", timedelta(hours=-5)),
        ("2026-03-04 13:00:00+05:30", timedelta(hours=5, minutes=30)),
    ):
        found = with_data(**{"from": text}).time("from")
        assert found is not None
        assert (found.wall, found.offset) == (wall, offset)


@pytest.mark.parametrize(
    "value", ["yesterday", "2026-02-30 00:00:00", "2026-03-04", 1_772_648_527, ["x"], {}]
)
def test_another_time_is_bad(value: Any) -> None:
    with pytest.raises(BadParameter, match="from"):
        with_data(**{"from": value}).time("from")


@pytest.mark.parametrize("value", [1_772_648_527_918_273, "1772648527918273"])
def test_a_marker_is_a_number_or_digits(value: Any) -> None:
    call = with_data(next=value)
    assert call.marker() == 1_772_648_527_918_273
    assert call.inside_chain


@pytest.mark.parametrize("value", [1.772648527918273e15, True, "x", "-1", [1], "1" * 19])
def test_a_marker_that_went_through_a_float_or_is_none_is_bad(value: Any) -> None:
    with pytest.raises(BadParameter, match="next"):
        with_data(next=value).marker()


def test_a_null_marker_is_no_marker() -> None:
    call = with_data(next=None)
    assert call.marker() is None
    assert not call.inside_chain


def test_a_secret_is_not_shown() -> None:
    assert "0f3c" not in repr(read_call(json.dumps(BODY).encode()))


@given(st.binary(max_size=200), st.text(max_size=50))
def test_no_body_is_a_surprise(body: bytes, query: str) -> None:
    assert isinstance(read_call(body, query), Call)
