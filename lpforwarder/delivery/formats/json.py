"""JSON: the canonical event as one compact line of ASCII, exactly the line that the journal keeps."""

from __future__ import annotations

from collections.abc import Sequence

from lpforwarder.config.options import Options
from lpforwarder.event import Event
from lpforwarder.lines.parts import Line, Part


class JsonOptions(Options):
    """JSON has nothing to set."""


class JsonFormat:
    """The lossless format: whatever came in can be read back, value by value and type by type."""

    Options = JsonOptions
    fields = ("timestamp", "eventId", "eventType", "severity")
    marked = b""
    ignores_others = True

    def __init__(self, options: JsonOptions) -> None:
        self._options = options

    def format(self, event: Event) -> bytes:
        """The event's line as it is; spliced, never encoded again, so nothing can change on the way."""
        return event.line

    def parts(self) -> Sequence[Part]:
        """The line as it is."""
        return (Line(),)
