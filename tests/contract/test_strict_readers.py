"""The strict readers of tests/fakes against the standards' own examples: a judge must be judged first."""

from __future__ import annotations

import pytest

from tests.fakes import strict_cef, strict_framing, strict_rfc5424
from tests.fakes.strict_cef import NotCef
from tests.fakes.strict_framing import NotFramed
from tests.fakes.strict_rfc5424 import BOM, NotRfc5424

EXAMPLE_ID = ("exampleSDID@32473", (("iut", "3"), ("eventSource", "Application"), ("eventID", "1011")))
EXAMPLE_PRIORITY = ("examplePriority@32473", (("class", "high"),))
EVENTLOG = b"<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 "
SD = b'[exampleSDID@32473 iut="3" eventSource="Application" eventID="1011"]'


def test_the_first_example_of_rfc_5424_is_read() -> None:
    text = b"'su root' failed for lonvick on /dev/pts/8"
    header = b"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - "
    read = strict_rfc5424.read(header + BOM + text)
    assert (read.facility, read.severity, read.timestamp) == (4, 2, "2003-10-11T22:14:15.003Z")
    assert (read.hostname, read.app_name, read.procid, read.msgid) == (
        "mymachine.example.com",
        "su",
        "-",
        "ID47",
    )
    assert (read.elements, read.has_bom, read.msg) == ((), True, text)


def test_the_second_example_of_rfc_5424_is_read() -> None:
    text = b"%% It's time to make the do-nuts."
    read = strict_rfc5424.read(b"<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - " + text)
    assert (read.facility, read.severity, read.timestamp) == (20, 5, "2003-08-24T05:14:15.000003-07:00")
    assert (read.hostname, read.app_name, read.procid, read.msgid) == ("192.0.2.1", "myproc", "8710", "-")
    assert (read.has_bom, read.msg) == (False, text)


def test_the_examples_of_rfc_5424_with_structured_data_are_read() -> None:
    read = strict_rfc5424.read(EVENTLOG + SD + b" " + BOM + b"An application event log entry...")
    assert read.elements == (EXAMPLE_ID,)
    assert read.msg == b"An application event log entry..."
    read = strict_rfc5424.read(EVENTLOG + SD + b'[examplePriority@32473 class="high"]')
    assert read.elements == (EXAMPLE_ID, EXAMPLE_PRIORITY)
    assert read.msg == b""
    assert strict_rfc5424.read(EVENTLOG + b"[a@1] [b@1]").msg == b"[b@1]"
    escaped = strict_rfc5424.read(EVENTLOG + rb'[a@1 x="q\"b\\s\]z\] y"] m').elements
    assert escaped == (("a@1", (("x", 'q"b\\s]z] y'),)),)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"<192>1 - - - - - -",
        b"<06>1 - - - - - -",
        b"<>1 - - - - - -",
        b"1 - - - - - -",
        b"<6>2 - - - - - -",
        b"<6>1 - - - - -",
        b"<6>1 -  - - - - -",
        b"<6>1 - - - - - - -"[:-2] + b"x",
        b"<6>1 2003-08-24T05:14:15.000000003-07:00 - - - - -",
        b"<6>1 2003-08-24t05:14:15z - - - - -",
        b"<6>1 2003-08-24T05:14:60Z - - - - -",
        b"<6>1 2003-02-29T05:14:15Z - - - - -",
        b"<6>1 2003-08-24T05:14:15 - - - - -",
        b"<6>1 - " + b"h" * 256 + b" - - - -",
        b"<6>1 - - " + b"a" * 49 + b" - - -",
        b"<6>1 - - - - " + b"m" * 33 + b" -",
        b"<6>1 - h\x00 - - - -",
        b"<6>1 - - - - - [a@1 b=c]",
        b'<6>1 - - - - - [a@1 b="]"]',
        b'<6>1 - - - - - [a@1 b="c"',
        b"<6>1 - - - - - [a@1][a@1]",
        b"<6>1 - - - - - []",
        b"<6>1 - - - - - -x",
    ],
)
def test_what_breaks_the_grammar_of_rfc_5424_is_refused(octets: bytes) -> None:
    with pytest.raises(NotRfc5424):
        strict_rfc5424.read(octets)


def test_the_shortest_message_is_read() -> None:
    assert strict_rfc5424.read(b"<0>1 - - - - - -").msg == b""


def test_the_escaping_examples_of_the_cef_standard_are_read() -> None:
    header = rb"CEF:0|security|threatmanager|1.0|100|detected a \| in message|10|"
    read = strict_cef.read(header + b"src=10.0.0.1 act=blocked a | outcome=x")
    assert read.name == "detected a | in message"
    assert read.extension == {"src": "10.0.0.1", "act": "blocked a |", "outcome": "x"}
    assert strict_cef.read(rb"CEF:0|a|b|1|100|detected a \\ in packet|10|act=blocked a \\").extension == {
        "act": "blocked a \\"
    }
    assert strict_cef.read(rb"CEF:0|a|b|1|100|detected a = in message|10|act=blocked a \=").extension == {
        "act": "blocked a ="
    }
    read = strict_cef.read(rb"CEF:0|a|b|1|100|c|10|msg=Detected a threat.\n No action needed suser=x")
    assert read.extension == {"msg": "Detected a threat.\n No action needed", "suser": "x"}


@pytest.mark.parametrize(
    "extension",
    [
        b"act=a\\|b",
        b"act=a\\tb",
        b"act=a\nb",
        b"act=a\tb",
        b"act=\xff",
        b"act= outcome=x",
        b"act=x  outcome=y",
        b"act=x ",
        b" act=x",
        b"act=x act=y",
        b"act=a b=c=d",
        b"eventId=7",
        b"custom=7",
        b"src=::1",
        b"src=unknown",
        b"c6a2Label=x c6a2=192.0.2.1",
        b"cs1=x",
        b"cs1Label=x",
        b"cs1Label=x cs1=a cs2Label=x cs2=b",
        b"rt=2026-03-04T05:06:07.089Z",
        b"rt=-1",
        b"act=" + b"x" * 64,
        b"no key at all",
    ],
)
def test_what_strict_cef_receivers_refuse_is_refused(extension: bytes) -> None:
    assert strict_cef.read(b"CEF:0|a|b|1|100|c|10|").extension == {}
    with pytest.raises(NotCef):
        strict_cef.read(b"CEF:0|a|b|1|100|c|10|" + extension)


@pytest.mark.parametrize(
    "octets",
    [
        b"CEF:1|a|b|1|100|c|10|",
        b"CEF:0|a|b|1|100|c|10",
        b"CEF:0|a|b|1|100|c|11|",
        b"CEF:0|a|b|1||c|3|",
        b"CEF:0|a|b\\=|1|1|c|3|",
        b"\xef\xbb\xbfCEF:0|a|b|1|100|c|10|",
    ],
)
def test_a_broken_cef_header_is_refused(octets: bytes) -> None:
    with pytest.raises(NotCef):
        strict_cef.read(octets)


@pytest.mark.parametrize("stream", [b"x", b"3 ab", b"01 a", b"2 ab\n", b"0 ", b" a"])
def test_broken_octet_counting_is_refused(stream: bytes) -> None:
    with pytest.raises(NotFramed):
        strict_framing.read_octet_counted(stream)


def test_a_last_line_without_its_end_is_refused() -> None:
    with pytest.raises(NotFramed):
        strict_framing.read_newline(b"a\nb")
