"""Entry → message: filter ∘ format ∘ envelope, and shorter values when the message would be too long.

What no message can be made of becomes a Poison with the reason, so that one event never holds up the others.

Messages are numbered as they are made, from 1 in each life of the encoder, so that a collector sees a hole.

A page goes the same way at once where format and envelope are put together from fields: the events in it that
are not usual, or too long, go alone, and so does every event of a page with poison in it. The messages and
numbers are the same.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from typing import cast

from msgspec import Struct, field

from lpforwarder.delivery.contract import Envelope, Formatter, PageEnvelope, PageFormatter
from lpforwarder.delivery.memo import Memo
from lpforwarder.delivery.shortening import shorten
from lpforwarder.event import Entry, Event, Poison, Seq, Stretch
from lpforwarder.lines import Key, Reader, Scan, Writer
from lpforwarder.lines.parts import Kind, Known

LAST_NUMBER = 2**31 - 1
"""Behind it comes 1 again: RFC 5424 §7.3.1."""

_SMALL = 10_000
"""Octets; below, the exact number says more."""

_PORTION = 250
"""Events that are written at once: what is made of them on the way stays in the processor's cache."""
_SOURCES_KEPT, _KINDS_KEPT = 1000, 1000
"""Of which it is remembered what is wanted; 200 KiB for each source with as many kinds, usually 10."""


class Encoded(Struct, frozen=True):
    """The messages of many entries with their places, in order, and what none could be made of."""

    seqs: list[Seq] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    poisons: list[Poison] = field(default_factory=list)


class Encoder:
    """One collector's way from an entry to its message; chosen once at start, pure but for a counter.

    `chosen` says the same as `wanted`, asked with (source, eventType, eventId, severity).
    """

    def __init__(
        self,
        wanted: Callable[[Entry], bool],
        formatter: Formatter,
        envelope: Envelope,
        max_message: int,
        *,
        numbered: bool = True,
        first_number: int = 1,
        conceal: Callable[[Event], Event] | None = None,
        chosen: Callable[[str, str, str, int], bool] | None = None,
    ) -> None:
        self._wanted = wanted
        self._chosen = chosen if conceal is None else None
        self._pages = _Pages.of(formatter, envelope, max_message, numbered=numbered)
        self._rules = Memo(self._rule, _SOURCES_KEPT)
        self._format = formatter.format
        self._wrap = envelope.wrap
        self._max_message = max_message
        self._numbered = numbered
        self._conceal = conceal
        self.number = first_number
        """Of the next message."""
        self.shortened = 0
        """How often an event has been shortened to fit, since the encoder was made."""

    def _rule(self, source: str) -> Key[bool]:
        """Whether a kind of event of that source is wanted."""
        assert self._pages is not None
        chosen = self._chosen or (lambda *_: True)

        def is_wanted(values: tuple[Known, ...]) -> bool | None:
            event_type, event_id, severity = values
            if type(severity) is not int or not 0 <= severity <= 10:
                return None
            if not (isinstance(event_type, str | None) and isinstance(event_id, str | None)):
                return None
            return chosen(source, event_type or "", event_id or "", severity)

        kind = Kind(names=("eventType", "eventId", "severity"), make=is_wanted, most=_KINDS_KEPT)
        return Key(self._pages.reader, kind)

    def encode(self, entry: Entry) -> bytes | Poison | None:
        """The message of at most `max_message` octets, or None when the collector does not want it.

        From 480 octets on it fits whatever the event holds, unless the configured names alone (hostname,
        app_name, vendor …) leave no room. Then, and when a format or envelope fails, it is a Poison that
        says why. Each message has the next number: whoever encodes also sends, or the collector sees a hole.
        """
        if not self._wanted(entry):
            return None
        made = self._made(entry, self.number)
        if type(made) is bytes:
            self.number = self.number + 1 if self.number < LAST_NUMBER else 1
        return made

    def encode_all(self, stretches: Sequence[Stretch]) -> Encoded:
        """What encode() makes of each entry, one after the other; 1 µs an event instead of 25."""
        found = Encoded()
        for stretch in stretches:
            for begin in range(0, len(stretch.lines), _PORTION):
                part = stretch.part(begin, begin + _PORTION)
                if not self._added_at_once(part, found):
                    self._add_each(part, found)
        return found

    def _add_each(self, part: Stretch, found: Encoded) -> None:
        for entry in part.entries():
            made = self.encode(entry)
            if isinstance(made, Poison):
                found.poisons.append(made)
            elif made is not None:
                found.seqs.append(entry.seq)
                found.messages.append(made)

    def _added_at_once(self, part: Stretch, found: Encoded) -> bool:
        """False, and nothing done, when the events must go one by one."""
        if self._pages is None or self.number + len(part.lines) > LAST_NUMBER:
            return False
        seqs, made = self._written(self._pages, part)
        shortened = self.shortened
        for place in () if all(made) else [place for place, octets in enumerate(made) if not octets]:
            message = self._made(part.entry(seqs[place] - part.first), self.number + place)
            if isinstance(message, Poison):  # takes no number, so all behind it have another one
                self.shortened = shortened
                return False
            made[place] = message
        found.seqs.extend(seqs)
        found.messages.extend(made)
        self.number += len(made)
        return True

    def _written(self, pages: _Pages, part: Stretch) -> tuple[list[Seq], list[bytes]]:
        """The places of what is wanted, and a message for each; empty for what must be written alone."""
        if self._chosen is None:
            entries = [entry for entry in part.entries() if self._wanted(entry)]
            conceal = self._conceal or _as_it_is
            scan = pages.reader.scan([conceal(entry.event).line for entry in entries])
            return [entry.seq for entry in entries], pages.write(scan, list(range(len(entries))), self.number)
        scan = pages.reader.scan(list(part.lines))
        verdicts = scan.judged(self._rules[part.source])
        places = [
            place
            for place, verdict in enumerate(verdicts)
            if verdict or (verdict is None and self._wanted(part.entry(place)))
        ]
        seqs = cast("list[Seq]", [part.first + place for place in places])
        return seqs, pages.write(scan, places, self.number)

    def again(self, entry: Entry, number: int) -> bytes:
        """The message that the entry has under this number; uses up none. Empty when none can be made."""
        made = self._made(entry, number)
        return made if isinstance(made, bytes) else made.message

    def _made(self, entry: Entry, number: int) -> bytes | Poison:
        # Outside of what is caught: a key that cannot be read is no fault of this one event.
        event = entry.event if self._conceal is None else self._conceal(entry.event)
        try:
            message = self._message(event, number)
            if len(message) <= self._max_message:
                return message
            self.shortened += 1
            shorter = self._message(shorten(event, lambda less: self._fits(less, number)), number)
        except MemoryError:
            raise  # the machine's trouble, which passes
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything; see docs/decisions/0014
            return _failed(entry, error)
        if len(shorter) <= self._max_message:
            return shorter
        return _too_big(entry, len(message), self._max_message, shorter)

    def _fits(self, event: Event, number: int) -> bool:
        return len(self._message(event, number)) <= self._max_message

    def _message(self, event: Event, number: int) -> bytes:
        message = self._wrap(event, self._format(event), number if self._numbered else None)
        if type(message) is not bytes:
            raise TypeError("the envelope gave no octets")
        return message


class _Pages(Struct, frozen=True):
    """A format and an envelope that are both put together from fields."""

    reader: Reader
    writer: Writer

    @classmethod
    def of(
        cls, formatter: Formatter, envelope: Envelope, max_message: int, *, numbered: bool
    ) -> _Pages | None:
        if Reader is None or not (
            isinstance(formatter, PageFormatter) and isinstance(envelope, PageEnvelope)
        ):
            return None
        header = envelope.parts(numbered=numbered)
        if header is None:
            return None
        reader = Reader(formatter.fields, marked=formatter.marked, skips=formatter.ignores_others)
        return cls(reader, Writer(reader, [*header, *formatter.parts()], max_message))

    def write(self, scan: Scan, places: list[int], first: int) -> list[bytes]:
        """A message for each place; empty for each event that must be written alone: one that is too long."""
        try:
            return self.writer.write(scan, places, first)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - a plug-in may raise anything; asked alone, the event at fault does
            return [b""] * len(places)


def _as_it_is(event: Event) -> Event:
    return event


def _too_big(entry: Entry, octets: int, limit: int, shorter: bytes) -> Poison:
    size, most = amounts(octets, limit)
    return Poison(entry=entry, code="LPF601", reason=f"has {size}; limit is {most}", message=shorter)


def _failed(entry: Entry, error: Exception) -> Poison:
    """Type and place of what a plug-in raised; its text may quote the event, so it is no reason."""
    reason = f"cannot be written by the format or envelope: {type(error).__name__} {_place(error)}"
    detail = "".join(traceback.format_exception_only(error)).strip()
    return Poison(entry=entry, code="LPF603", reason=reason, detail=detail)


def _place(error: Exception) -> str:
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    return f"in {frame.f_code.co_name}, {frame.f_code.co_filename.rpartition('/')[2]} line {line}"


def amounts(octets: int, limit: int) -> tuple[str, str]:
    """Both for people, `71 kB` and `64 kB`; exact when they are small or would look alike."""
    kilobytes = round(octets / 1000), round(limit / 1000)
    if limit < _SMALL or kilobytes[0] == kilobytes[1]:
        return f"{octets:,} octets", f"{limit:,} octets"
    return f"{kilobytes[0]:,} kB", f"{kilobytes[1]:,} kB"
