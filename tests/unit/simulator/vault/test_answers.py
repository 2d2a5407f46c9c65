from __future__ import annotations

import gzip
import json
from typing import Any
from xml.etree import ElementTree

import pytest

from lpforwarder.simulator.vault import answers
from lpforwarder.simulator.vault.options import VaultOptions

RECORDS = [{"Time": f"2026-03-04 13:00:0{n}", "Data": data} for n, data in ((3, "c"), (2, "b/ü"), (1, "a"))]


def report(records: list[dict[str, str]] = RECORDS, marker: int | None = None, **switches: Any) -> bytes:
    return answers.report(records, marker, 1, VaultOptions(**switches)).body


def test_a_refusal_is_the_recorded_octets_under_status_200() -> None:
    reply = answers.refused()
    assert reply.status == 200
    assert reply.body == b'<?xml version="1.0" encoding="UTF-8"?>\n<lastpass rc="Authorization Error"/>\n'
    assert len(reply.body) == 76


def test_json_comes_as_xml_with_the_recorded_headers() -> None:
    headers = answers.failure(["x"], VaultOptions()).headers
    assert ("Content-Type", "text/xml;charset=UTF-8") in headers
    assert ("Server", "LastPass") in headers
    assert ("Vary", "origin, Accept-Encoding") in headers
    assert [name for name, _ in headers].count("Set-Cookie") == 2


def test_a_report_is_a_map_of_numbered_events() -> None:
    assert json.loads(report()) == {
        "status": "OK",
        "next": None,
        "data": {f"Event{number}": record for number, record in enumerate(RECORDS, 1)},
    }
    assert list(json.loads(report())["data"]) == ["Event1", "Event2", "Event3"]


def test_text_is_escaped_as_php_does_unless_switched_off() -> None:
    assert b'"b\\/\\u00fc"' in report()
    assert '"b/ü"'.encode() in report(escape_unicode=False)


def test_half_a_character_goes_out_escaped() -> None:
    assert b'"\\ud800"' in report([{"Data": "\ud800"}])
    assert b"\xed\xa0\x80" in report([{"Data": "\ud800"}], escape_unicode=False)


def test_ascending_order_makes_the_oldest_the_first() -> None:
    data = json.loads(report(order="ascending"))["data"]
    assert data["Event1"] == RECORDS[-1]
    assert list(data) == ["Event1", "Event2", "Event3"]


def test_a_shuffled_map_keeps_the_numbers() -> None:
    many = [{"Data": str(number)} for number in range(50)]
    data = json.loads(report(many, order="shuffled"))["data"]
    assert list(data) != [f"Event{number}" for number in range(1, 51)]
    assert {key: value["Data"] for key, value in data.items()} == {f"Event{n + 1}": str(n) for n in range(50)}


def test_numbering_may_go_on() -> None:
    body = answers.report(RECORDS, None, 10_001, VaultOptions()).body
    assert list(json.loads(body)["data"]) == ["Event10001", "Event10002", "Event10003"]


@pytest.mark.parametrize(
    ("empty", "answer"),
    [
        ("list", {"status": "OK", "next": None, "data": []}),
        ("map", {"status": "OK", "next": None, "data": {}}),
        ("null", {"status": "OK", "next": None, "data": None}),
        ("missing", {"status": "OK", "next": None}),
    ],
)
def test_an_empty_result_has_four_faces(empty: str, answer: dict[str, Any]) -> None:
    assert json.loads(report([], empty=empty)) == answer


def test_a_marker_is_a_number_or_a_string() -> None:
    assert b'"next":1772648527918273' in report(marker=1_772_648_527_918_273)
    assert b'"next":"1772648527918273"' in report(marker=1_772_648_527_918_273, next_type="string")


def test_the_siem_shape_is_a_list() -> None:
    reply = answers.report_for_siem(RECORDS, 5, VaultOptions())
    assert json.loads(reply.body) == {"status": "OK", "next": 5, "data": RECORDS}


def test_the_xml_list_is_well_formed_whatever_the_text() -> None:
    text = "<a> & \"b\" 'c'\nd\x00\x1b\ud800"
    reply = answers.report_in_xml([{"Time": "t", "Data": text}], VaultOptions())
    (event,) = ElementTree.fromstring(reply.body)
    assert event.tag == "Event1"
    assert event.attrib == {"Time": "t", "Data": "<a> & \"b\" 'c'\nd\ufffd\ufffd\ufffd"}


def test_a_page_from_in_front_carries_none_of_the_services_headers() -> None:
    reply = answers.page_in_front(429, "Too Many Requests", "Slow", (("Retry-After", "2"),))
    assert reply.status == 429
    assert dict(reply.headers) == {"Content-Type": "text/html; charset=utf-8", "Retry-After": "2"}


def test_a_gzipped_answer_says_so_and_is_the_same_octets_every_time() -> None:
    plain = answers.refused()
    packed = plain.gzipped()
    assert gzip.decompress(packed.body) == plain.body
    assert packed.has_header("content-encoding")
    assert packed == plain.gzipped()
