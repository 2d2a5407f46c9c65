"""After a scenario: what of events and secrets lies where it must not, in anything that was written."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.chaos.play import Play

_MARKS = ("@example.com", "@example.org", "Company account")
"""In every event of the truth lists."""
_CONTENTS = ("journal.db", "journal.db-wal", "journal.db-shm")
_CONFIGURATION = "lpforwarder.yaml"
_WRITTEN_BY_TESTS = "copy"


def expect_discretion(play: Play, daemon: Path, secrets: Iterable[str]) -> None:
    """Nothing of an event but in the journal, a secret in its own file alone, and the journal for its owner.

    `daemon` is the forwarder's folder. Its log, and what lies beside the journal, must hold nothing of an
    event; whatever was written in the whole scenario, collectors included, must hold no secret.
    """
    secrets = tuple(secrets)
    for path in _files(play.folder):
        if path.suffix != ".secret":
            play.expect(not _holds(path, secrets), f"{path.name} holds a secret")
        if path.name.startswith("journal.db"):
            play.expect(path.stat().st_mode & 0o077 == 0, f"{path.name} can be read by others")
        if _is_no_place_for_events(path, daemon):
            play.expect(not _holds(path, _MARKS), f"{path.name} quotes an event")


def secrets_of(settings: dict[str, Any]) -> list[str]:
    """What the sources of a configuration log in with."""
    files = [Path(source["secret_file"]) for source in settings["sources"] if "secret_file" in source]
    return [file.read_text(encoding="ascii").strip() for file in files]


def _files(folder: Path) -> Iterator[Path]:
    return (
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and _WRITTEN_BY_TESTS not in path.parts
    )


def _is_no_place_for_events(path: Path, daemon: Path) -> bool:
    if path.name in (*_CONTENTS, _CONFIGURATION) or ".damaged-" in path.name:
        return False
    return path.is_relative_to(daemon) or path.name.startswith("journal.db")


def _holds(path: Path, texts: Iterable[str]) -> bool:
    if not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as octets:
        return any(octets.find(text.encode()) >= 0 for text in texts)
