"""Small files that are replaced as a whole: readers see the old content or the new one, never half of it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def replace(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Puts the content at `path` so that it survives a power cut. Raises OSError; then the old one stays.

    The file belongs to the owner of its folder: root, too, may write what the service has to read.
    """
    new = path.with_name(path.name + ".new")
    try:
        _write(new, content, mode)
        os.replace(new, path)
    except OSError:
        with suppress(OSError):
            new.unlink()
        raise
    _sync(path.parent)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Keeps other processes from replacing `path` meanwhile; the lock lies beside it, of the same owner."""
    lock = _opened(path.with_name(path.name + ".lock"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _opened(lock: Path) -> int:
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    with suppress(FileNotFoundError):
        return os.open(lock, flags)
    try:
        made = os.open(lock, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # somebody made it meanwhile
        return os.open(lock, flags)
    _give(made, lock.parent)
    return made


def _give(descriptor: int, folder: Path) -> None:
    """What root makes goes to the owner of the folder."""
    owner = folder.stat()
    if os.geteuid() == 0 and (owner.st_uid, owner.st_gid) != (0, 0):
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _write(path: Path, content: bytes, mode: int) -> None:
    with suppress(FileNotFoundError):
        path.unlink()  # left by a process that died
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        _give(descriptor, path.parent)
        os.fchmod(descriptor, mode)
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
