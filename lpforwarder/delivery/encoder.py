"""Entry → message: filter ∘ format ∘ envelope, and shorter values when the message would be too long."""

from __future__ import annotations

from collections.abc import Callable

from lpforwarder.delivery.contract import Envelope, Formatter
from lpforwarder.delivery.shortening import shorten
from lpforwarder.event import Entry, Event


class Encoder:
    """One collector's way from an entry to its message; chosen once at start, pure but for a counter."""

    def __init__(
        self, wanted: Callable[[Entry], bool], formatter: Formatter, envelope: Envelope, max_message: int
    ) -> None:
        self._wanted = wanted
        self._format = formatter.format
        self._wrap = envelope.wrap
        self._max_message = max_message
        self.shortened = 0
        """How many events have been shortened to fit, since the encoder was made."""

    def encode(self, entry: Entry) -> bytes | None:
        """The message of at most `max_message` octets, or None when the collector does not want it.

        Every event has a message. From 480 octets on it fits whatever the event holds, unless the
        configured names alone (hostname, app_name, vendor …) leave no room.
        """
        if not self._wanted(entry):
            return None
        event = entry.event
        message = self._wrap(event, self._format(event))
        if len(message) <= self._max_message:
            return message
        self.shortened += 1
        return self._message(shorten(event, self._fits))

    def _fits(self, event: Event) -> bool:
        return len(self._message(event)) <= self._max_message

    def _message(self, event: Event) -> bytes:
        return self._wrap(event, self._format(event))
