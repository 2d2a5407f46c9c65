"""The quick way takes what is as documented, and reads in it what the careful way reads."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.errors import Failure
from lpforwarder.intake.sources.lastpass import answers, decoding
from lpforwarder.intake.sources.lastpass.answers import Report, Response
from lpforwarder.intake.sources.lastpass.records import Raw
from tests.fakes.mutated_answers import mutated

RECORD = {"Time": "t", "Username": "u", "IP_Address": "i", "Action": "a", "Data": "d/\u00e4\u20ac\U0001f600"}


def answer(*records: Any, **more: Any) -> dict[str, Any]:
    data = {f"Event{number}": record for number, record in enumerate(records, 1)}
    return {"status": "OK", "next": None, "data": data} | more


def body(*records: Any, **more: Any) -> bytes:
    return json.dumps(answer(*records, **more)).encode()


def careful(octets: bytes) -> Report:
    return answers._unusual(octets)


def test_a_documented_answer_takes_the_quick_way() -> None:
    usual = decoding.usual(body(RECORD, RECORD))
    assert usual is not None
    assert list(usual.data.values()) == [Raw(*RECORD.values())] * 2
    assert usual.marker is None
    assert decoding.usual(json.dumps(answer(RECORD), ensure_ascii=False).encode()) is not None
    assert decoding.usual(body().replace(b'"next": null, ', b"")) is not None


@pytest.mark.parametrize("marker", [1772648527918273, "1772648527918273", None])
def test_a_marker_comes_as_it_is(marker: Any) -> None:
    usual = decoding.usual(body(RECORD, next=marker))
    assert usual is not None
    assert (usual.marker, type(usual.marker)) == (marker, type(marker))


@pytest.mark.parametrize(
    "octets",
    [
        body(RECORD | {"More": 1}),
        body(RECORD | {"Data": None}),
        body(RECORD | {"Data": 5}),
        body({name: value for name, value in RECORD.items() if name != "Data"}),
        body(RECORD | {"Data": "\ud800"}),
        body("text"),
        body(RECORD, status="FAIL"),
        body(RECORD, more=1),
        body(RECORD, next=1e20),
        body(RECORD, next=10**30),
        body(RECORD, data=[RECORD]),
        body(RECORD)[:-1],
        body(RECORD) + b"x",
        body(RECORD).replace(b'"t"', b'"\xff"'),
        body(RECORD).replace(b'"t"', b'"\x01"'),
        body(RECORD, next="deep").replace(b'"deep"', 20_000 * b"[" + 20_000 * b"]"),
        b"",
    ],
)
def test_what_is_not_as_documented_is_left_to_the_careful_way(octets: bytes) -> None:
    assert decoding.usual(octets) is None


def test_a_very_long_answer_is_counted_first() -> None:
    assert decoding.usual(body(RECORD | {"Data": "x" * decoding.LARGEST})) is None


def test_a_member_that_comes_twice_is_found_by_the_careful_way() -> None:
    octets = body(RECORD, RECORD).replace(b'"Event2"', b'"Event1"')
    report = answers.read(Response(status=200, headers={}, body=octets), secret_place="", now=0.0)
    assert report.records == [Raw(*RECORD.values())] * 2


@given(st.integers(0, 2**32))
def test_whatever_the_quick_way_takes_the_careful_way_reads_the_same(seed: int) -> None:
    random = Random(seed)
    records = [RECORD | {"Time": f"2026-03-04 13:22:{number:02d}"} for number in range(random.randrange(4))]
    whole = Response(status=200, headers={}, body=body(*records, next=random.choice((None, 17, "17", 0, ""))))
    octets = mutated(whole, random).body.strip()
    try:
        read = answers.read(replace(whole, body=octets), secret_place="", now=0.0)
    except Failure as error:
        with pytest.raises(type(error)):
            answers.read(replace(whole, body=octets + b" "), secret_place="", now=0.0)
        return
    assert read == careful(octets)
