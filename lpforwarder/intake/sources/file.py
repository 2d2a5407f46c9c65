"""Canonical events from a file: a JSON array, or one JSON object a line. Streamed, whatever its size.

Read once to its end, or followed like a log: then what is appended is read as it comes, and rotation loses
nothing. What the cursor knows is in `bookmark`, rotation in `following`, the two forms in `json_text`.
"""

from __future__ import annotations

import dataclasses
import errno
import os
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from lpforwarder import event
from lpforwarder.config import files
from lpforwarder.config.options import Duration, FilePath, Finding
from lpforwarder.errors import Blocked, Failure, Transient
from lpforwarder.event import Event, Reject
from lpforwarder.event_page import EventPage
from lpforwarder.intake import canonical
from lpforwarder.intake.contract import Cursor, Page, SourceOptions
from lpforwarder.intake.sources import flat_records, following, json_text
from lpforwarder.intake.sources.absence import Absence
from lpforwarder.intake.sources.bookmark import SAMPLE, Bookmark, digest, from_cursor, path_digest, to_cursor
from lpforwarder.intake.sources.flat_records import BLOCK, Fields
from lpforwarder.intake.sources.following import Found, LogFile, Look, Sibling
from lpforwarder.intake.sources.plain_lines import Plain, PlainLines
from lpforwarder.intake.sources.records import KEPT, Cut, Fault, Limits, Place, Record

_WRONG_PATH = (errno.ESPIPE, errno.ENXIO, errno.ELOOP, errno.ENAMETOOLONG, errno.EISDIR, errno.ENOTDIR)
_DEFAULT = Limits()
_BEHIND_ALL = float("inf")


class FileOptions(SourceOptions):
    """The keys of a source of type `file`."""

    path: FilePath
    """A JSON array or JSON Lines of canonical events."""
    follow: bool = False
    """Keep reading what is appended, survive rotation."""
    poll_interval: Duration = 1.0

    def check_files(self) -> Iterable[Finding]:
        """A file that cannot be read. One that is missing may have been read already, or be to come."""
        if not self.path.exists():
            if not self.follow:
                fix = "create it, or correct the path"
                yield Finding(key="path", code="LPF119", what=f"{self.path} does not exist", fix=fix)
            return
        if problem := files.unreadable(self.path, key="path"):
            yield problem


class _Reading(Struct, frozen=True, kw_only=True):
    cut: Cut
    bookmark: Bookmark
    """The place behind what was cut."""
    is_end: bool
    """There is nothing more to cut at present."""


class FileSource:
    """Events in the order of the file. Keeps nothing but the open file, which may be lost at any time."""

    Options = FileOptions

    def __init__(
        self,
        options: FileOptions,
        limits: Limits = _DEFAULT,
        *,
        settled: float = following.SETTLED,
        absence: Absence | None = None,
    ) -> None:
        """`settled` are the seconds after a change in which a followed file's looks are not relied on."""
        self._name = options.name
        self._path = options.path
        self._follow = options.follow
        self._poll_interval = options.poll_interval
        self._absence = absence or Absence()
        self._limits = limits
        self._settled_after = settled
        self._plain = PlainLines()
        self._held: LogFile | None = None
        self._quiet: tuple[Cursor, Look] | None = None
        """Behind this cursor was nothing while the file looked like this."""

    def pull(self, after: Cursor | None) -> Page:
        """The next records, 2,000 or 512 KiB at most; at the end an empty page with the same cursor."""
        look = following.look(self._path, self._settled_after) if self._follow else None
        if self._quiet is not None and self._quiet == (after, look):
            return Page(events=(), cursor=self._quiet[0])
        bookmark = None if after is None else self._read_bookmark(after)
        if after is not None and bookmark is not None and bookmark.finished and not self._follow:
            return Page(events=(), cursor=after)
        try:
            page = self._page(after, bookmark)
            is_empty = page.cursor == after and not (page.events or page.rejects or page.more)
            self._quiet = self._settled(page.cursor, look, bookmark) if is_empty else None
            if self._follow:
                self._note_absence(look, is_empty)
        except FileNotFoundError as error:
            self._quiet = None
            if after is not None and self._follow and self._absence.is_short():
                return Page(events=(), cursor=after)
            raise self._failure(error) from error
        except OSError as error:
            self.close()  # a descriptor may go bad for ever, as on a network file system
            raise self._failure(error) from error
        return page

    def close(self) -> None:
        """Gives the file back; a later pull opens it again."""
        self._hold(None)

    def _note_absence(self, look: Look | None, is_empty: bool) -> None:
        """FileNotFoundError when there is nothing more to read and nothing of that name either.

        A file that was renamed is read to its end, and could be read for ever.
        """
        if look is not None or self._path.exists():
            self._absence.ends()
            return
        self._absence.begins()
        if is_empty:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self._path))

    def _settled(
        self, cursor: Cursor, look: Look | None, bookmark: Bookmark | None
    ) -> tuple[Cursor, Look] | None:
        """What an empty pull was made of, if the next one may rely on it: 0.05 ms instead of 0.7.

        A file that was only ever seen empty, or has another name by now, tells nothing by how it looks.
        """
        if look is None or bookmark is None or bookmark.was_empty or self._held is None:
            return None
        return (cursor, look) if following.identity(self._held.stat()) == look.identity else None

    def _page(self, after: Cursor | None, bookmark: Bookmark | None) -> Page:
        found = following.find(self._path, bookmark, self._held)
        self._hold(found.file)
        if not self._follow:
            found = replace(found, later=found.later[-1:])
        if found.file is None:
            return self._next_file(found, self._gap(found.place))
        # Asked before reading: whatever the writer put into the old file before it went on is read below.
        is_left_behind = found.is_left_behind
        reading = self._read(found.file, found.place, bookmark, is_left_behind or not self._follow)
        events, rejects = self._convert(reading.cut, found.file.path.name)
        if self._follow and is_left_behind and reading.is_end:
            return replace(self._next_file(found, rejects), events=events)
        now = dataclasses.replace(reading.bookmark, finished=reading.is_end and not self._follow)
        same = after if bookmark is not None and not now.goes_beyond(bookmark) else None
        return Page(events=events, rejects=rejects, cursor=same or to_cursor(now), more=not reading.is_end)

    def _read(self, file: LogFile, place: Place, earlier: Bookmark | None, is_last: bool) -> _Reading:
        """One window of the file, cut; a larger one if not even one record fits.

        `is_last` says that nothing will be written behind the present end of the file.
        """
        status = file.stat()
        begin = max(0, place.offset - SAMPLE)
        before = place.offset - begin
        for size in (self._limits.window, self._limits.longest + 1):
            stretch = file.read(begin, before + size)
            if earlier is not None and place == earlier.place and digest(stretch[:before]) != earlier.tail:
                what = f"{self._name}: {self._path} was emptied while it was being read"
                raise Transient(what, code="LPF310")
            window = stretch[before:]
            at_end = len(window) < size
            cut = json_text.cut(window, place, is_last and at_end, self._limits)
            if at_end or cut.place.offset > place.offset or cut.place.stage == "ended":
                break
        return _Reading(
            cut=cut,
            bookmark=self._bookmark(status, begin, stretch, cut.place, earlier),
            is_end=cut.place.stage == "ended" or (at_end and not cut.full),
        )

    def _bookmark(
        self, status: os.stat_result, begin: int, stretch: bytes, place: Place, earlier: Bookmark | None
    ) -> Bookmark:
        """The bookmark of a place in or behind the octets that stand at `begin`.

        Made from octets that were read once: what is read again may be those of another file by then.
        """
        head, head_length = digest(stretch[:SAMPLE]), len(stretch[:SAMPLE])
        behind = place.offset - begin
        if begin > 0 and earlier is not None:
            head, head_length = earlier.head, earlier.head_length
        return Bookmark(
            path=path_digest(self._path),
            device=status.st_dev,
            inode=status.st_ino,
            modified=status.st_mtime_ns,
            head_length=head_length,
            head=head,
            tail=digest(stretch[max(0, behind - SAMPLE) : behind]),
            place=place,
            was_empty=not stretch and begin == 0,
        )

    def _next_file(self, found: Found, rejects: list[Reject]) -> Page:
        """No events, and the beginning of the next file that can be read; others become rejects."""
        for sibling in found.later:
            if sibling.is_packed:
                rejects.append(self._note(f"{sibling.path.name} is compressed and was not read"))
                continue
            try:
                cursor = to_cursor(self._beginning(sibling))
            except OSError as error:
                if sibling.path == self._path:
                    raise
                rejects.append(self._note(f"{sibling.path.name} was not read: {error.strerror}"))
            else:
                return Page(events=(), rejects=rejects, cursor=cursor, more=True)
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self._path))

    def _beginning(self, sibling: Sibling) -> Bookmark:
        """Its head is noted at once: the file may be copied away and emptied before it is read."""
        file = LogFile(sibling.path)
        status = file.stat()
        if following.identity(status) == sibling.identity:
            self._hold(file)
            return self._bookmark(status, 0, file.read(0, SAMPLE), Place(), None)
        file.close()  # rotated this very moment; its inode will lead us to it
        device, inode = sibling.identity
        path = path_digest(self._path)
        return Bookmark(path=path, device=device, inode=inode, modified=sibling.modified, place=Place())

    def _gap(self, place: Place) -> list[Reject]:
        """The reject that makes a lost rest visible; none if nothing was left to read."""
        if place.stage in ("closed", "ended"):
            return []
        unit = "element" if place.stage == "array" else "line"
        return [
            self._note(
                "the file was replaced and the old one was not found beside it; "
                f"what stood behind {unit} {place.number} of it may be missing"
            )
        ]

    def _note(self, reason: str) -> Reject:
        return Reject(where=self._path.name, reason=reason, raw=b"")

    def _convert(self, cut: Cut, name: str) -> tuple[EventPage, list[Reject]]:
        raws = cut.raws
        numbered: Sequence[Record] = ()
        parts, faults = [], list(cut.faults)
        for begin in range(0, len(raws), BLOCK):
            block = raws[begin : begin + BLOCK]
            plain = self._plain.among(block)
            if plain.page is None or len(plain.places) < len(block):
                numbered = numbered or cut.numbered()
                parts.append(self._mixed(numbered[begin : begin + BLOCK], plain, faults))
            else:
                parts.append(plain.page)
        faults.sort(key=lambda fault: fault.number or _BEHIND_ALL)
        return EventPage.joined(parts), [_reject(fault, name, cut.unit) for fault in faults]

    def _mixed(self, records: Sequence[Record], plain: Plain, faults: list[Fault]) -> EventPage:
        """The events of these records in their order; what is none is added to the faults."""
        others = sorted(set(range(len(records))).difference(plain.places))
        made = dict(zip(others, self._with_care([records[place] for place in others], faults), strict=True))
        events = [event for event in made.values() if event is not None]
        page = EventPage.of(events)
        if plain.page is None:
            return page
        lines = dict(zip(plain.places, plain.page.lines, strict=True))
        lines |= {place: event.line for place, event in made.items() if event is not None}
        return dataclasses.replace(
            EventPage.joined([plain.page, page]), lines=[lines[place] for place in sorted(lines)]
        )

    def _with_care(self, records: Sequence[Record], faults: list[Fault]) -> Iterator[Event | None]:
        """The event of each record, or None."""
        fields, lines = flat_records.read([raw for _, _, raw in records])
        for (offset, number, raw), flat, line in zip(records, fields, lines, strict=True):
            done = canonical.complete(flat, line, self._name) if flat else None
            if done is None and raw and not raw.isspace():
                try:
                    done = self._to_event(offset, raw, flat)
                except ValueError as error:
                    faults.append(Fault(number=number, reason=str(error), raw=raw[:KEPT]))
            yield done

    def _to_event(self, offset: int, raw: bytes, fields: Fields | None) -> Event:
        if fields is None:
            fields = event.parse(raw)
        fallback_id = ""
        if not canonical.has_id(fields):
            fallback_id = canonical.name_based_id(self._name, str(offset), raw.strip())
        return canonical.to_event(fields, source=self._name, fallback_id=fallback_id)

    def _read_bookmark(self, cursor: Cursor) -> Bookmark:
        try:
            return from_cursor(cursor)
        except ValueError as error:
            what = f"{self._name}: the stored place is not one in a file"
            raise Blocked(what, code="LPF311", fix="give the source another name") from error

    def _hold(self, file: LogFile | None) -> None:
        if self._held is not None and self._held is not file:
            self._held.close()
        self._held = file

    def _failure(self, error: OSError) -> Failure:
        """What the operating system says, sorted by who can mend it."""
        what = f"{self._name}: {self._path}"
        if isinstance(error, FileNotFoundError):
            if not self._follow:
                return Blocked(f"{what}: no such file", code="LPF119", fix="create it, or correct the path")
            fix = "look at what writes it, or correct the path; it is read as soon as it exists"
            # In the pace of its polls, not ever slower: its writer may come back at any time.
            return Transient(f"{what}: no such file", code="LPF119", fix=fix, retry_after=self._poll_interval)
        if isinstance(error, PermissionError):
            fix = "let the user of the service read the file and enter its folders"
            return Blocked(f"{what}: permission denied", code="LPF122", fix=fix)
        reason = (error.strerror or "cannot be read").lower()
        if error.errno in _WRONG_PATH:
            return Blocked(f"{what}: {reason}", code="LPF119", fix="name a file")
        return Transient(f"{what}: {reason}", code="LPF310", fix="look at the disk or the network it is on")


def _reject(fault: Fault, name: str, unit: str) -> Reject:
    where = f"{name} {unit} {fault.number}" if fault.number else name
    return Reject(where=where, reason=fault.reason, raw=fault.raw)
