"""The cursor of a pull client: a place in one journal as an opaque text.

The text holds the journal's identity: after a journal was replaced, old cursors are refused instead of
skipping or repeating events in silence.
"""

from __future__ import annotations

import base64
import binascii

from lpforwarder.event import Seq

_VERSION = "1"
_LONGEST = 200


class BadCursor(ValueError):
    """Not a cursor of ours."""


class ForeignCursor(ValueError):
    """A cursor of another journal."""


def write(identity: str, place: Seq) -> str:
    """The cursor behind `place`; letters, digits, `-` and `_`."""
    text = f"{_VERSION}.{identity}.{place}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read(identity: str, cursor: str) -> Seq:
    """The place of a cursor. BadCursor when it is none, ForeignCursor when it is of another journal."""
    if len(cursor) > _LONGEST:
        raise BadCursor(cursor[:20])
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        version, journal, place = raw.decode("ascii").split(".")
    except (ValueError, binascii.Error):
        raise BadCursor(cursor) from None
    if (
        version != _VERSION
        or not place.isdigit()
        or len(place) > 18
        or write(journal, Seq(int(place))) != cursor
    ):
        raise BadCursor(cursor)
    if journal != identity:
        raise ForeignCursor(journal)
    return Seq(int(place))
