"""Event, Entry, Seq, Reject: what every stage speaks.

An event is an ordered mapping of canonical names to JSON values, and the one line of JSON that says the
same. The line is what the journal keeps and what the JSON format sends, so it is made once.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count as counting
from itertools import repeat
from json.encoder import encode_basestring_ascii
from typing import Any, NewType, TypeAlias, cast

import msgspec
import orjson

from lpforwarder import event_ids

JSON: TypeAlias = Any
"""None, bool, int, float, str, or lists and dicts of them."""

Seq = NewType("Seq", int)
"""Place in the journal; grows, never reused."""

Cursor = NewType("Cursor", str)
"""A source's own place; opaque to all others."""

OWN = "lpforwarder"
"""The source of what the forwarder says about itself; no configured source may be called so."""

DEEPEST = 32
"""Levels of nesting that are kept; what lies deeper becomes the text TOO_DEEP."""
TOO_DEEP = "[nested too deep]"

_LONGEST_NUMBER = 1000
"""Bits; readers that take numbers as doubles refuse what lies beyond 2**1024, so it travels as text."""

_MOST_DIGITS = 300
"""Decimal digits that always stay within _LONGEST_NUMBER bits, with a sign."""

_MAY_BE_ROUNDED = frozenset({float, list, dict})
_PLAIN = frozenset({str, int, bool, type(None)})
_TEXT = frozenset({str})
_DEL = 0x7F


# Made for each event two or three times over. A frozen dataclass takes 0.7 µs to make, a Struct 0.1, and
# map() makes a page of them without leaving C. gc=False: JSON values cannot lead back to their event, so
# there is no cycle to look for; see docs/decisions/0023.


class Event(msgspec.Struct, frozen=True, gc=False):
    """One audit event.

    `line` is compact JSON on one line: ASCII only, finite numbers, no lone surrogate, no octet below 32
    and no 127. Make one with `Event.of`; the constructor trusts its caller.
    """

    fields: Mapping[str, JSON]
    line: bytes

    @classmethod
    def of(cls, fields: Mapping[str, JSON]) -> Event:
        """The event with these fields. Total: what JSON cannot carry is cleaned, nothing raises.

        Lone surrogates become U+FFFD, NaN and infinities null, other types their text.
        """
        if _PLAIN.issuperset(map(type, fields.values())) or _is_flat(fields.values()):
            return cls.of_plain(fields)
        return cls._cleaned(fields)

    @classmethod
    def of_plain(cls, fields: Mapping[str, JSON]) -> Event:
        """The same, for fields that are known to be texts, integers, booleans, None or lists of texts."""
        # orjson takes 0.4 µs; cleaning and the writer of the standard library take 13.
        try:
            line = orjson.dumps(fields)
        except (TypeError, ValueError):  # lone surrogate, number beyond 64 bits
            return cls._cleaned(fields)
        return cls(fields, in_ascii(line))

    @classmethod
    def _cleaned(cls, fields: Mapping[str, JSON]) -> Event:
        clean = {_clean_text(str(name)): _clean(value, 1) for name, value in fields.items()}
        return cls(clean, _dump(clean))

    def text(self, name: str) -> str:
        """The value as text: `true`, decimal numbers, compact JSON for nested values, "" when absent."""
        value = self.fields.get(name)
        if type(value) is str:
            return value
        if type(value) in _MAY_BE_ROUNDED:
            # orjson reads integers beyond 64 bits as floats; the line has them exactly.
            value = json.loads(self.line).get(name)
        return as_text(value)

    @property
    def severity(self) -> int:
        """The CEF severity 0 to 10: the field if it is one, else what the table says of the event id."""
        value = self.fields.get("severity")
        if type(value) is int and 0 <= value <= 10:
            return value
        return event_ids.severity(self.text("eventId"), self.text("result"))


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An event with its place in the journal and the configured name of its source."""

    seq: Seq
    source: str
    event: Event


class Stretch(msgspec.Struct, frozen=True, gc=False):
    """Neighbouring entries of one source as the journal keeps them: lines, not decoded.

    The first one has the place `first`, each other one the place behind the one before.
    """

    first: Seq
    source: str
    lines: Sequence[bytes]

    def entry(self, number: int) -> Entry:
        """The one at that position, from 0, decoded alone."""
        return Stretch(Seq(self.first + number), self.source, self.lines[number : number + 1]).entries()[0]

    def entries(self) -> list[Entry]:
        """All of them, decoded in one go, which costs half of one by one."""
        places = cast("Iterator[Seq]", counting(self.first))
        return list(map(Entry, places, repeat(self.source), events_of(self.lines)))

    def part(self, begin: int, end: int) -> Stretch:
        """Those from one position up to another, as of a list."""
        return Stretch(Seq(self.first + begin), self.source, self.lines[begin:end])


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A record that could not become an event: kept and counted, never silently dropped."""

    where: str
    """Its place at the source, for example `events.json line 17`."""
    reason: str
    """Says what is wrong without quoting the record: it is listed where contents must not be."""
    raw: bytes
    octets: int | None = None
    """Of the record, when `raw` is not the whole of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Poison:
    """An event that one collector cannot take: set aside, counted and shown; the others go on."""

    entry: Entry
    code: str
    reason: str
    """Of the collector or the event nothing is quoted here, so that it may be logged."""
    detail: str = ""
    """What the collector or a plug-in said about it; may quote the event."""
    message: bytes = b""
    """As last tried; empty when none could be made."""


def addressed_to(collector: str) -> str:
    """The source name under which the journal keeps events that go to this collector alone.

    Such events pass its filters, and nobody else gets them: its heartbeats, and what it is sent again.
    """
    return f"{OWN}:{collector}"


def is_own(source: str) -> bool:
    """Whether the journal keeps under this name what the forwarder says about itself, or to one alone."""
    return source == OWN or source.startswith(f"{OWN}:")


def as_text(value: JSON) -> str:
    """A JSON value as people would write it; None gives ""."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return _dump(value).decode("ascii")


def parse(raw: bytes) -> dict[str, JSON]:
    """One JSON object as it stands, integers of any size kept exactly. ValueError says what is wrong.

    A number beyond the range of doubles comes as its text: `1e400` is neither infinite nor nothing.
    """
    try:
        record = orjson.loads(raw)
    except orjson.JSONDecodeError:
        record = None
    if type(record) is dict and _PLAIN.issuperset(map(type, record.values())):
        return record
    # Numbers beyond 64 bits, NaN and lone surrogates: orjson refuses them or loses digits.
    try:
        record = json.loads(raw, parse_int=_integer, parse_float=_real, parse_constant=_nothing)
    except RecursionError:
        raise ValueError("nested too deep") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at octet {error.start + 1}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg.removesuffix(' at')} at column {error.colno}") from None
    if not isinstance(record, dict):
        raise ValueError(f"not a JSON object but {_NAMES.get(type(record), 'something else')}")
    return record


def in_ascii(line: bytes) -> bytes:
    """Compact JSON as orjson writes it, with escapes for DEL and everything beyond ASCII."""
    if line.isascii() and _DEL not in line:
        return line
    # The encoder of the standard library escapes what is beyond ASCII, and in JSON its quotes and backslashes
    # once more. Those are taken back: first the one before each quote, then one of each pair that is left.
    # A pattern that finds what is beyond ASCII takes 8 µs for such a line, this 2.
    escaped = encode_basestring_ascii(line.decode())[1:-1]
    return escaped.replace('\\"', '"').replace("\\\\", "\\").encode("ascii")


def text_as_json(text: str) -> str:
    """The text in quotes, as it stands in the line of an event that has it."""
    return encode_basestring_ascii(_clean_text(text))


def join_lines(events: Iterable[Event]) -> bytes:
    """The lines of many events as one blob, a line feed between two."""
    return b"\n".join([event.line for event in events])


def split_lines(blob: bytes) -> list[Event]:
    """The events of a blob made by join_lines; decoded in one go, which costs half of one by one."""
    return events_of(blob.split(b"\n")) if blob else []


def events_of(lines: Sequence[bytes]) -> list[Event]:
    """The events of these lines; decoded in one go."""
    return list(map(Event, orjson.loads(b"[" + b",".join(lines) + b"]"), lines))


def _is_flat(values: Iterable[JSON]) -> bool:
    """Whether these are plain, or lists of texts; orjson writes both just as _dump does."""
    return all(
        _TEXT.issuperset(map(type, value)) if type(value) is list else type(value) in _PLAIN
        for value in values
    )


def _dump(value: JSON) -> bytes:
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii")


def _clean(value: JSON, depth: int) -> JSON:
    if isinstance(value, str):
        return _clean_text(value)
    if isinstance(value, int):
        return value if value.bit_length() <= _LONGEST_NUMBER else _number_as_text(value)
    if value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict | list | tuple) and depth >= DEEPEST:
        return TOO_DEEP
    if isinstance(value, dict):
        return {_clean_text(str(name)): _clean(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item, depth + 1) for item in value]
    return _clean_text(str(value))


def _integer(digits: str) -> int | str:
    # Python itself refuses to read integers of more than 4300 digits.
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


def _real(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


def _nothing(name: str) -> None:
    """NaN and the infinities, which JSON does not have."""


def _number_as_text(value: int) -> str:
    try:
        return str(value)
    except ValueError:  # beyond sys.get_int_max_str_digits()
        return "[number too long]"


def _clean_text(text: str) -> str:
    """Lone surrogates cannot be encoded; each becomes U+FFFD."""
    if text.isascii():
        return text
    return "".join("�" if "\ud800" <= character <= "\udfff" else character for character in text)


_NAMES: dict[type, str] = {
    list: "a list",
    str: "a text",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    type(None): "null",
}
