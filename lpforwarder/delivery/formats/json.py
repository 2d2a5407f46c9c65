"""JSON: the canonical event as one compact line of ASCII, exactly the line that the journal keeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lpforwarder.config.options import Options
from lpforwarder.delivery.rows import Row, Rows
from lpforwarder.event import Event


class JsonOptions(Options):
    """JSON has nothing to set."""


class JsonFormat:
    """The lossless format: whatever came in can be read back, value by value and type by type."""

    Options = JsonOptions
    row_type = Row

    def __init__(self, options: JsonOptions) -> None:
        self._options = options

    def format(self, event: Event) -> bytes:
        """The event's line as it is; spliced, never encoded again, so nothing can change on the way."""
        return event.line

    def format_page(self, page: Rows, header: Sequence[Iterable[str]]) -> list[bytes]:
        """The lines as they are, behind their headers."""
        headers = map(str.encode, map("".join, zip(*header, strict=False)))
        return list(map(bytes.__add__, headers, page.lines))
