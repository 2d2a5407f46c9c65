"""What an error of SQLite means for us, sorted by who can mend it."""

from __future__ import annotations

import errno
import os
import pwd
import sqlite3
from pathlib import Path

from lpforwarder.errors import Blocked, Denied, Failure, Fatal, Transient
from lpforwarder.journal.reserve import FULL, refusal

# Primary result codes are the low octet of an extended one; see sqlite.org/rescode.html.
_PERM, _BUSY, _LOCKED, _READONLY, _IOERR, _CORRUPT, _FULL, _CANTOPEN, _AUTH, _NOTADB = (
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_NOTADB,
)
_UNREADABLE = frozenset({sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ})
_NO_TEXT = "Could not decode to UTF-8"  # what Python says, without a code, of text that was damaged
_SYNC_FAILED = frozenset({sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC})


_LOOK_AT_DISK = "look at the disk and at the kernel's log; what was not yet taken is still at the source"
RESTART = "restart the service: it sets the file aside and goes on with all that is whole"
DAMAGED = "LPF505"
READ_ONLY = "LPF509"
AGAIN_AFTER = 1.0
"""Seconds after which a poll that was refused for want of room asks again; that costs a look and no call."""


def code_of(error: sqlite3.Error) -> int:
    """The extended result code; 0 for errors that Python raises itself."""
    return getattr(error, "sqlite_errorcode", None) or 0


def is_damage(error: sqlite3.Error) -> bool:
    """True when a place in the file cannot be read, and others perhaps can."""
    code = code_of(error)
    return code & 0xFF == _CORRUPT or code in _UNREADABLE or str(error).startswith(_NO_TEXT)


def is_full(error: sqlite3.Error, path: Path) -> bool:
    """True when there was no room; the transaction is rolled back and the file as good as before."""
    code = code_of(error)
    if code & 0xFF == _FULL:
        return True
    # A used-up quota comes as an I/O error; a failed sync is never that harmless.
    return code & 0xFF == _IOERR and code not in _SYNC_FAILED and refusal(path) in FULL


def is_read_only(error: sqlite3.Error, path: Path) -> bool:
    """True when the file system takes no writes any more; what was synced before is as good as ever."""
    code = code_of(error)
    return (
        code & 0xFF in (_IOERR, _READONLY, _CANTOPEN)
        and code not in _SYNC_FAILED
        and refusal(path) == errno.EROFS
    )


def full(what: str, fix: str) -> Transient:
    """Intake must wait; delivery goes on."""
    what = f"{what}; polling is paused, delivery goes on"
    return Transient(what, code="LPF501", fix=fix, retry_after=AGAIN_AFTER)


def read_only(path: Path) -> Transient:
    """The file system of the journal has become read-only under us."""
    return Transient(
        f"the file system of the journal has become read-only ({path.parent}); "
        "polling is paused, delivery goes on",
        code=READ_ONLY,
        fix="look at the kernel's log for why, mend the disk, mount it writable again",
        retry_after=AGAIN_AFTER,
    )


def no_room(path: Path) -> Transient:
    """Why no small file can be made beside the journal."""
    return read_only(path) if refusal(path) == errno.EROFS else disk_full(path)


def held_up(path: Path) -> Transient:
    """Somebody reads the journal for so long that its log takes all the room there is."""
    return full(
        "somebody reads the journal for long, and its log cannot be emptied meanwhile",
        f"see what has it open (lsof {path}): a backup, an export, a sqlite3 shell; "
        "when that has ended, polling resumes by itself",
    )


def disk_full(path: Path) -> Transient:
    """The disk has no room for new events."""
    return full(
        f"the disk of the journal is full ({path.parent})", "make room there, or lower journal.max_size"
    )


def while_writing(error: sqlite3.Error, path: Path) -> Failure | None:
    """The failure a write ran into; None when it is a bug of ours."""
    if is_full(error, path):
        return disk_full(path)
    if is_read_only(error, path):
        return read_only(path)
    primary = code_of(error) & 0xFF
    if is_damage(error) or primary == _NOTADB:
        return Blocked("the journal is damaged where it must be written", code="LPF505", fix=RESTART)
    if primary == _IOERR:
        return Fatal(
            f"the disk failed while the journal was written ({error})", code="LPF506", fix=_LOOK_AT_DISK
        )
    return _refused(error, path)


def while_opening(error: sqlite3.Error, path: Path) -> Failure | None:
    """The failure that keeps a journal from being opened for writing; None when it is a bug of ours."""
    if code_of(error) & 0xFF == _NOTADB:
        return _no_journal(path)
    if is_read_only(error, path):
        return not_writable(path.parent, os.strerror(errno.EROFS))
    return while_writing(error, path)


def while_reading(error: sqlite3.Error, path: Path) -> Failure | None:
    """The failure a read ran into; None when it is a bug of ours."""
    if is_full(error, path):  # reading needs an index file, and that needs room
        return disk_full(path)
    primary = code_of(error) & 0xFF
    if primary == _NOTADB:
        return _no_journal(path)
    if is_damage(error):
        return Blocked("the journal is damaged", code="LPF505", fix=RESTART)
    if primary == _IOERR:
        return Blocked(f"the journal cannot be read ({error})", code="LPF506", fix=_LOOK_AT_DISK)
    return _refused(error, path)


def is_there(path: Path) -> bool:
    """True for a file, False for nothing.

    Denied for something else, as to open a pipe would wait for ever, and where one cannot look.
    """
    try:
        found, is_file = path.exists(), path.is_file()
    except OSError as error:
        what = f"cannot look at the journal {path}: {error.strerror}"
        fix = "run this as the user of the service, or correct journal.path"
        raise Denied(what, code="LPF503", fix=fix) from error
    if found and not is_file:
        raise Denied(f"{path} is not a file", code=DAMAGED, fix="let journal.path name a file")
    return is_file


def _no_journal(path: Path) -> Denied:
    return Denied(
        f"{path} is not a journal, or its beginning is damaged",
        code="LPF505",
        fix="give journal.path another file; if this was the journal: lpforwarder journal repair",
    )


def _refused(error: sqlite3.Error, path: Path) -> Failure | None:
    primary = code_of(error) & 0xFF
    if primary in (_BUSY, _LOCKED):
        return Transient(
            "another program keeps the journal locked",
            code="LPF502",
            fix="close the program that has the journal open for writing",
        )
    if primary in (_READONLY, _CANTOPEN, _PERM, _AUTH):
        return not_writable(path.parent, str(error))
    return None


def not_writable(folder: Path, reason: str) -> Denied:
    """The state folder cannot be used; says whose it is when that explains it."""
    what = f"cannot write to the state folder {folder}: {reason}"
    try:
        owner = folder.stat().st_uid
    except OSError:
        return Denied(what, code="LPF503", fix="give journal.path a folder that can be written")
    if owner == os.geteuid():
        return Denied(what, code="LPF503", fix="look at the folder's mode, and whether its disk is read-only")
    us = _user(os.geteuid())
    what = f"cannot write to the state folder {folder}: it belongs to {_user(owner)}, we run as {us}"
    return Denied(what, code="LPF503", fix=f"chown {us} {folder}")


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
