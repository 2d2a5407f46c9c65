"""Cuts a JSON file into records, whichever of the two forms it has: an array, or one object a line. Pure.

The first octet that is not blank tells: `[` begins an array, anything else a line.
"""

from __future__ import annotations

import re
from dataclasses import replace

from lpforwarder.intake.sources import json_array, json_lines
from lpforwarder.intake.sources.records import KEPT, Cut, Fault, Limits, Place

# NUL: a file that was emptied under a writer with an offset of its own begins with a hole.
_LEADING = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n\0]*+")
_UTF_16 = re.compile(rb"\xff\xfe|\xfe\xff|[\[{]\0|\0[\[{]\0")
_GZIP = b"\x1f\x8b"
_ENOUGH_TO_TELL = 4


def cut(window: bytes, place: Place, final: bool, limits: Limits) -> Cut:
    """The whole records of `window`, which begins at `place`; see the cutters of the two forms."""
    if place.stage == "start":
        return _cut_start(window, place, final, limits)
    if place.stage == "lines":
        return json_lines.cut(window, place, final, limits)
    if place.stage == "array":
        return json_array.cut(window, place, final, limits)
    if place.stage == "closed":
        return json_array.cut_behind(window, place)
    return Cut(place=place)


def _cut_start(window: bytes, place: Place, final: bool, limits: Limits) -> Cut:
    if place.offset == 0 and not final and len(window) < _ENOUGH_TO_TELL:
        return Cut(place=place)
    reason = _unreadable(window) if place.offset == 0 else ""
    if reason:
        fault = Fault(number=0, reason=reason, raw=window[:KEPT])
        return Cut(faults=[fault], place=replace(place, stage="ended"))
    at = _first(window, place)
    if at == len(window):
        return Cut(place=_behind_blanks(window, at, place))
    if window[at : at + 1] == b"[":
        begun = Place(offset=place.offset + at + 1, stage="array")
        return json_array.cut(window[at + 1 :], begun, final, limits)
    begun = replace(_behind_blanks(window, at, place), stage="lines")
    return json_lines.cut(window[at:], begun, final, limits)


def _first(window: bytes, place: Place) -> int:
    match = _LEADING.match(window)
    if match is None:
        return 0
    is_mark = window.startswith(b"\xef\xbb\xbf") and place.offset > 0
    return 0 if is_mark else match.end()


def _behind_blanks(window: bytes, at: int, place: Place) -> Place:
    return replace(place, offset=place.offset + at, number=place.number + window.count(b"\n", 0, at))


def _unreadable(window: bytes) -> str:
    if _UTF_16.match(window):
        return "UTF-16, not UTF-8; convert it: iconv -f UTF-16 -t UTF-8. The file is not read"
    if window.startswith(_GZIP):
        return "compressed; unpack it: gunzip. The file is not read"
    return ""
