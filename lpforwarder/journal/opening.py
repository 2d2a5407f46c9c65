"""Opening a journal for writing: the folder and the file."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from lpforwarder.errors import Denied
from lpforwarder.journal.faults import is_full, not_writable, while_opening
from lpforwarder.journal.lock import Lock
from lpforwarder.journal.quota import Quota
from lpforwarder.journal.reserve import Reserve, fitting
from lpforwarder.journal.writer import Writer


def prepare_folder(folder: Path) -> None:
    """Makes the folder and those above it, for us alone, whatever the umask. Denied when it cannot."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        for place in reversed(missing):
            place.mkdir(mode=0o700, exist_ok=True)
            place.chmod(0o700)
            sync_folder(place.parent)
    except OSError as error:
        raise denied(folder, error) from error


def take_lock(path: Path, now: str) -> Lock:
    """The right to write the journal at `path`, whose folder is made if need be. Busy, Denied."""
    prepare_folder(path.parent)
    try:
        return Lock(path.with_name(path.name + ".lock"), now=now)
    except OSError as error:
        raise denied(path.parent, error) from error


def denied(folder: Path, error: OSError) -> Denied:
    """What an OSError of the state folder means to people."""
    existing = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    return not_writable(existing, error.strerror or str(error))


def sync_folder(folder: Path) -> None:
    """Makes the names in it survive a power cut."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def opened_writer(
    path: Path,
    reserve_size: int | None,
    *,
    synchronous: str,
    quota: Quota,
    on_damage: Callable[[str], object],
) -> Writer:
    """The writer of the file at `path`, made when there is none; gives up the reserve when that needs room.

    `reserve_size` in octets, None for its share of the quota. Denied, Transient (LPF501) and the like.
    """
    try:
        size = fitting(quota.reserve, path.parent) if reserve_size is None else reserve_size
        reserve = Reserve(path.with_name(path.name + ".reserve"), size)
        while True:
            try:
                return Writer(
                    path,
                    reserve=reserve,
                    synchronous=synchronous,
                    checkpoint_every=quota.copy_log_every,
                    log_size=quota.log,
                    on_damage=on_damage,
                )
            except sqlite3.Error as error:
                if not (is_full(error, path) and reserve.give_up()):
                    raise while_opening(error, path) or error from error
    except OSError as error:
        raise denied(path.parent, error) from error
