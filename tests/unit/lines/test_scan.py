"""Which lines are read, which are written as we write them, and that none is read beyond its end."""

from __future__ import annotations

import random

import pytest

from lpforwarder import event
from lpforwarder.event import Event
from lpforwarder.lines import Key, Reader, lines_of
from lpforwarder.lines.parts import Kind, Known

FIELDS = ("id", "timestamp", "user", "severity", "mfa")
TIME = '"timestamp":"2022-12-14T17:33:43.369Z"'
READER = Reader(FIELDS)


def values(line: str | bytes, reader: Reader = READER) -> tuple[Known, ...] | None:
    """What was read of it."""
    octets = line if isinstance(line, bytes) else line.encode("ascii")
    kind = Kind(names=reader.names, make=lambda found: found, most=10)
    return reader.scan([octets]).judged(Key(reader, kind))[0]


def test_texts_whole_numbers_and_truths_are_read_in_any_order() -> None:
    line = r'{"mfa":false,"severity":10,"id":"a\"b\\c\u00e9\ud83d\ude00","user":"","timestamp":"t"}'
    assert values(line) == ('a"b\\cé😀', "t", "", 10, False)
    assert values("{}") is None
    assert values('{"id":"a"}') == ("a", None, None, None, None)


@pytest.mark.parametrize(
    "line",
    [
        *('{"id":null}', '{"id":1.0}', '{"id":-1}', '{"id":01}', '{"id":1234567890123456789}', '{"id":[]}'),
        *(
            '{"id":tru}',
            '{"id":truE}',
            '{"id":falsey}',
            '{"id":}',
            '{"id":"a"',
            '{"id":"a',
            '{"id"',
            '{"id":',
        ),
        *('{"id":"a"}}', '{"id":"a"} ', ' {"id":"a"}', '{"id": "a"}', '{"id":"a",}', '{"id":"a" "user":"b"}'),
        *('{"id":"a","id":"a"}', '{"other":"a"}', '{"i":"a"}', '{"idd":"a"}', r'{"\u0069d":"a"}'),
        *("[]", '"id"', "{id}", '{"id","a"}', "{1:2}", '{"id":"a",,"mfa":true}', '{,"id":"a"}'),
        *('{"id":"a\\', '{"id":"\\"', '{"id":"\\u00', '{"id":"\\ud83d\\', '{"id":t', '{"id":tr', '{"id":1'),
        *(r'{"id":"\q"}', r'{"id":"\u12g4"}', r'{"id":"\u123"}', r'{"id":"\u 123"}', r'{"id":"\U1234"}'),
        *("", "{", "}", '{"', '{"id":"a"},{"id":"b"}'),
        *(
            b'{"id":"\xc3\xa9"}',
            b'{"id":"\x7f"}',
            b'{"id":"\t"}',
            b'{"id":"\x00"}',
            b'{"id":"a"}\x00',
            b"\x00",
        ),
    ],
)
def test_everything_else_is_not_read(line: str | bytes) -> None:
    assert values(line) is None


def test_other_fields_are_passed_over_where_they_do_not_matter() -> None:
    reader = Reader(FIELDS, skips=True)
    odd = r'{"a":[{"id":"x"},"]\"}",1.5e3],"b":null,"id":"y","c":"\\","d":{}}'
    assert values(odd, reader) == ("y", None, None, None, None)
    for broken in ('{"a":[}', '{"a":"', '{"a":"\\', '{"a":[1,2', '{"a":{"b":', '{"a":'):
        assert values(broken, reader) is None
    assert values('{"id":null}', reader) is None


@pytest.mark.parametrize("octet", [b'"', b"\\", b"\x1f", b"\x7f", b"\x80", b"\xff", b"\x00", b"\n"])
def test_an_octet_that_is_not_usual_is_seen_wherever_it_stands(octet: bytes) -> None:
    for length in range(30):
        for at in range(length):
            text = b"a" * at + octet + b"~ !z"[at % 4 :][:1] * (length - at)
            assert values(b'{"id":"%b"}' % text) is None
            assert values(b'{"id":"%b' % text) is None
    assert values(b'{"id":"%b"}' % (b" ~" * 20)) == (" ~" * 20, None, None, None, None)


@pytest.mark.parametrize("length", range(20))
def test_a_text_of_any_length_is_read_to_its_end(length: int) -> None:
    text = "x" * length
    assert values(f'{{"id":"{text}"}}') == (text, None, None, None, None)
    assert values(rf'{{"id":"{text}\"{text}"}}') == (f'{text}"{text}', None, None, None, None)
    assert values(rf'{{"id":"{text}\n{text}"}}') == (f"{text}\n{text}", None, None, None, None)
    assert values(f'{{"id":"{text}') is None


def test_half_a_pair_is_given_as_json_gives_it() -> None:
    assert values(r'{"id":"\ud83d"}') == ("\ud83d", None, None, None, None)
    assert values(r'{"id":"a\ude00b","user":"\/"}') == ("a\ude00b", None, "/", None, None)


def test_a_key_finds_what_was_made_for_its_reader_alone() -> None:
    asked: list[tuple[Known, ...]] = []

    def make(found: tuple[Known, ...]) -> str:
        asked.append(found)
        return repr(found)

    key = Key(READER, Kind(names=("id",), make=make, most=1000))
    lines = [b'{"id":"%d"}' % (number % 300) for number in range(900)]
    assert READER.scan(lines).judged(key) == [f"('{number % 300}',)" for number in range(900)]
    assert len(asked) == 300
    with pytest.raises(ValueError, match="another reader"):
        Reader(FIELDS).scan(lines).judged(key)
    empty = Key(READER, Kind(names=(), make=lambda _: "made", most=1))
    assert READER.scan(lines[:2]).judged(empty) == ["made", "made"]


def test_no_lines_and_too_many_fields() -> None:
    assert len(READER.scan([])) == 0
    for names in ((), ("a", "a"), [f"f{number}" for number in range(49)]):
        with pytest.raises(ValueError, match="names"):
            Reader(names)
    with pytest.raises(TypeError):
        READER.scan(["text"])  # type: ignore[list-item]


@pytest.mark.parametrize("marked", [b"==", b'"', b"\\", b" ", b"\n", b"\x80"])
def test_not_every_octet_can_be_marked(marked: bytes) -> None:
    with pytest.raises(ValueError, match="marked"):
        Reader(FIELDS, marked=marked)


def test_lines_are_flawless_when_each_reader_makes_the_same_of_them_and_we_no_other_line() -> None:
    good = [f'{{"id":"a",{TIME}}}', rf'{{"id":"\"\\\n\r\t\b\f\u0001\u007f\u00e9\uffff\ud83d\ude00",{TIME}}}']
    ids = (r"\/", r"\u00E9", r"\u0041", r"\u000a", r"\ud83d", r"\ude00", r"\u00", r"\q", "", r"\ud83d\u0041")
    bad = [
        *(f'{{"id":"{text}",{TIME}}}' for text in (*ids, r"\ud83d\ud83d")),
        *(f'{{"id":5,{TIME}}}', f"{{{TIME}}}", '{"id":"a"}', '{"id":"a","timestamp":"2022-12-14T17:33:43Z"}'),
        *(f'{{"id":"a",{TIME},"other":1}}', f'{{"id":"a",{TIME},{TIME}}}'),
    ]
    lines = [line.encode("ascii") for line in [*good, *bad, *good]]
    count = len(lines)
    assert READER.scan(lines).flawless(("id",), "timestamp") == [0, 1, count - 2, count - 1]


def test_the_span_is_that_of_the_places_asked_for() -> None:
    times = ["2022-12-14T17:33:43.369Z", "2021-12-14T17:33:43.369Z", "2022-12-14T17:33:43.370Z"]
    scan = READER.scan([f'{{"timestamp":"{time}"}}'.encode() for time in times])
    assert scan.span("timestamp", [0, 1, 2]) == (times[1], times[2])
    assert scan.span("timestamp", [0]) == (times[0], times[0])
    with pytest.raises(ValueError, match="no place"):
        scan.span("timestamp", [])
    with pytest.raises(IndexError):
        scan.span("timestamp", [3])
    for line in (b'{"id":"a"}', b'{"timestamp":"2022"}', b"no line"):
        with pytest.raises(ValueError, match="no time"):
            READER.scan([line]).span("timestamp", [0])


def test_a_line_that_is_flawless_is_the_line_of_its_event_whatever_was_done_to_it() -> None:
    chance = random.Random(1)
    pieces = [
        *(rb"\u00e9", rb"\u00E9", rb"\/", rb"\\", rb"\n", rb"\u000a", rb"\u007f", b"\x7f", rb"\ud83d\ude00"),
        *(b'"', rb"\"", b" ", b",", b"}", b"{", b"null", b"0", b"01", b"-1", b"\\", b"\xc3\xa9", b"\t", b":"),
        *(rb"\ud83d", b"true", b""),
    ]
    usual = f'{{"id":"f511",{TIME},"user":"ana@example.org","severity":3,"mfa":true}}'.encode()
    flawless = 0
    for _ in range(20_000):
        line = usual
        for _ in range(chance.randint(0, 2)):
            at = chance.randrange(len(line))
            line = line[:at] + chance.choice(pieces) + line[at + chance.randint(0, 3) :]
        if READER.scan([line]).flawless(("id",), "timestamp"):
            flawless += 1
            assert Event.of(event.parse(line)).line == line
    assert flawless > 5_000


def test_lines_are_what_split_would_give() -> None:
    random.seed(5)
    for _ in range(3000):
        blob = bytes(random.choices(b"a\n\r\0", k=random.randrange(12)))
        for most in (-1, 0, 1, 3):
            assert lines_of(blob, most) == blob.split(b"\n", most)
    assert lines_of(b"") == [b""]
