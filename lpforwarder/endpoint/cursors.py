"""The cursor of a pull client: a place in one journal, sealed so that it tells a client nothing.

A place is a count of events, of all sources. So a cursor is encrypted, and holds random octets: two of the
same place are not alike, and nobody sees from a new one whether the journal has grown, or can make one.
See docs/decisions/0024-sealed-cursors.md.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from lpforwarder.event import Seq

KEY_OCTETS = 64
"""AES-256 in SIV mode (RFC 5297) takes two keys of 32."""
_VERSION = b"\x02"
_MARK, _NONCE, _PLACE, _CHECK = 4, 14, 8, 4
"""Octets of the parts: which key, random ones, the place, a checksum of the whole."""
_LONGEST = 200


class BadCursor(ValueError):
    """Not a cursor of ours."""


class ForeignCursor(ValueError):
    """A cursor of another journal."""


class LostKey(ValueError):
    """A cursor that was sealed with another key."""


class Cursors:
    """Writes and reads cursors with one key; any number of threads.

    `version | mark of the key | random | sealed place and identity | checksum`, in base64 for URLs. The
    checksum tells a damaged cursor from one of another key; what seals the rest is the key alone.
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = AESSIV(key)
        self._head = _VERSION + hashlib.blake2b(key, digest_size=_MARK, person=b"lpf cursor mark").digest()

    def write(self, identity: str, place: Seq) -> str:
        """The cursor behind `place`: letters, digits, `-` and `_`, of the same length for every place."""
        nonce = os.urandom(_NONCE)
        sealed = self._cipher.encrypt(place.to_bytes(_PLACE) + identity.encode(), [self._head, nonce])
        raw = self._head + nonce + sealed
        return base64.urlsafe_b64encode(raw + _check(raw)).decode().rstrip("=")

    def read(self, identity: str, cursor: str) -> Seq:
        """The place of a cursor of this journal. Raises BadCursor, ForeignCursor or LostKey."""
        raw = _opened(cursor)
        head, rest = raw[: len(self._head)], raw[len(self._head) :]
        if not head.startswith(_VERSION):
            raise BadCursor(cursor)
        if head != self._head:
            raise LostKey(cursor)
        try:
            content = self._cipher.decrypt(rest[_NONCE:], [head, rest[:_NONCE]])
        except (InvalidTag, ValueError):
            raise BadCursor(cursor) from None
        if content[_PLACE:].decode() != identity:
            raise ForeignCursor(cursor)
        return Seq(int.from_bytes(content[:_PLACE]))


def _opened(cursor: str) -> bytes:
    """Its octets without the checksum. BadCursor when they are not as they were written."""
    if len(cursor) > _LONGEST:
        raise BadCursor(cursor[:20])
    try:
        octets = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise BadCursor(cursor) from None
    raw, check = octets[:-_CHECK], octets[-_CHECK:]
    # The last letter of a base64 text has idle bits: only one way to write them is ours.
    if check != _check(raw) or base64.urlsafe_b64encode(octets).decode().rstrip("=") != cursor:
        raise BadCursor(cursor)
    return raw


def _check(raw: bytes) -> bytes:
    return hashlib.blake2b(raw, digest_size=_CHECK).digest()
