"""A collector as a program of its own that notes how late each event comes.

`python -m tests.fakes.late_collector FILE SOURCE` listens on a free port of loopback, which is the first line
it says. For each read it appends a line to FILE: the time of arrival, how many events of the source there
were, the age of the last one in seconds, and their ids. An age counts from the event's own timestamp, so
events should be made when they say.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.fakes.collectors import Collector


class Lateness:
    """Writes down what comes; belongs to one connection at a time."""

    def __init__(self, path: Path, source: str) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._source = source

    def note(self, messages: Sequence[bytes]) -> None:
        """What one read completed."""
        now = time.time()
        events = [_event(message) for message in messages]
        wanted = [event for event in events if event["source"] == self._source]
        if wanted:
            age = now - datetime.fromisoformat(wanted[-1]["timestamp"]).timestamp()
            line = [now, len(wanted), age, [event["id"] for event in wanted]]
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()


def _event(message: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(message[message.index(b"{") :])
    return found


def main() -> None:
    """Receives until a signal ends it."""
    path, source = Path(sys.argv[1]), sys.argv[2]
    with Collector(Lateness(path, source).note) as collector:
        print(collector.address[1], flush=True)
        signal.pause()


if __name__ == "__main__":
    main()
