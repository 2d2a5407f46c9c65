"""A page of lines that is decoded at once gives what its lines give one by one, whatever stands in them."""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpforwarder.event import Event, parse
from lpforwarder.event_page import EventPage, kind_of
from lpforwarder.intake.canonical import has_id, name_based_id, to_event
from lpforwarder.intake.contract import Page
from lpforwarder.intake.sources import flat_records
from lpforwarder.intake.sources.file import FileOptions, FileSource
from tests.fakes.hostile_events import events, fields

LINE = (
    b'{"id":"7","timestamp":"2025-06-01T00:00:00.000Z","eventId":"1001","eventType":"authentication",'
    b'"result":"success","message":"a, b","source":"acme","severity":3}'
)

PIECES = (
    *(b'{"a":1},{"b":2}', b'{"a":1}{"b":2}', b'{"a":1} {"b":2}', b"[{}]", b'{"a":1', b'"b":2}', b"{", b"}"),
    *(
        b'{"a":"x',
        b'y"}',
        b'{"a":"x}',
        b'{y"}',
        b'[{"a":1',
        b'"b":2}]',
        b'{"a":{"b":1',
        b"}}",
        b'{"a":[1',
        b"2]}",
    ),
    *(
        b"",
        b" ",
        b"\r",
        b"\t ",
        b",",
        b"null",
        b"1",
        b'"x"',
        b"[]",
        b"{}",
        b"\xef\xbb\xbf{}",
        b"\x00",
        b"\xff",
    ),
    *(b'{"a":1.0}', b'{"a":1e16}', b'{"a":1e400}', b'{"a":-0}', b'{"a":-0.0}', b'{"a":NaN}', b'{"a":01}'),
    *(b'{"a":9223372036854775808}', b'{"a":18446744073709551616}', b'{"a":' + b"9" * 400 + b"}"),
    *(
        b'{"a":1,"a":2}',
        b'{"id":"1","id":"2"}',
        b'{"a": 1}',
        b'{"a":1 }',
        b' {"a":1}',
        b'{"a":1}\r',
        b'{"a":1,}',
    ),
    *(rb'{"a":"\u0041"}', rb'{"a":"\u00E9"}', rb'{"a":"\u00e9"}', '{"a":"é"}'.encode(), b'{"a":"\xe9"}'),
    *(rb'{"a":"\ud800"}', rb'{"a":"\ud83d\ude00"}', rb'{"a":"\/"}', b'{"a":"\x7f"}', rb'{"a":"\u007f"}'),
    *(rb'{"a":"\\\u00e9\""}', rb'{"\u00e9\\":"\u007f\\"}', b'{"a":["b"]}', b'{"a":["b",1]}', b'{"a":[]}'),
    *(b'{"a":' + b"[" * 50 + b"]" * 50 + b"}", LINE, LINE.replace(b'"7"', b'""'), LINE.replace(b'"7"', b"0")),
    *(LINE.replace(b'"severity":3', b'"severity":true'), LINE.replace(b'"severity":3', b'"severity":11')),
    *(
        LINE.replace(b',"severity":3', b""),
        LINE.replace(b',"source":"acme"', b""),
        LINE.replace(b"00:00:", b"00:60:"),
    ),
    *(LINE.replace(b"06-01", b"02-30"), LINE.replace(b"00.000Z", b"60.000Z"), LINE.replace(b".000Z", b"Z")),
    *(LINE.replace(b'"1001"', b"1001"), LINE.replace(b'"2025-06-01T00:00:00.000Z"', b"null")),
    *(LINE.replace(b'"a, b"', value) for value in (b"1e16", b"1.5", b"[1]", b'{"a":1}', b'["x"]', b"9" * 20)),
    *(LINE.replace(b'"eventType":"authentication",', b""), LINE.replace(b"a, b", b"\x7f")),
    *(
        LINE.replace(b"a, b", "é".encode()),
        LINE.replace(b"a, b", rb"\u00e9\u007f"),
        LINE.replace(b", ", b" , "),
    ),
)
"""Lines, and parts of lines that become records only together with their neighbours."""

lines = st.one_of(
    st.sampled_from(PIECES),
    st.just(LINE),
    events.map(lambda event: event.line),
    fields.map(lambda made: json.dumps(made, default=str).encode()),
    fields.map(
        lambda made: json.dumps(made, default=str, ensure_ascii=False).encode("utf-8", "surrogatepass")
    ),
    st.binary(max_size=8).filter(lambda octets: b"\n" not in octets),
)


def one_by_one(text: bytes) -> tuple[list[Event], list[tuple[str, str, bytes]]]:
    """What the careful path makes of each line, and what it rejects."""
    made, rejects, offset = [], [], 0
    for number, raw in enumerate(text.split(b"\n"), 1):
        if raw and not raw.isspace():
            try:
                record = parse(raw)
                name = "" if has_id(record) else name_based_id("acme", str(offset), raw.strip())
                made.append(to_event(record, source="acme", fallback_id=name))
            except ValueError as error:
                rejects.append((f"events.json line {number}", str(error), raw))
        offset += len(raw) + 1
    return made, rejects


def at_once(text: bytes) -> Page:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.json"
        path.write_bytes(text)
        source = FileSource(FileOptions(name="acme", type="file", path=path))
        page = source.pull(None)
        source.close()
        return page


def compare(text: bytes) -> None:
    # The first line decides whether the file is read as lines at all.
    text = LINE + b"\n" + text
    page, (made, rejects) = at_once(text), one_by_one(text)
    assert isinstance(page.events, EventPage)
    assert list(page.events.lines) == [event.line for event in made]
    assert [(one.where, one.reason, one.raw) for one in page.rejects] == rejects
    assert page.events.kinds == EventPage.of(made).kinds
    assert (page.events.oldest, page.events.newest) == (EventPage.of(made).oldest, EventPage.of(made).newest)
    for shown, event in zip(page.events, made, strict=True):
        assert kind_of(shown) == kind_of(event)
        assert {name: shown.text(name) for name in shown.fields} == {
            name: event.text(name) for name in event.fields
        }


@settings(max_examples=400)
@given(st.lists(lines, max_size=7))
def test_a_page_gives_what_its_lines_give_one_by_one(some: list[bytes]) -> None:
    compare(b"\n".join(some))


@settings(max_examples=400)
@given(
    st.lists(st.one_of(st.sampled_from(PIECES), events.map(lambda event: event.line)), max_size=6),
    st.randoms(),
)
def test_no_line_merges_with_its_neighbour_wherever_the_lines_are_cut(
    some: list[bytes], choice: random.Random
) -> None:
    """Joined by commas all of it may well be one list of objects; only line feeds tell the records apart."""
    octets = bytearray(b",".join(some))
    for place in [place for place, octet in enumerate(octets) if octet in b","]:
        if choice.random() < 0.4:
            octets[place] = ord("\n")
    compare(bytes(octets))


def check_what_is_read(raws: list[bytes]) -> None:
    for raw, made, line in zip(raws, *flat_records.read(raws), strict=True):
        if made is not None:
            assert (made, line) == (parse(raw), Event.of(parse(raw)).line)


@settings(max_examples=300)
@given(st.lists(lines, max_size=6))
def test_what_is_read_at_once_is_what_stands_there(raws: list[bytes]) -> None:
    check_what_is_read(raws)


@pytest.mark.parametrize("odd", PIECES)
def test_an_odd_record_is_read_as_it_stands_or_left_to_care(odd: bytes) -> None:
    check_what_is_read([LINE, odd, LINE])


@pytest.mark.parametrize("odd", PIECES)
def test_an_odd_line_among_many_is_what_it_is_alone(odd: bytes) -> None:
    compare(b"\n".join([LINE] * 248 + [odd] + [LINE] * 260))
