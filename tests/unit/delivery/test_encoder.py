"""Entry → message: filter, format, envelope, and what becomes of messages that are too long."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lpforwarder.delivery.contract import Formatter
from lpforwarder.delivery.encoder import LAST_NUMBER, Encoder, amounts
from lpforwarder.delivery.envelopes.rfc5424 import Rfc5424, Rfc5424Options
from lpforwarder.delivery.filters import wanted
from lpforwarder.delivery.formats.cef import CefFormat, CefOptions
from lpforwarder.delivery.formats.json import JsonFormat, JsonOptions
from lpforwarder.errors import Denied
from lpforwarder.event import Event, Poison
from tests.fakes import strict_cef, strict_rfc5424
from tests.fakes.hostile_events import entry_of

JSON, CEF = JsonFormat(JsonOptions()), CefFormat(CefOptions())
ENVELOPE = Rfc5424(Rfc5424Options(hostname="fwd1.example.net", procid="4711"))
USUAL: dict[str, Any] = {
    "id": "f511d4ed-0fcc-4676-bb73-5fa17555512e",
    "timestamp": "2022-12-14T17:33:43.369Z",
    "eventId": "4001",
    "eventType": "itemchange",
    "sourceIp": "39.1.231.14",
    "sourceUser": "user2@example.org",
    "targetUser": "user3@example.org",
    "source": "acme",
    "severity": 4,
}


def encoder(formatter: Formatter = JSON, max_message: int = 8096, **keys: Any) -> Encoder:
    return Encoder(wanted(None, (), ("logout",), 0), formatter, ENVELOPE, max_message, **keys)


def encode(fields: dict[str, Any], formatter: Formatter = JSON, max_message: int = 8096) -> bytes:
    message = encoder(formatter, max_message).encode(entry_of(Event.of(fields)))
    assert isinstance(message, bytes)
    return message


def test_a_message_is_the_payload_of_the_format_in_the_envelope() -> None:
    event = Event.of(USUAL)
    assert encode(USUAL) == ENVELOPE.wrap(event, event.line, 1)


def test_an_unwanted_event_has_no_message() -> None:
    some = encoder()
    assert some.encode(entry_of(Event.of({"eventType": "logout", "message": "x" * 9000}))) is None
    assert some.shortened == 0


@pytest.mark.parametrize("formatter", [JSON, CEF])
def test_a_message_of_exactly_the_limit_is_left_alone(formatter: Formatter) -> None:
    whole = encode(USUAL, formatter)
    some = encoder(formatter, len(whole))
    assert some.encode(entry_of(Event.of(USUAL))) == whole
    assert some.shortened == 0
    assert some.encode(entry_of(Event.of({**USUAL, "itemName": "x"}))) != whole
    assert some.shortened == 1


def test_a_long_text_is_shortened_by_no_more_than_needed() -> None:
    message = encode({**USUAL, "message": "x" * 9000, "itemName": "Payroll"})
    assert len(message) == 8096
    event = json.loads(strict_rfc5424.read(message).msg)
    text = event.pop("message")
    assert event == {**USUAL, "itemName": "Payroll", "truncated": True}
    assert set(text) == {"x"}


def test_the_limit_counts_octets_of_the_whole_message() -> None:
    message = encode({**USUAL, "itemName": "😀" * 3000}, CEF, 2048)
    assert 2044 <= len(message) <= 2048
    item = strict_cef.read(strict_rfc5424.read(message).msg).extension["fname"]
    assert set(item) == {"😀"}


def test_half_a_surrogate_pair_is_never_sent() -> None:
    event = json.loads(strict_rfc5424.read(encode({**USUAL, "message": "x" + "😀" * 2000})).msg)
    assert event["message"] == "x" + "😀" * (len(event["message"]) - 1)


HOSTILE: dict[str, dict[str, Any]] = {
    "a huge message": {"message": "\x1b" * 100_000},
    "a huge id": {"id": "i" * 100_000},
    "huge users": {"sourceUser": "é" * 100_000, "targetUser": "=" * 100_000},
    "a huge kind": {"eventId": "|" * 100_000, "eventType": "\\" * 100_000},
    "a huge key": {"k" * 100_000: 1},
    "many keys": {f"key {number} " + "k" * 100: "v" * 100 for number in range(1000)},
    "many users": {"targetUsers": ["user@example.org"] * 10_000},
    "a deep value": {"extra": [[[["x" * 50_000]]]], "other": {"a": {"b": "y" * 50_000}}},
    "long numbers": {f"n{number}": 10**299 for number in range(100)},
    "all at once": dict.fromkeys(
        (*USUAL, "message", "itemName", "vendorData", "reason"), "\u2028=\\|" * 5000
    ),
}


@pytest.mark.parametrize("max_message", [480, 2048, 8096])
@pytest.mark.parametrize("formatter", [JSON, CEF])
@pytest.mark.parametrize("extra", HOSTILE.values(), ids=HOSTILE)
def test_every_event_fits_in_the_end(extra: dict[str, Any], formatter: Formatter, max_message: int) -> None:
    message = encode({**USUAL, **extra}, formatter, max_message)
    assert len(message) <= max_message
    read = strict_rfc5424.read(message)
    if formatter is JSON:
        event = json.loads(read.msg)
        assert event["truncated"] is True
        assert all(event[name] == USUAL[name] for name in ("id", "timestamp") if name not in extra)
    else:
        assert strict_cef.read(read.msg).class_id


def test_hostile_extra_fields_cost_the_usual_ones_nothing() -> None:
    for name in ("a huge key", "many keys", "a deep value", "long numbers"):
        event = json.loads(strict_rfc5424.read(encode({**USUAL, "message": "m", **HOSTILE[name]})).msg)
        assert {name: event[name] for name in USUAL} == USUAL
        assert event["message"] == "m"


@pytest.mark.parametrize("formatter", [JSON, CEF])
def test_even_hostile_identities_leave_the_time_and_the_kind(formatter: Formatter) -> None:
    fields = {**USUAL, "id": "i" * 100_000, "sourceUser": "u" * 100_000, "message": "m" * 100_000}
    read = strict_rfc5424.read(encode(fields, formatter, 480))
    assert (read.timestamp, read.msgid) == (USUAL["timestamp"], "itemchange")


def test_one_counter_tells_how_many_events_were_shortened() -> None:
    some = encoder(max_message=480)
    for text in ("short", "x" * 1000, "y" * 1000):
        some.encode(entry_of(Event.of({"message": text})))
    assert some.shortened == 2


# ---- numbers ---------------------------------------------------------------------------------------------


def numbers(some: Encoder, *events: dict[str, Any]) -> list[str]:
    """The sequenceId of each message; `-` for a message without one."""
    encoded = [some.encode(entry_of(Event.of(fields))) for fields in events]
    read = [strict_rfc5424.read(message).elements for message in encoded if isinstance(message, bytes)]
    return [elements[0][1][0][1] if elements else "-" for elements in read]


def test_messages_are_numbered_from_one_without_a_hole() -> None:
    assert numbers(encoder(), *[USUAL] * 3) == ["1", "2", "3"]
    element = strict_rfc5424.read(encode(USUAL)).elements
    assert element == (("meta", (("sequenceId", "1"),)),)


def test_an_unwanted_event_takes_no_number() -> None:
    assert numbers(encoder(), USUAL, {"eventType": "logout"}, USUAL) == ["1", "2"]


def test_a_shortened_message_takes_one_number() -> None:
    assert numbers(encoder(max_message=480), USUAL, {**USUAL, "message": "x" * 5000}, USUAL) == [
        "1",
        "2",
        "3",
    ]


def test_behind_the_last_number_comes_one() -> None:
    some = encoder(first_number=LAST_NUMBER - 1)
    assert numbers(some, *[USUAL] * 4) == ["2147483646", "2147483647", "1", "2"]


def test_a_collector_that_wants_no_numbers_gets_nil() -> None:
    assert numbers(encoder(numbered=False), USUAL, USUAL) == ["-", "-"]


@pytest.mark.parametrize("limit", range(480, 500))
def test_a_long_number_counts_for_the_limit_too(limit: int) -> None:
    some = encoder(max_message=limit, first_number=LAST_NUMBER)
    message = some.encode(entry_of(Event.of({**USUAL, "message": "x" * 5000})))
    assert isinstance(message, bytes)
    assert len(message) == limit
    assert b'[meta sequenceId="2147483647"] ' in message


# ---- poison ----------------------------------------------------------------------------------------------


class Choosy:
    """A format of somebody else's that fails for some events; it quotes them in its complaints."""

    def format(self, event: Event) -> bytes:
        text = event.text("message")
        if text == "no octets":
            return text  # type: ignore[return-value]
        if text == "no memory":
            raise MemoryError
        if text != "good":
            raise ValueError(f"cannot write {text!r}")
        return text.encode()


def poison_of(fields: dict[str, Any], some: Encoder) -> Poison:
    made = some.encode(entry_of(Event.of(fields)))
    assert isinstance(made, Poison)
    return made


def test_an_event_that_the_format_cannot_write_is_poison_with_type_and_place() -> None:
    made = poison_of({"message": "marker@example.org"}, encoder(Choosy()))
    assert (made.code, made.message) == ("LPF603", b"")
    assert made.reason.startswith(
        "cannot be written by the format or envelope: ValueError in format, test_encoder.py line "
    )
    assert "marker" not in made.reason
    assert made.detail == "ValueError: cannot write 'marker@example.org'"


def test_a_format_that_gives_no_octets_is_poison_too() -> None:
    assert poison_of({"message": "no octets"}, encoder(Choosy())).code == "LPF603"


def test_a_machine_without_memory_is_no_fault_of_the_event() -> None:
    with pytest.raises(MemoryError):
        encoder(Choosy()).encode(entry_of(Event.of({"message": "no memory"})))


def test_poison_takes_no_number() -> None:
    some = encoder(Choosy())
    made = [some.encode(entry_of(Event.of({"message": text}))) for text in ("good", "bad", "good")]
    assert [isinstance(message, bytes) for message in made] == [True, False, True]
    assert b'[meta sequenceId="2"] good' in made[2]  # type: ignore[operator]


def test_what_is_too_big_after_shortening_is_poison_with_both_sizes() -> None:
    crowded = CefFormat(CefOptions(vendor="v" * 63, product="p" * 63))
    wide = Rfc5424(Rfc5424Options(hostname="h" * 255, app_name="a" * 48, procid="1" * 100))
    some = Encoder(wanted(None, (), (), 0), crowded, wide, 480)
    made = poison_of({**USUAL, "message": "x" * 70_500}, some)
    assert (made.code, made.reason) == ("LPF601", "has 1,882 octets; limit is 480 octets")
    assert 480 < len(made.message) < 1000
    assert made.entry.event.text("message") == "x" * 70_500


@pytest.mark.parametrize(
    ("octets", "limit", "said"),
    [
        (71_234, 64_000, ("71 kB", "64 kB")),
        (512, 480, ("512 octets", "480 octets")),
        (64_100, 64_000, ("64,100 octets", "64,000 octets")),
    ],
)
def test_sizes_are_told_as_people_say_them(octets: int, limit: int, said: tuple[str, str]) -> None:
    assert amounts(octets, limit) == said


def test_a_message_can_be_made_again_under_its_number() -> None:
    some = encoder()
    first = some.encode(entry_of(Event.of(USUAL)))
    some.encode(entry_of(Event.of(USUAL)))
    assert some.again(entry_of(Event.of(USUAL)), 1) == first
    assert some.number == 3


def test_a_message_that_cannot_be_made_again_is_empty() -> None:
    assert encoder(Choosy()).again(entry_of(Event.of({"message": "bad"})), 1) == b""


def test_what_is_to_be_concealed_is_so_before_the_format_sees_it() -> None:
    some = encoder(conceal=lambda event: Event.of({**event.fields, "sourceUser": "***"}))
    message = some.encode(entry_of(Event.of(USUAL)))
    assert isinstance(message, bytes)
    assert b'"sourceUser":"***"' in message


def test_a_key_that_cannot_be_read_is_no_fault_of_the_event() -> None:
    def conceal(event: Event) -> Event:
        raise Denied("key.secret can be read by everyone here", code="LPF110")

    with pytest.raises(Denied):
        encoder(conceal=conceal).encode(entry_of(Event.of(USUAL)))
