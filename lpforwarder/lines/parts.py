"""What a message is put together from, piece by piece, when its line could be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from msgspec import Struct

T = TypeVar("T")

Known: TypeAlias = str | int | bool | None
"""A value as a line has it; None when the field is not there."""


class Text(Struct, frozen=True):
    """These octets."""

    octets: bytes


class Number(Struct, frozen=True):
    """The number of the message, in digits."""


class Line(Struct, frozen=True):
    """The whole line."""


class Labelled(Struct, frozen=True, kw_only=True):
    """The label and the text behind it; nothing when the field is absent or empty.

    `instead` stands for each octet that the reader marks. `keeps` are letters of JSON's escapes that a
    message has as the line has them, as CEF `\\n`. With them characters beyond ASCII stand there in UTF-8,
    but for controls, separators of lines and halves of pairs.

    Of a text that begins or ends with a space, takes more than `most` octets in the line, has other escapes
    than these and that of a quote, or a marked octet when there is nothing instead, `careful(text)` gives
    label and text, or nothing. An event that has this field and the one named `never_beside` is left out.
    """

    label: bytes
    name: str
    most: int
    careful: Callable[[str], bytes]
    instead: bytes = b""
    keeps: bytes = b""
    never_beside: str = ""


class Address(Labelled, frozen=True, kw_only=True):
    """The same for an IPv4 address; `label6` stands before an IPv6 one. What is neither is looked at, too.

    Both as RFC 5952 and everybody writes them, but that a group of zeros alone is looked at.
    """

    label6: bytes


class Timestamp(Struct, frozen=True):
    """The time of a field as it is. An event whose time is not in our form, or before 1970, is left out."""

    name: str


class Milliseconds(Timestamp, frozen=True):
    """The same in milliseconds since 1970, in digits."""


@dataclass(frozen=True, slots=True, eq=False)
class Kind(Generic[T]):
    """What some fields with few values make together.

    `make(values)` gives it, or None when such an event is to be written in the usual way. It is remembered
    for at most `most` different values.
    """

    names: Sequence[str]
    make: Callable[[tuple[Known, ...]], T | None]
    most: int


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A piece of a kind, by its number."""

    kind: Kind[Sequence[bytes]]
    piece: int = 0


Part: TypeAlias = Text | Number | Line | Labelled | Address | Timestamp | Milliseconds | Made
