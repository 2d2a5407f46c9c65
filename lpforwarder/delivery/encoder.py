"""Entry → message: filter ∘ format ∘ envelope, and shorter values when the message would be too long.

What no message can be made of becomes a Poison with the reason, so that one event never holds up the others.

Messages are numbered as they are made, from 1 in each life of the encoder, so that a collector sees a hole.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable

from lpforwarder.delivery.contract import Envelope, Formatter
from lpforwarder.delivery.shortening import shorten
from lpforwarder.event import Entry, Event, Poison

LAST_NUMBER = 2**31 - 1
"""Behind it comes 1 again: RFC 5424 §7.3.1."""

_SMALL = 10_000
"""Octets; below, the exact number says more."""


class Encoder:
    """One collector's way from an entry to its message; chosen once at start, pure but for a counter."""

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
    ) -> None:
        self._wanted = wanted
        self._format = formatter.format
        self._wrap = envelope.wrap
        self._max_message = max_message
        self._numbered = numbered
        self._conceal = conceal
        self.number = first_number
        """Of the next message."""
        self.shortened = 0
        """How often an event has been shortened to fit, since the encoder was made."""

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
