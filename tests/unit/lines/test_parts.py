"""What parts a message can have, and what becomes of each, through the compiled writer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from lpforwarder.lines import Reader, Writer
from lpforwarder.lines.parts import (
    Address,
    Kind,
    Known,
    Labelled,
    Line,
    Made,
    Milliseconds,
    Number,
    Part,
    Text,
    Timestamp,
)

READER = Reader(("id", "timestamp", "user", "severity", "mfa"), marked=b"=")
TIME = '"timestamp":"2022-12-14T17:33:43.369Z"'


def written(line: str, *parts: Part, number: int = 7) -> bytes:
    (message,) = Writer(READER, parts).write(READER.scan([line.encode("ascii")]), [0], number)
    return message


def kind_of(make: Callable[[tuple[Known, ...]], Sequence[bytes]], *names: str) -> Kind[Sequence[bytes]]:
    return Kind(names=names, make=make, most=100)


def careful(text: str) -> bytes:
    return f" careful={text!r}".encode()


def labelled(instead: bytes = b"") -> Labelled:
    return Labelled(label=b" user=", name="user", most=5, careful=careful, instead=instead)


def test_texts_numbers_and_the_line_stand_where_they_are_wanted() -> None:
    line = '{"id":"a"}'
    assert written(line, Text(b"<"), Number(), Text(b"> "), Line()) == b'<7> {"id":"a"}'
    assert written(line, Number(), number=0) == b"0"
    assert written(line, Number(), number=2**31 - 1) == b"2147483647"


def test_a_labelled_text_is_taken_as_it_is_or_looked_at() -> None:
    for text, shown in (
        ("", b""),
        ("anna", b" user=anna"),
        ("an an", b" user=an an"),
        (r"\"a\"", b' user="a"'),
        ("annas.", b" careful='annas.'"),
        (" an", b" careful=' an'"),
        ("an ", b" careful='an '"),
        ("a=b", b" careful='a=b'"),
        (r"a\\b", rb" careful='a\\b'"),
        (r"\u00e9", " careful='é'".encode()),
    ):
        assert written(f'{{"user":"{text}"}}', labelled()) == shown
    assert written('{"id":"a"}', Text(b"x"), labelled()) == b"x"
    assert written('{"user":true}', labelled()) == b" user=true"
    assert written('{"user":123456}', labelled()) == b" careful='123456'"
    assert written('{"user":12}', labelled()) == b" user=12"


@pytest.mark.parametrize("instead", [b"\\=", b":", b"(is)"])
def test_a_marked_octet_is_given_as_what_stands_for_it(instead: bytes) -> None:
    for text, shown in (("=", b"="), ("a=b=", b"a=b="), (r"\"=\"", b'"="'), ("=====", b"=====")):
        line = f'{{"user":"{text}","id":"="}}'
        assert written(line, labelled(instead)) == b" user=" + shown.replace(b"=", instead)
    assert written('{"user":"======"}', labelled(instead)) == b" careful='======'"
    assert written(r'{"user":"=\n"}', labelled(instead)) == rb" careful='=\n'"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "1.2.3",
            "1.2.3.4.5",
            "1.2.3.256",
            "01.2.3.4",
            "1.2.3.00",
            "1..3.4",
            "1.2.3.",
            ".1.2.3",
            "1.2.3.4 ",
        ),
        *("1.2.3.1234", "a.b.c.d", "::1", "1,2,3,4", "1.2.3.4/8", "-1.2.3.4", "1=2.3.4", "1.2.3.4.", "1234"),
    ],
)
def test_what_is_no_address_is_looked_at(text: str) -> None:
    address = Address(label=b" src=", name="user", most=99, careful=careful, instead=b":")
    assert written(f'{{"user":"{text}"}}', address) == f" careful={text!r}".encode()
    for usual in ("0.0.0.0", "10.20.30.40", "255.255.255.255", "198.51.100.9"):
        assert written(f'{{"user":"{usual}"}}', address) == f" src={usual}".encode()
    assert written('{"user":1}', address) == b" careful='1'"
    assert written('{"user":""}', address) == b""


@pytest.mark.parametrize(
    ("time", "milliseconds"),
    [
        ("2022-12-14T17:33:43.369Z", b"1671039223369"),
        ("1970-01-01T00:00:00.000Z", b"0"),
        ("2024-02-29T23:59:59.999Z", b"1709251199999"),
        ("2000-02-29T00:00:00.000Z", b"951782400000"),
        ("9999-12-31T23:59:59.999Z", b"253402300799999"),
    ],
)
def test_a_time_is_written_as_it_is_and_in_milliseconds(time: str, milliseconds: bytes) -> None:
    line = f'{{"timestamp":"{time}"}}'
    assert written(line, Timestamp("timestamp")) == time.encode()
    assert written(line, Milliseconds("timestamp")) == milliseconds


@pytest.mark.parametrize(
    "time",
    [
        *(
            "",
            "2022-12-14",
            "2022-12-14T17:33:43.369",
            "2022-12-14T17:33:43.369z",
            "2022-12-14 17:33:43.369Z",
        ),
        *("2023-02-29T00:00:00.000Z", "2100-02-29T00:00:00.000Z", "2022-04-31T00:00:00.000Z"),
        *("2022-00-10T00:00:00.000Z", "2022-13-10T00:00:00.000Z", "2022-01-00T00:00:00.000Z"),
        *("2022-01-01T24:00:00.000Z", "2022-01-01T00:60:00.000Z", "2022-01-01T00:00:60.000Z"),
        *("1969-12-31T23:59:59.999Z", "202a-01-01T00:00:00.000Z", "2022-01-01T00:00:00.0a0Z"),
        *("2022-01-01T00:00:00.00aZ", "2022-01-01T00:00:00,000Z", "2022-1-011T00:00:00.000Z"),
    ],
)
def test_an_event_without_a_time_in_our_form_is_left_out(time: str) -> None:
    for line in (f'{{"timestamp":"{time}"}}', '{"id":"a"}', '{"timestamp":20221214}'):
        assert written(line, Text(b"x"), Timestamp("timestamp")) == b""
        assert written(line, Text(b"x"), Milliseconds("timestamp")) == b""


def test_a_kind_is_made_once_for_each_set_of_values_and_begins_anew_when_there_are_too_many() -> None:
    asked: list[tuple[Known, ...]] = []

    def make(values: tuple[Known, ...]) -> Sequence[bytes] | None:
        asked.append(values)
        return None if values == ("nobody", None) else [repr(values).encode(), b"-"]

    kind = Kind(names=("user", "severity"), make=make, most=2)
    writer = Writer(READER, [Made(kind, 0), Made(kind, 1)])
    usual, nobody, text = '{"user":"a","severity":1}', '{"user":"nobody"}', '{"user":"a","severity":"1"}'
    lines = [usual, nobody, usual, text, usual]
    made = writer.write(READER.scan([line.encode() for line in lines]), [0, 1, 2, 3, 4])
    assert made == [b"('a', 1)-", b"", b"('a', 1)-", b"('a', '1')-", b"('a', 1)-"]
    assert asked == [("a", 1), ("nobody", None), ("a", "1"), ("a", 1)]


def test_values_of_a_kind_that_only_look_alike_stay_apart() -> None:
    kind = kind_of(lambda values: [repr(values).encode()], "user", "mfa")
    writer = Writer(READER, [Made(kind)])
    lines = ['{"user":true}', '{"user":"true"}', '{"user":""}', '{"mfa":""}', '{"user":1}', '{"user":"#1"}']
    lines.append("{}")
    made = writer.write(READER.scan([line.encode() for line in lines]), list(range(len(lines))))
    assert made == [
        *(
            b"(True, None)",
            b"('true', None)",
            b"('', None)",
            b"(None, '')",
            b"(1, None)",
            b"('#1', None)",
            b"",
        ),
    ]


def test_values_too_long_to_be_remembered_are_left_out() -> None:
    kind = kind_of(lambda _: [b"x"], "user")
    assert written(f'{{"user":"{"a" * 4000}"}}', Made(kind)) == b"x"
    assert written(f'{{"user":"{"a" * 5000}"}}', Made(kind)) == b""


def test_whoever_raises_is_heard() -> None:
    def fail(_: object) -> bytes:
        raise LookupError("no")

    with pytest.raises(LookupError):
        written('{"user":"a=b"}', Labelled(label=b"", name="user", most=9, careful=fail))
    for make, error in ((fail, LookupError), (lambda _: ["text"], TypeError), (lambda _: [], IndexError)):
        with pytest.raises(error):
            written('{"user":"a"}', Made(Kind(names=("user",), make=make, most=1)))  # type: ignore[arg-type]


def test_what_cannot_be_written_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="parts at most"):
        Writer(READER, [Number()] * 65)
    with pytest.raises(ValueError, match="not in"):
        Writer(READER, [Timestamp("door")])
    with pytest.raises(ValueError, match="not a part"):
        Writer(READER, [b"text"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="another reader"):
        Writer(READER, []).write(Reader(("id",)).scan([]), [])
    with pytest.raises(IndexError):
        Writer(READER, []).write(READER.scan([]), [0])
