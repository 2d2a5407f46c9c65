"""The cursor of a file source: which file, where in it, and how to know it again under another name."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from lpforwarder.intake.contract import Cursor
from lpforwarder.intake.sources.records import Place

SAMPLE = 1024
"""Octets at the head of a file, and before a place in it, that are enough to know it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """A place in a certain file.

    An inode number is not enough to know a file again: it is given away anew after a deletion, and
    `copytruncate` empties a file and keeps it. So the head of the file and the octets before the place are
    remembered as digests.
    """

    version: Literal[1] = 1
    path: str
    """Digest of the configured path, which need not be text."""
    device: int
    inode: int
    modified: int
    """Time of the last change when it was read, in nanoseconds since 1970."""
    head_length: int = 0
    head: str = ""
    tail: str = ""
    place: Place
    was_empty: bool = False
    """Nothing at all was in the file when it was looked at."""
    finished: bool = False
    """The file was read to its end by a source that does not follow."""

    def goes_beyond(self, earlier: Bookmark) -> bool:
        """Whether anything was learned since the earlier one; a file that was only touched is no progress."""
        return replace(self, modified=earlier.modified) != earlier


def digest(octets: bytes) -> str:
    """A short digest; "" for nothing."""
    return hashlib.blake2b(octets, digest_size=12).hexdigest() if octets else ""


def path_digest(path: Path) -> str:
    """A short digest of a path."""
    return digest(os.fsencode(path))


def to_cursor(bookmark: Bookmark) -> Cursor:
    """The bookmark as JSON text."""
    return Cursor(_ADAPTER.dump_json(bookmark).decode())


def from_cursor(cursor: Cursor) -> Bookmark:
    """The bookmark of a cursor; ValueError when a file source did not make it."""
    return _ADAPTER.validate_json(cursor, strict=True)


_ADAPTER = TypeAdapter(Bookmark)
