"""Cuts a whole text the way a file is cut: window by window, each as wide as the cutter needs."""

from __future__ import annotations

from lpforwarder.intake.sources import json_text
from lpforwarder.intake.sources.records import Fault, Limits, Place, Record

SMALL = Limits(records=3, window=16, longest=64)


def cut_all(
    text: bytes, limits: Limits = SMALL, *, windows: list[int] | None = None, final: bool = True
) -> tuple[list[Record], list[Fault], Place]:
    """Records, faults and the last place; `windows` are the widths to try, over and over."""
    place, records, faults = Place(), list[Record](), list[Fault]()
    widths = windows or [limits.window]
    for turn in range(10 * len(text) + 10):
        width = min(max(widths[turn % len(widths)], 16), limits.longest)
        for size in (width, limits.longest + 1):
            window = text[place.offset : place.offset + size]
            at_end = len(window) < size
            cut = json_text.cut(window, place, final and at_end, limits)
            if at_end or cut.place.offset > place.offset or cut.place.stage == "ended":
                break
        records += cut.records
        faults += cut.faults
        place = cut.place
        if place.stage == "ended" or (at_end and not cut.full):
            return records, faults, place
    raise AssertionError("the cutter stands still")


def texts(records: list[Record]) -> list[bytes]:
    return [raw.strip() for _, _, raw in records]


def numbers(records: list[Record]) -> list[int]:
    return [number for _, number, _ in records]
