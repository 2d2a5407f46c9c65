"""The smallest honest formatter and envelope, for tests of what stands behind them."""

from __future__ import annotations

from typing import Any

from lpforwarder.config.options import Options
from lpforwarder.event import Event


class IdFormat:
    """The event's id as the whole payload."""

    Options = Options

    def __init__(self, options: Any = None) -> None:
        self._options = options

    def format(self, event: Event) -> bytes:
        shown = "".join(sign if "!" <= sign <= "~" else "_" for sign in event.text("id"))
        return shown.encode("ascii") or b"-"


class BareEnvelope:
    """The shortest RFC 5424 header before the payload."""

    Options = Options

    def __init__(self, options: Any = None) -> None:
        self._options = options

    def wrap(self, event: Event, payload: bytes, sequence: int | None = None) -> bytes:
        if sequence is None:
            return b"<86>1 - - - - - - " + payload
        return b'<86>1 - - - - - [meta sequenceId="%d"] %b' % (sequence, payload)
