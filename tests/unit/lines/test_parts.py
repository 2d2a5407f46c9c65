"""What parts a message can have, and what becomes of each, through the compiled writer."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Callable, Sequence

import pytest

from lpforwarder.lines import Reader, Writer, framed
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
    (message,) = Writer(READER, parts, 10_000).write(READER.scan([line.encode("ascii")]), [0], number)
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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (r"a\\b", r"a\\b"),
        (r"\n", r"\n"),
        (r"\"\n\"", r'"\n"'),
        (r"\u00a0\u07ff\u0800\ud7ff\ue000\uffff", "\u00a0\u07ff\u0800\ud7ff\ue000\uffff"),
        (r"\ud800\udc00=\udbff\udfff", "\U00010000(is)\U0010ffff"),
        (r"\u00E9", "\u00e9"),
    ],
)
def test_escapes_that_a_message_has_too_are_kept_and_others_are_spelt_out(text: str, shown: str) -> None:
    part = Labelled(label=b" u=", name="user", most=40, careful=careful, instead=b"(is)", keeps=b"n\\")
    assert written(f'{{"user":"{text}","id":"a"}}', part) == f" u={shown}".encode()


@pytest.mark.parametrize(
    "text",
    [
        *(r"\t", r"\r", r"\/", r"\b", r"\u0000", r"\u0041", r"\u007f", r"\u009f", r"\u2028", r"\u2029"),
        *(r"\ud800", r"\udc00", r"\ud800\ud800", r"\udc00\ud800", r"\ud800x", r"\ud800\n", r" \n", r"\n "),
        *(r"\u00e9" * 7, r"\n" * 21),
    ],
)
def test_what_nobody_should_get_is_looked_at_although_escapes_are_kept(text: str) -> None:
    part = Labelled(label=b" u=", name="user", most=40, careful=lambda _: b" seen", keeps=b"n\\")
    assert written(f'{{"user":"{text}","id":"a"}}', part) == b" seen"


def test_an_event_with_a_field_that_never_stands_beside_this_one_is_left_out() -> None:
    part = Labelled(label=b" u=", name="user", most=40, careful=careful, never_beside="id")
    assert written('{"user":"a"}', part) == written('{"user":"a","id":""}', part) == b" u=a"
    assert written('{"user":"","id":"b"}', Text(b"x"), part) == b"x"
    assert written('{"user":"a","id":"b"}', Text(b"x"), part) == b""


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
    address = Address(label=b" src=", label6=b" six=", name="user", most=99, careful=careful, instead=b":")
    assert written(f'{{"user":"{text}"}}', address) == f" careful={text!r}".encode()
    for usual in ("0.0.0.0", "10.20.30.40", "255.255.255.255", "198.51.100.9"):
        assert written(f'{{"user":"{usual}"}}', address) == f" src={usual}".encode()
    assert written('{"user":1}', address) == b" careful='1'"
    assert written('{"user":""}', address) == b""


SIX = Address(label=b" src=", label6=b" six=", name="user", most=99, careful=careful)


@pytest.mark.parametrize(
    "text",
    [
        *("2001:db8::1", "1::1", "a:b:c:d:e:f:1:2", "1:2:3::4:5:6", "fe80::ffff", "64:ff9b::c633:6409"),
        *("1:2:3:4:5::6", "1::2:3:4:5:6", "abcd:ef01:2345:6789:abcd:ef01:2345:6789"),
    ],
)
def test_an_ipv6_address_stands_behind_a_label_of_its_own(text: str) -> None:
    assert str(ipaddress.ip_address(text)) == text
    assert written(f'{{"user":"{text}"}}', SIX) == f" six={text}".encode()


@pytest.mark.parametrize(
    "text",
    [
        *("::", "::1", "1::", "2001:DB8::1", "2001:0db8::1", "1:2:3:4:5:6:7:0", "1::0:2", "1:::2", "1::2::3"),
        *("1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6::7", "1:2:3:4:5:6:7::8", "12345::1", "g::1"),
        *(
            "1::2:",
            ":1::2",
            "1::2%eth0",
            "::ffff:1.2.3.4",
            "1::1.2.3.4",
            "1::2/64",
            "[1::2]",
            "1",
            "1:",
            "abcd",
        ),
        *("1:2:3:4:5:6:7:8:", "0::1", "1::=2"),
    ],
)
def test_an_ipv6_address_in_any_other_form_is_looked_at(text: str) -> None:
    assert written(f'{{"user":"{text}"}}', SIX) == f" careful={text!r}".encode()


def test_whatever_is_taken_for_an_address_is_one_and_in_the_only_form_it_has() -> None:
    chance, taken = random.Random(6), 0
    for _ in range(20_000):
        text = "".join(chance.choices("0123af:::::::..", k=chance.randint(2, 14)))
        shown = written(f'{{"user":"{text}"}}', SIX)
        if not shown.startswith(b" careful="):
            taken += 1
            assert str(ipaddress.ip_address(text)) == text
            assert shown == f" {'six' if ':' in text else 'src'}={text}".encode()
    assert taken > 100


def test_a_text_that_is_looked_at_is_remembered_and_no_other_is_taken_for_it() -> None:
    asked: list[str] = []

    def look(text: str) -> bytes:
        asked.append(text)
        return f"<{text}>".encode()

    writer = Writer(READER, [Labelled(label=b"", name="user", most=0, careful=look)], 1000)
    texts = ['"a"', '"b"', '"a"', "1", '"1"', "1", '"1"', f'"{"x" * 257}"', f'"{"x" * 257}"']
    scan = READER.scan([f'{{"user":{text}}}'.encode() for text in texts])
    made = writer.write(scan, list(range(len(texts))))
    assert made == [b"<%b>" % text.strip('"').encode() for text in texts]
    assert asked == ["a", "b", "1", "1", "1", "x" * 257, "x" * 257]
    many = READER.scan([f'{{"user":"{number}"}}'.encode() for number in (*range(600), *range(600))])
    assert writer.write(many, list(range(1200))) == [
        b"<%d>" % number for number in (*range(600), *range(600))
    ]


def test_a_message_that_is_too_long_is_left_out() -> None:
    scan = READER.scan([b'{"id":"a"}', b'{"id":"ab"}', b'{"id":"a"}'])
    assert Writer(READER, [Line()], 10).write(scan, [0, 1, 2]) == [b'{"id":"a"}', b"", b'{"id":"a"}']


def test_messages_are_framed_by_their_lengths_and_empty_ones_have_no_frame() -> None:
    messages = [b"", b"a", b"x" * 9, b"x" * 10, b"x" * 12345, b"", b"\xc3\xa9"]
    plain = b"".join(b"%d %b" % (len(message), message) for message in messages if message)
    assert framed(messages) == plain
    assert framed([]) == framed([b""]) == b""
    with pytest.raises(TypeError):
        framed(["text"])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        framed([None])  # type: ignore[list-item]


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
    writer = Writer(READER, [Made(kind, 0), Made(kind, 1)], 99)
    usual, nobody, text = '{"user":"a","severity":1}', '{"user":"nobody"}', '{"user":"a","severity":"1"}'
    lines = [usual, nobody, usual, text, usual]
    made = writer.write(READER.scan([line.encode() for line in lines]), [0, 1, 2, 3, 4])
    assert made == [b"('a', 1)-", b"", b"('a', 1)-", b"('a', '1')-", b"('a', 1)-"]
    assert asked == [("a", 1), ("nobody", None), ("a", "1"), ("a", 1)]


def test_values_of_a_kind_that_only_look_alike_stay_apart() -> None:
    kind = kind_of(lambda values: [repr(values).encode()], "user", "mfa")
    writer = Writer(READER, [Made(kind)], 99)
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
        Writer(READER, [Number()] * 65, 99)
    with pytest.raises(ValueError, match="not in"):
        Writer(READER, [Timestamp("door")], 99)
    with pytest.raises(ValueError, match="not a part"):
        Writer(READER, [b"text"], 99)  # type: ignore[list-item]
    with pytest.raises(ValueError, match="another reader"):
        Writer(READER, [], 99).write(Reader(("id",)).scan([]), [])
    with pytest.raises(IndexError):
        Writer(READER, [], 99).write(READER.scan([]), [0])
