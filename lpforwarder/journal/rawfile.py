"""A journal's file page by page, its log laid over it: what SQLite would see, whether or not it still can.

Two ways to look: at a file that nobody writes (`resting`), and beside the writer under an open read
transaction (`living`), which holds the pages it needs where they are.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from lpforwarder.journal import btree, descriptors, wal
from lpforwarder.journal.btree import PAGE, Broken, Cell

_AT_ONCE = 2**20
"""Octets that a walk along the whole file reads at a time."""
_NEAR = 3
"""Pages behind one that are tried first when it does not say where a row goes on: they mostly follow."""


class Image(Struct, frozen=True):
    """A page as it stands in one place: the file itself, or a frame of the log."""

    page: int
    offset: int
    in_log: bool


class RawFile:
    """Reads only, never writes; used by one thread at a time, and closed by whoever opened it."""

    def __init__(self, path: Path, log: wal.Log, *, is_live: bool = False) -> None:
        """OSError when the file cannot be opened. `log` as wal.py has read it.

        `is_live` when SQLite has the journal open in this process: see descriptors.py.
        """
        self.log = log
        self._path = path
        self._is_live = is_live
        self._file = self._opened("")
        self._log_file: int | None = None
        self._over = {frame.page: frame.offset for frame in log.taken}
        self.in_file = os.fstat(self._file).st_size // PAGE
        """Whole pages that the file itself has."""
        self._map = (0, b"")
        self._pages = 0

    def close(self) -> None:
        """Gives the files back; may be called twice."""
        for file in (self._file, self._log_file):
            if file is not None and file >= 0 and not self._is_live:
                os.close(file)
        self._file, self._log_file = -1, None

    @property
    def pages(self) -> int:
        """How many pages there are: by the last commit in the log, the file's header, or its size."""
        if not self._pages:
            self._pages = self.log.pages or self._by_header() or self.in_file
        return self._pages

    def holds(self, number: int) -> bool:
        """True for a page that stands in the file or in the log."""
        return 0 < number <= self.in_file or number in self._over

    # ---- pages ------------------------------------------------------------------------------------------

    def page(self, number: int) -> bytes:
        """The page as it was last committed; Broken when the files do not hold it."""
        if number < 1:
            raise Broken("there is no page 0")
        return self.image(self.image_of(number))

    def image(self, image: Image) -> bytes:
        """The page as it stands in that place."""
        return _read(self._log_descriptor() if image.in_log else self._file, image.offset)

    def image_of(self, number: int) -> Image:
        """Where the page stands as it was last committed."""
        offset = self._over.get(number)
        return Image(number, (number - 1) * PAGE if offset is None else offset, offset is not None)

    def use(self, number: int) -> tuple[int, int]:
        """(kind, page) of the pointer map: what the page is used for, and by which one; (0, 0) if unknown."""
        if not btree.is_mapped(number):
            return 0, 0
        where = btree.map_page(number)
        if self._map[0] != where:
            self._map = where, self.page(where) if self.holds(where) else bytes(PAGE)
        place = btree.map_place(number)
        entry = self._map[1][place : place + 5]
        return entry[0], int.from_bytes(entry[1:], "big")

    # ---- rows -------------------------------------------------------------------------------------------

    def ways_on(self, leaf: int, cell: Cell) -> list[int]:
        """The pages on which a row of this leaf may go on, the likeliest first: one, unless damage hit it.

        [0] for a row that lies on its leaf as a whole.
        """
        said = cell.overflow
        if not said or (self.holds(said) and self.use(said) == (btree.FIRST_OVERFLOW, leaf)):
            return [said]
        taken = self._begun_on(leaf)
        mapped = [page for page in self._mapped((btree.FIRST_OVERFLOW, leaf)) if page not in taken]
        return [*mapped, said] if self.holds(said) else mapped or [0]

    def payload(self, cell: Cell, way_on: int) -> bytes:
        """The whole payload of a row, as far as it can be followed; `way_on` is one of ways_on().

        Where a page does not say rightly how the row goes on, the pointer map says it, and failing that the
        next page is tried. Whether it is what was written only a checksum tells. Shorter than `cell.size`
        when there is no way on.
        """
        if cell.size > (self.pages + len(self.log.taken)) * PAGE:
            raise Broken("a row longer than its file")
        parts, missing = [cell.local], cell.size - len(cell.local)
        while missing > 0 and way_on:
            octets = self.page(way_on)
            parts.append(octets[4 : 4 + missing])
            missing -= len(parts[-1])
            way_on = self._following(way_on, btree.u32(octets, 0)) if missing > 0 else 0
        return b"".join(parts)

    def _following(self, before: int, said: int) -> int:
        """The page on which a row goes on behind page `before`; 0 when nobody knows."""
        wanted = (btree.OVERFLOW, before)
        near: list[int] = [said, *range(before + 1, before + 1 + _NEAR)]
        for number in near:
            if self.holds(number) and self.use(number) == wanted:
                return number
        for number in self._mapped(wanted):
            return number
        return said if self.holds(said) else 0

    def _begun_on(self, leaf: int) -> set[int]:
        """The pages on which the rows of a leaf go on, as far as leaf and map agree about them."""
        found = set()
        with suppress(Broken):
            octets = self.page(leaf)
            for place in btree.cell_places(octets):
                with suppress(Broken):
                    found.add(btree.cell(octets, place, btree.TABLE_LEAF).overflow)
        return {number for number in found if self.use(number) == (btree.FIRST_OVERFLOW, leaf)}

    def _mapped(self, wanted: tuple[int, int]) -> Iterator[int]:
        """The pages of which the map says that they are used so, in order."""
        entry = bytes([wanted[0]]) + wanted[1].to_bytes(4, "big")
        for where in self.map_pages():
            octets = self.page(where) if self.holds(where) else b""
            place = octets.find(entry)
            while place >= 0:
                number = where + 1 + place // 5
                if place % 5 == 0 and self.holds(number):
                    yield number
                place = octets.find(entry, place + 1)

    # ---- the whole file ---------------------------------------------------------------------------------

    def map_pages(self) -> Iterator[int]:
        """The pages of the pointer map."""
        yield from map(btree.map_page, range(2, self.pages + 1, btree.MAP_EVERY))

    def starting_with(self, kinds: Iterable[int]) -> Iterator[Image]:
        """Every place, in the file and in all frames of the log, whose first octet is one of these.

        Page 1 is not among them: it begins with the file's header.
        """
        wanted = frozenset(kinds)
        for start in range(0, self.in_file * PAGE, _AT_ONCE):
            heads = _stretch(self._file, start)[::PAGE]
            for place, head in enumerate(heads, start // PAGE + 1):
                if head in wanted and 1 < place <= self.in_file:
                    yield Image(place, (place - 1) * PAGE, in_log=False)
        for image in self.frames():
            with suppress(Broken):
                if self.image(image)[0] in wanted:
                    yield image

    def frames(self) -> Iterator[Image]:
        """Every frame of the log, whether SQLite takes it or not."""
        for frame in (*self.log.taken, *self.log.behind):
            yield Image(frame.page, frame.offset, in_log=True)

    def _by_header(self) -> int:
        """Behind it a file may have pages that a cut kept from being cut off; 0 when nobody can say."""
        try:
            head = btree.header(self.page(1))
        except Broken:
            return 0
        return head.pages if head.is_current and head.pages <= self.in_file else 0

    def _log_descriptor(self) -> int:
        if self._log_file is None:
            self._log_file = self._opened("-wal")
        return self._log_file

    def _opened(self, suffix: str) -> int:
        if self._is_live:
            return descriptors.shared(self._path, suffix)
        return os.open(f"{self._path}{suffix}", os.O_RDONLY | os.O_CLOEXEC)


def _read(file: int, offset: int) -> bytes:
    """One page; Broken where there is none, or where the disk cannot read it."""
    try:
        octets = os.pread(file, PAGE, offset)
    except OSError as error:
        raise Broken(f"octet {offset} cannot be read: {error.strerror}") from error
    if len(octets) < PAGE:
        raise Broken(f"octet {offset} lies behind the end of the file")
    return octets


def _stretch(file: int, start: int) -> bytes:
    """Many pages at once; those that the disk cannot read are all zeros."""
    try:
        return os.pread(file, _AT_ONCE, start)
    except OSError:
        pages = []
        for offset in range(start, start + _AT_ONCE, PAGE):
            try:
                pages.append(os.pread(file, PAGE, offset))
            except OSError:
                pages.append(bytes(PAGE))
        return b"".join(pages)


@contextmanager
def resting(path: Path) -> Iterator[RawFile]:
    """A file that nobody writes, with its log checked frame by frame. OSError when it cannot be read."""
    raw = RawFile(path, wal.read(Path(f"{path}-wal")))
    try:
        yield raw
    finally:
        raw.close()


@contextmanager
def living(path: Path) -> Iterator[RawFile]:
    """The file beside its writer. The caller holds a read transaction that has read something already."""
    hold = descriptors.Hold(path)
    try:
        raw = RawFile(path, wal.read_live(path), is_live=True)
        try:
            yield raw
        finally:
            raw.close()
    finally:
        hold.release()
