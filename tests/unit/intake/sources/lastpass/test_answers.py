from __future__ import annotations

import json
from typing import Any

import pytest

from lpforwarder.errors import Blocked, Failure, Transient
from lpforwarder.intake.sources.lastpass import answers
from lpforwarder.intake.sources.lastpass.answers import Response

REFUSED = b'<?xml version="1.0" encoding="UTF-8"?>\n<lastpass rc="Authorization Error"/>\n'
PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>"
NOW = 1_772_647_200.0  # 2026-03-04 18:00:00 UTC


def read(body: bytes | dict[str, Any] | list[Any], status: int = 200, **headers: str) -> answers.Report:
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answers.read(
        Response(status=status, headers=named, body=octets), secret_place="acme.secret", now=NOW
    )


def failure(body: bytes | dict[str, Any], status: int = 200, **headers: str) -> Failure:
    with pytest.raises(Failure) as caught:
        read(body, status, **headers)
    return caught.value


def test_records_come_by_the_number_in_their_key() -> None:
    data = {f"Event{n}": {"Time": str(n)} for n in (10, 9, 1, 2)}
    report = read({"status": "OK", "next": None, "data": data})
    assert report.keys == ["Event1", "Event2", "Event9", "Event10"]
    assert [record["Time"] for record in report.records] == ["1", "2", "9", "10"]
    assert report.marker is None


@pytest.mark.parametrize("data", [[], {}, None, "missing"])
def test_nothing_is_said_in_four_ways(data: Any) -> None:
    answer = {"status": "OK", "next": None} | ({} if data == "missing" else {"data": data})
    assert read(answer).records == ()


def test_a_list_and_a_bare_list_are_read_too() -> None:
    record = {"Time": "t"}
    assert read({"status": "ok", "data": [record]}).records == [record]
    assert read([record]).records == [record]


@pytest.mark.parametrize("marker", [1772648527918273, "1772648527918273", 1772648527.918273, 10**30 + 1])
def test_a_marker_keeps_its_type_and_every_digit(marker: Any) -> None:
    body = json.dumps({"status": "OK", "next": marker, "data": {}}).encode()
    assert (read(body).marker, type(read(body).marker)) == (marker, type(marker))


def test_a_mark_of_byte_order_before_the_answer_changes_nothing() -> None:
    mark = b"\xef\xbb\xbf"
    assert read(mark + b' {"status": "OK", "data": {"Event1": {"Time": "t"}}}').records == [{"Time": "t"}]
    assert isinstance(failure(mark + REFUSED), Blocked)
    assert failure(mark + PAGE, 403).code == "LPF304"  # the filter, not a lack of rights
    assert failure(mark).code == "LPF306"


def test_hostile_json_is_read_or_named_never_a_bug() -> None:
    assert read(b'{"status":"OK","data":{"Event1":{"Data":"\\ud800"}}}').records == [{"Data": "\ud800"}]
    for body in (
        b"{" * 100_000,
        b"[" * 100_000,
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"data":"\xe9\xff"}',
        b'{"status":"OK","da',
    ):
        assert failure(body).code in ("LPF306", "LPF307")


def test_events_under_one_key_are_all_there() -> None:
    body = b"""{"status": "OK", "next": 1772648527918273, "data": {
        "Event2": {"Time": "b", "Data": "Time"}, "Event1": {"Time": "a", "Data": "x", "Data": "y"},
        "Event2": {"Time": "c", "Data": 1e400}}}"""
    report = answers.read(Response(status=200, headers={}, body=body), secret_place="", now=NOW)
    assert [record["Time"] for record in report.records] == ["a", "b", "c"]
    assert report.records[0] == {"Time": "a", "Data": "x", "Data+": "y"}
    assert (report.keys, report.marker) == (["Event1", "Event2", "Event2+"], 1772648527918273)


@pytest.mark.parametrize("piece", [b"{},", b"[],", b"1,", b'"",'])
def test_a_flood_of_values_is_refused_before_it_fills_the_memory(piece: bytes) -> None:
    body = b'{"status":"OK","data":[' + piece * 2_100_000 + b"0]}"
    assert failure(body).code == "LPF306"


@pytest.mark.parametrize("blank", [b"", b" \r\n\t"])
def test_an_empty_body_is_never_an_answer(blank: bytes) -> None:
    assert failure(blank).code == "LPF306"
    assert read(b" \n" + b'{"status":"OK","data":[]}').records == ()


def test_refused_credentials_need_a_person() -> None:
    error = failure(REFUSED)
    assert isinstance(error, Blocked)
    assert (error.code, "acme.secret" in error.fix) == ("LPF301", True)


def test_another_reason_is_repeated_as_it_is_short_and_on_one_line() -> None:
    error = failure(b'<lastpass rc="Busy\x1b[31m ' + b"x" * 390 + b'"/>')
    assert (error.code, isinstance(error, Transient)) == ("LPF307", True)
    assert error.what.isprintable()
    assert len(error.what) < 260


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (PAGE, 200, "LPF304"),
        (PAGE, 403, "LPF304"),
        (PAGE, 407, "LPF304"),
        (b"", 302, "LPF304"),
        (b"hello", 200, "LPF304"),
        (PAGE, 429, "LPF303"),
        (PAGE, 500, "LPF305"),
        (PAGE, 503, "LPF305"),
        (PAGE, 404, "LPF305"),
        (b"{}", 403, "LPF302"),
        (b'<lastpass><Event1 Time="x"/></lastpass>', 200, "LPF309"),
        (b"<svg/>", 200, "LPF309"),
    ],
)
def test_what_stands_in_front_of_the_vault_is_told_apart(body: bytes, status: int, code: str) -> None:
    error = failure(body, status)
    assert error.code == code
    assert isinstance(error, Blocked) == (code == "LPF302")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("Wed, 04 Mar 2026 18:01:00 GMT", 60.0),
        ("Wed, 04 Mar 2026 17:00:00 GMT", None),
        ("0", None),
        ("soon", None),
        ("", None),
        ("99999999999999", 3600.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, seconds: float | None) -> None:
    error = failure(PAGE, 429, retry_after=header)
    assert isinstance(error, Transient)
    assert error.retry_after == seconds


def test_a_wait_is_said_in_whole_seconds() -> None:
    asked = Response(status=429, headers={"retry-after": "Wed, 04 Mar 2026 18:01:00 GMT"}, body=b"")
    with pytest.raises(Transient) as caught:
        answers.read(asked, secret_place="acme.secret", now=NOW + 0.25)
    assert caught.value.what == "the vault asks us to wait for 60 s (429)"
    assert caught.value.retry_after == 59.75


def test_a_status_other_than_ok_is_a_failure_with_the_vaults_words() -> None:
    assert "bad dates" in failure({"status": "FAIL", "errors": ["bad dates"]}).what
    assert "one text" in failure({"status": "WARN", "error": "one text", "data": {}}).what
    assert failure({"next": None}).code == "LPF307"
    assert read({"status": " Success", "data": {}, "message": "slow down"}).records == ()


def test_the_clock_of_the_vault_is_in_the_date() -> None:
    assert (
        answers.server_time(Response(status=200, headers={"date": "Wed, 04 Mar 2026 18:00:00 GMT"}, body=b""))
        == NOW
    )
    assert answers.server_time(Response(status=200, headers={"date": "noon"}, body=b"")) is None
