"""The log (`-wal`) of a journal, read without SQLite: what it holds, and what lies behind a damaged place.

SQLite takes the log up to the first frame that is not whole and forgets the rest without a word: four
damaged octets cost all commits behind them. Here they are found. Source: sqlite.org/fileformat2.html, 4.
"""

from __future__ import annotations

import os
import struct
from collections import Counter
from pathlib import Path

from msgspec import Struct

from lpforwarder.journal import descriptors
from lpforwarder.journal.btree import PAGE

_HEADER = struct.Struct(">8I")
_FRAME = struct.Struct(">6I")
_MAGIC = 0x377F0682
"""With its last bit set the checksums count in big-endian words."""
_VERSION = 3007000
_INDEX = struct.Struct("=16xI76xI")
"""Of the index (`-shm`), in the machine's own order: how many frames there are, how many the file has too."""
_WORDS = {True: ">1024I", False: "<1024I"}
_ALL = 0xFFFFFFFF


class Frame(Struct, frozen=True):
    """One page as it was written to the log."""

    page: int
    commit: int
    """Pages of the file after the transaction that ends with this frame; 0 inside one."""
    offset: int
    """Where its contents begin in the log."""


class Log(Struct, frozen=True, kw_only=True):
    """The frames of the present generation; older ones lie behind them and mean nothing."""

    taken: tuple[Frame, ...] = ()
    """Whole and committed: what SQLite takes."""
    behind: tuple[Frame, ...] = ()
    """The rest: behind a frame that is not whole, or of a transaction that never ended."""

    @property
    def pages(self) -> int:
        """Pages of the file by the last commit taken; 0 when there is none."""
        return self.taken[-1].commit if self.taken else 0

    @property
    def dropped(self) -> int:
        """Commits that SQLite does not take. One may be a transaction that a power cut tore; two cannot."""
        return sum(1 for frame in self.behind if frame.commit)


NONE = Log()


def read(path: Path) -> Log:
    """The log of a file that nobody writes now, every frame checked; NONE when there is no log."""
    try:
        with open(path, "rb") as file:
            return _checked(file.fileno(), os.fstat(file.fileno()).st_size)
    except FileNotFoundError:
        return NONE


def read_live(journal: Path) -> Log:
    """The log as its index says it is now, beside its writer; the caller holds a read transaction.

    That keeps the log from beginning anew as long as the file has not all of it. When it has, the log says
    nothing more, and the file cannot change.
    """
    try:
        begun = os.pread(descriptors.shared(journal, "-shm"), _INDEX.size, 0)
        count, copied = _INDEX.unpack(begun) if len(begun) == _INDEX.size else (0, 0)
        if count <= copied:
            return NONE
        log = descriptors.shared(journal, "-wal")
        return Log(taken=tuple(frame for frame, _, _ in _frames(log, count)))
    except FileNotFoundError:
        return NONE


def _checked(file: int, size: int) -> Log:
    count = max(size - _HEADER.size, 0) // (_FRAME.size + PAGE)
    frames = _frames(file, count)
    head = os.pread(file, _HEADER.size, 0)
    salts, sums, is_big = _begun(head)
    if salts is None:
        salts, sums = _newest(frames), None
    mine = [one for one in frames if one[1] == salts]
    whole = 0
    for number, (frame, found, stored) in enumerate(frames):
        if sums is None or found != salts:
            break
        sums = _sums(os.pread(file, _FRAME.size + PAGE, frame.offset - _FRAME.size), sums, is_big)
        if sums != stored:
            break
        if frame.commit:
            whole = number + 1
    taken = tuple(frame for frame, _, _ in frames[:whole])
    return Log(taken=taken, behind=tuple(frame for frame, _, _ in mine if frame.offset >= _offset(whole)))


def _offset(number: int) -> int:
    return _HEADER.size + number * (_FRAME.size + PAGE) + _FRAME.size


def _frames(file: int, count: int) -> list[tuple[Frame, tuple[int, int], tuple[int, int]]]:
    """Each frame with its salts and its checksums."""
    found = []
    for number in range(count):
        offset = _offset(number)
        head = os.pread(file, _FRAME.size, offset - _FRAME.size)
        if len(head) < _FRAME.size:
            break
        page, commit, salt, other, first, second = _FRAME.unpack(head)
        found.append((Frame(page, commit, offset), (salt, other), (first, second)))
    return found


def _begun(head: bytes) -> tuple[tuple[int, int] | None, tuple[int, int] | None, bool]:
    """Salts and checksums that the log begins with, and the order of its words; None when it is damaged."""
    if len(head) < _HEADER.size:
        return None, None, False
    magic, version, size, _, salt, other, first, second = _HEADER.unpack(head)
    is_big = bool(magic & 1)
    if magic & ~1 != _MAGIC or version != _VERSION or size != PAGE:
        return None, None, is_big
    if _fold(struct.unpack(">6I" if is_big else "<6I", head[:24]), (0, 0)) != (first, second):
        return None, None, is_big
    return (salt, other), (first, second), is_big


def _newest(frames: list[tuple[Frame, tuple[int, int], tuple[int, int]]]) -> tuple[int, int] | None:
    """The salts of the present generation when the head of the log is lost: the first of them only grows.

    One that only a single frame has may be damage itself.
    """
    many = Counter(salts for _, salts, _ in frames)
    return max((salts for salts, count in many.items() if count > 1), default=None)


def _sums(octets: bytes, before: tuple[int, int], is_big: bool) -> tuple[int, int]:
    """The checksums behind a frame: over the first eight octets of its head, and its contents."""
    if len(octets) < _FRAME.size + PAGE:
        return -1, -1
    words = struct.unpack(">2I" if is_big else "<2I", octets[:8])
    return _fold(struct.unpack(_WORDS[is_big], octets[_FRAME.size :]), _fold(words, before))


def _fold(words: tuple[int, ...], before: tuple[int, int]) -> tuple[int, int]:
    first, second = before
    for place in range(0, len(words), 2):
        first = (first + words[place] + second) & _ALL
        second = (second + words[place + 1] + first) & _ALL
    return first, second
