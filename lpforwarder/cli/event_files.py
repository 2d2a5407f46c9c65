"""Canonical events from a file or standard input, for `render` and `test-send`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from lpforwarder.errors import Denied, Failure
from lpforwarder.event import Event, Reject, parse
from lpforwarder.intake.canonical import name_based_id, to_event
from lpforwarder.intake.sources import json_text
from lpforwarder.intake.sources.records import Limits, Place

LIMITS = Limits()


@contextmanager
def opened(name: str) -> Iterator[IO[bytes]]:
    """The file, or standard input for `-`; a Failure in plain words when it cannot be read."""
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = open(name, "rb")  # noqa: SIM115 - closed below; the error belongs to opening alone
    except PermissionError as error:
        raise Denied(f"{name} cannot be read: permission denied", code="LPF122") from error
    except OSError as error:
        raise Failure(f"{name} cannot be read: {error.strerror}", code="LPF119") from error
    with stream:
        yield stream


def events_in(stream: IO[bytes], name: str) -> Iterator[Event | Reject]:
    """Every event of a JSON array or of JSON Lines, in order; a Reject for each record that is none.

    Streamed: memory is bounded by the longest record.
    """
    place, window, final = Place(), b"", False
    while not final:
        chunk = stream.read(LIMITS.window)
        final = not chunk
        window += chunk
        while True:
            cut = json_text.cut(window, place, final, LIMITS)
            for fault in cut.faults:
                where = f"{name} {cut.unit} {fault.number}" if fault.number else name
                yield Reject(where=where, reason=fault.reason, raw=fault.raw)
            for offset, number, raw in cut.records:
                yield _event(raw, f"{name} {cut.unit} {number}", offset)
            moved = cut.place.offset - place.offset
            window, place = window[moved:], cut.place
            if place.stage == "ended":
                return
            if not moved or not cut.full:
                break


def _event(raw: bytes, where: str, offset: int) -> Event | Reject:
    try:
        record = parse(raw)
    except ValueError as error:
        return Reject(where=where, reason=str(error), raw=raw)
    return to_event(record, source="file", fallback_id=name_based_id("file", str(offset), raw))
