"""Truth lists: numbered events that a source must get, written by a thread at a steady rate.

An event's key is its list's letter and its number, like `a-00000012`. It comes back in the event's id
(followed file) or in its user's name (vault), so that the oracle knows each event wherever it meets it.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

import orjson

from lpforwarder.simulator.vault.event import VaultEvent
from lpforwarder.simulator.vault.vault import Vault
from tests.fakes.event_files import event_number

_BATCH_SECONDS = 0.02
_MICROSECONDS = 1_000_000


def key(letter: str, number: int) -> str:
    """The key of event `number` of the list with that letter; sorts like the number."""
    return f"{letter}-{number:08}"


class TruthList(ABC):
    """Numbered events, written at `rate` a second from start() to stop(), or some at once with write().

    `written` counts the events that are complete at the source. The rate may be changed at any time.
    """

    def __init__(self, letter: str, *, rate: float) -> None:
        self.letter = letter
        self.rate = rate
        self.written = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep_writing, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def all(self) -> list[str]:
        """The keys so far, in order."""
        return [key(self.letter, number) for number in range(self.written)]

    def write(self, count: int) -> None:
        """So many events at once; from any thread."""
        with self._lock:
            self._put(range(self.written, self.written + count))
            self.written += count

    def stop(self) -> None:
        """Writes no more by itself; may be called twice, and before it was entered."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _keep_writing(self) -> None:
        before, due = time.monotonic(), 0.0
        while not self._stopping.wait(_BATCH_SECONDS):
            now = time.monotonic()
            due += (now - before) * self.rate
            before = now
            self.write(int(due))
            due -= int(due)

    @abstractmethod
    def _put(self, numbers: range) -> None:
        """Makes these events visible to the source, in order."""


class FileTruth(TruthList):
    """JSON Lines appended to a file, each batch in one write."""

    def __init__(self, path: Path, letter: str = "a", *, rate: float) -> None:
        super().__init__(letter, rate=rate)
        self.path = path
        path.touch()

    def _put(self, numbers: range) -> None:
        if numbers:
            with self.path.open("ab", buffering=0) as file:
                file.write(b"".join(orjson.dumps(self._event(number)) + b"\n" for number in numbers))

    def _event(self, number: int) -> dict[str, object]:
        return event_number(number) | {"id": key(self.letter, number)}


class VaultTruth(TruthList):
    """Events that happen now in a pretend vault; each has a user of its own."""

    def __init__(self, vault: Vault, letter: str = "v", *, rate: float) -> None:
        super().__init__(letter, rate=rate)
        self._vault = vault

    def write_late(self, count: int, seconds: float) -> list[str]:
        """Events that happened so long ago and are seen only now; their keys."""
        with self._lock:
            numbers = range(self.written, self.written + count)
            self._put(numbers, ago=seconds)
            self.written += count
        return [key(self.letter, number) for number in numbers]

    def _put(self, numbers: range, ago: float = 0.0) -> None:
        for number in numbers:
            at = int((time.time() - ago) * _MICROSECONDS)
            user = f"{key(self.letter, number)}@example.org"
            self._vault.add(
                VaultEvent(
                    at=at, username=user, ip_address="203.0.113.24", action="Log in", data="example.com"
                )
            )
