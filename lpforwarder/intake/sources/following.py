"""Finds the file of a bookmark again, whatever log rotation did to it, and the files written after it.

Two ways of rotation are known. `create`: the file is renamed and a new one takes its name. `copytruncate`:
the file is copied and then emptied. Either may happen several times while nobody looks.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from lpforwarder.intake.sources.bookmark import SAMPLE, Bookmark, digest, path_digest
from lpforwarder.intake.sources.records import Place

_COUNTER = r"[-._]([0-9][0-9T_.:-]*?)"
_PACKED = r"(\.(?:gz|bz2|xz|zst|lz4|zip|Z))?\Z"
_LONGEST_COUNTER = 4
"""Digits; `events.json-20240131` has a date, not a counter."""
_YOUNGEST_OF_AN_INSTANT = 1
SETTLED = 1.0
"""Seconds after a change within which another one may leave all times as they are; clocks of files tick."""


class LogFile:
    """A regular file that is open for reading; OSError when it cannot be.

    Stays readable after a rename or deletion, which is why a source keeps it between two pulls.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_open = False
        # O_NONBLOCK: opening a named pipe would wait for a writer.
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        self.is_open = True
        try:
            self._require_regular()
        except OSError:
            self.close()
            raise

    def _require_regular(self) -> None:
        mode = self.stat().st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(self.path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.ESPIPE, "Not a regular file", str(self.path))

    def stat(self) -> os.stat_result:
        """Size, identity and time of the last change, as they are now."""
        return os.fstat(self._descriptor)

    def read(self, offset: int, size: int) -> bytes:
        """`size` octets from `offset`; fewer only at the end of the file."""
        octets = os.pread(self._descriptor, size, offset)
        while 0 < len(octets) < size:
            following = os.pread(self._descriptor, size - len(octets), offset + len(octets))
            if not following:
                break
            octets += following
        return octets

    def close(self) -> None:
        """Gives the file back; may be called twice."""
        if self.is_open:
            self.is_open = False
            os.close(self._descriptor)

    def __del__(self) -> None:
        """Closes what an error kept from being closed: a retry must not cost a descriptor each time."""
        self.close()


class Sibling(Struct, frozen=True, kw_only=True):
    """A file in the folder of ours, or ours itself, as the folder shows it."""

    path: Path
    identity: tuple[int, int]
    """Device and inode."""
    size: int
    modified: int
    counter: int | None = None
    """2 for `events.json.2`, 0 for a date; None when the name is not one that rotation gives."""
    is_packed: bool = False

    @property
    def age(self) -> Age:
        """Sorts the oldest first."""
        return self.modified, -(self.counter or 0), self.path.name


Age: TypeAlias = tuple[int, int, str]
"""Time of the last change; among files of one instant the higher counter is the older file."""


class Found(Struct, frozen=True, kw_only=True):
    """The file to read from, and where.

    `file` is None when the file of the bookmark is gone. `later` was written after it: oldest first, the
    present one last, packed ones included.
    """

    file: LogFile | None
    place: Place
    later: tuple[Sibling, ...] = ()

    @property
    def is_left_behind(self) -> bool:
        """Whether the writer has gone on to a later file.

        An empty one is no sign: rotation makes the new file before the writer lets go of the old one.
        """
        return any(sibling.size for sibling in self.later if not sibling.is_packed)


class Look(Struct, frozen=True):
    """All by which a file shows that something was written to it. Times in nanoseconds since 1970."""

    identity: tuple[int, int]
    size: int
    modified: int
    changed: int


def look(path: Path, settled: float = SETTLED) -> Look | None:
    """How the file at `path` looks now; None when there is none, or it changed less than `settled` ago.

    It is opened, since a network file system answers for a name from memory.
    """
    try:
        with closing(LogFile(path)) as file:
            status = file.stat()
    except OSError:
        return None
    if time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) < settled * 1e9:
        return None
    return Look(identity(status), status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def find(path: Path, bookmark: Bookmark | None, held: LogFile | None) -> Found:
    """The file of the bookmark, under whatever name; without one, the file at `path` from its beginning.

    `held` is the file read last, if still open. Raises OSError when there is nothing to read.
    The caller closes `file`, unless it is `held`.
    """
    if bookmark is None:
        return Found(file=LogFile(path), place=Place())
    current = _open(path, missing_only=True)
    if current is not None and _has_identity(current, bookmark) and _has_content(current, bookmark):
        return _copied_away(path, bookmark, current) or Found(file=current, place=bookmark.place)
    if current is not None:
        current.close()
    return _find_rotated(path, bookmark, held)


def _copied_away(path: Path, bookmark: Bookmark, current: LogFile) -> Found | None:
    """What was copied from a file that we only ever saw empty: nothing in the file itself tells of it."""
    if not bookmark.was_empty:
        return None
    siblings = list(_siblings(path))
    later = _later(siblings, _named(path, siblings), _only_changed_since(bookmark))
    if len(later) < 2 or all(sibling.is_packed or not sibling.size for sibling in later):
        return None
    current.close()
    return Found(file=None, place=Place(stage="ended"), later=later)


def _find_rotated(path: Path, bookmark: Bookmark, held: LogFile | None) -> Found:
    siblings = list(_siblings(path))
    present = _named(path, siblings)
    file, place = _search(siblings, present, bookmark, held)
    if file is not None and present is not None and identity(file.stat()) == present.identity:
        return Found(file=file, place=place)  # the same file, restored from a copy
    if file is None and bookmark.path != path_digest(path):
        return Found(file=LogFile(path), place=Place())  # another file was configured
    later = _later(siblings, present, _age(file, siblings, bookmark))
    is_read = file is None or (file is held and file.stat().st_size <= place.offset)
    if is_read and all(sibling.is_packed for sibling in later):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    return Found(file=file, place=place, later=later)


def _search(
    siblings: Sequence[Sibling], present: Sibling | None, bookmark: Bookmark, held: LogFile | None
) -> tuple[LogFile | None, Place]:
    """The file of the bookmark: renamed, or only still open, or copied."""
    renamed = [sibling for sibling in siblings if sibling.identity == (bookmark.device, bookmark.inode)]
    for candidate in _opened(renamed):
        if _has_content(candidate, bookmark):
            return candidate, bookmark.place
        candidate.close()
    if held is not None and _has_identity(held, bookmark) and _has_content(held, bookmark):
        return held, bookmark.place
    if not bookmark.head:
        return None, bookmark.place
    copies = [sibling for sibling in siblings if sibling.counter is not None and not sibling.is_packed]
    copies.sort(key=_size, reverse=True)
    for candidate in _opened([*([present] if present else []), *copies]):
        if _has_content(candidate, bookmark):
            return candidate, bookmark.place
        if _is_shorter_copy(candidate, bookmark, present):
            # Lines that were read while the copy was being made are not in it.
            return candidate, Place(offset=candidate.stat().st_size, stage="ended")
        candidate.close()
    return None, bookmark.place


def _later(siblings: Sequence[Sibling], present: Sibling | None, age: Age) -> tuple[Sibling, ...]:
    """The files rotated after one of this age, oldest first, and the present one."""
    rotated = [
        sibling
        for sibling in siblings
        if sibling.counter is not None
        and sibling.age > age
        and (present is None or sibling.identity != present.identity)
    ]
    rotated.sort(key=lambda sibling: sibling.age)
    return (*rotated, present) if present is not None else tuple(rotated)


def _age(file: LogFile | None, siblings: Sequence[Sibling], bookmark: Bookmark) -> Age:
    if file is None:
        return _only_changed_since(bookmark)
    status = file.stat()
    own = next((sibling for sibling in siblings if sibling.identity == identity(status)), None)
    # A file without a name was perhaps compressed: its packed form has the same time and is not later.
    return own.age if own is not None else (status.st_mtime_ns, _YOUNGEST_OF_AN_INSTANT, "")


def _only_changed_since(bookmark: Bookmark) -> Age:
    return bookmark.modified, _YOUNGEST_OF_AN_INSTANT, ""


def _siblings(path: Path) -> Iterator[Sibling]:
    """All regular files in the folder; nothing when it cannot be listed."""
    folder = path.parent
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        try:
            status = entry.stat()
        except OSError:  # gone meanwhile, or a link to nowhere
            continue
        if stat.S_ISREG(status.st_mode):
            counter, is_packed = _rotation(path, entry.name)
            yield Sibling(
                path=folder / entry.name,
                identity=identity(status),
                size=status.st_size,
                modified=status.st_mtime_ns,
                counter=counter,
                is_packed=is_packed,
            )


def _named(path: Path, siblings: Iterable[Sibling]) -> Sibling | None:
    return next((sibling for sibling in siblings if sibling.path == path), None)


def _rotation(path: Path, name: str) -> tuple[int | None, bool]:
    """What rotation made of the name: its counter, and whether it was packed."""
    if not name.startswith(path.stem):  # most of a folder, at each poll of a file that is still empty
        return None, False
    for before, behind in ((path.name, ""), (path.stem, path.suffix)):
        match = re.match(re.escape(before) + _COUNTER + re.escape(behind) + _PACKED, name)
        if match is not None:
            is_counter = match[1].isdigit() and len(match[1]) <= _LONGEST_COUNTER
            return int(match[1]) if is_counter else 0, match[2] is not None
    return None, False


def _opened(siblings: Iterable[Sibling]) -> Iterator[LogFile]:
    for sibling in siblings:
        file = _open(sibling.path)
        if file is not None:
            yield file


def _open(path: Path, *, missing_only: bool = False) -> LogFile | None:
    """The open file; None when it cannot be opened, or with `missing_only` just when it does not exist."""
    try:
        return LogFile(path)
    except FileNotFoundError:
        return None
    except OSError:
        if missing_only:
            raise
        return None


def identity(status: os.stat_result) -> tuple[int, int]:
    """Device and inode."""
    return status.st_dev, status.st_ino


def _has_identity(file: LogFile, bookmark: Bookmark) -> bool:
    return file.is_open and identity(file.stat()) == (bookmark.device, bookmark.inode)


def _has_content(file: LogFile, bookmark: Bookmark) -> bool:
    """Whether what was read of the file is still in it."""
    offset = bookmark.place.offset
    begin = max(0, offset - SAMPLE)
    return _has_head(file, bookmark) and digest(file.read(begin, offset - begin)) == bookmark.tail


def _has_head(file: LogFile, bookmark: Bookmark) -> bool:
    return digest(file.read(0, bookmark.head_length)) == bookmark.head


def _is_shorter_copy(file: LogFile, bookmark: Bookmark, present: Sibling | None) -> bool:
    status = file.stat()
    is_present = present is not None and identity(status) == present.identity
    return not is_present and status.st_size < bookmark.place.offset and _has_head(file, bookmark)


def _size(sibling: Sibling) -> int:
    return sibling.size
