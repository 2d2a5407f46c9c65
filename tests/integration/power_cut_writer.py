"""A small life of a journal, said aloud: what it is about to do, and what it was told is safe.

Run as `python -m tests.integration.power_cut_writer FOLDER SYNCHRONOUS ROUNDS`. Everything it does follows
from `plan()`, so whoever reads its words knows what must be in the file.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lpforwarder.event import Event, Seq
from lpforwarder.journal.retention import DROP, Rules
from lpforwarder.journal.sqlite import SqliteJournal

NOW = "2022-12-14T17:33:43.369Z"
RESERVE = 2**16
SOURCE = "acme"
COLLECTOR = "siem"
LARGE = 2**40


class SmallLog(SqliteJournal):
    """Copies its log into the file every few commits, so that a short life has many checkpoints."""

    checkpoint_every = 2**18


class Weak(SmallLog):
    """What the journal would be with SQLite's other setting."""

    synchronous = "NORMAL"


KINDS = {"FULL": SmallLog, "NORMAL": Weak}


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """`append` up to place `to`, `confirm` up to `to`, `remove`, `shrink`, `copy` all places, or `reopen`."""

    name: str
    to: int = 0


def plan(rounds: int, seed: int = 7) -> Iterator[Act]:
    """What happens, always the same for the same numbers."""
    choose = random.Random(seed)
    last = confirmed = 0
    for _ in range(rounds):
        last += choose.choice((1, 1, 2, 5, 20, 60))
        yield Act(name="append", to=last)
        luck = choose.random()
        if luck < 0.4:
            confirmed = choose.randint(confirmed, last)
            yield Act(name="confirm", to=confirmed)
        elif luck < 0.5:
            yield Act(name="remove")
        elif luck < 0.55:
            yield Act(name="shrink")
        elif luck < 0.6:
            yield Act(name="reopen")
        elif luck < 0.7:
            yield Act(name="copy")


def open_kind(kind: type[SqliteJournal], folder: Path) -> SqliteJournal:
    """The journal of this life; confirmed events may be removed at once."""
    rules = Rules(keep=-1.0, max_size=LARGE, when_full=DROP)
    return kind(folder / "journal.db", rules, reserve_size=RESERVE, now=lambda: NOW, on_damage=None)


def page(first: int, last: int) -> list[Event]:
    """Events named by their places, of about 350 octets."""
    return [
        Event.of({"id": str(place), "timestamp": NOW, "eventType": "login", "message": "m" * 270})
        for place in range(first, last + 1)
    ]


def live(folder: Path, kind: type[SqliteJournal], rounds: int, say: Callable[[str], object]) -> None:
    """Does what plan() says. `+ACT TO` is said before, `=ACT TO` once the call has returned."""
    journal = open_kind(kind, folder)
    journal.register(COLLECTOR, "oldest")
    say("=open 0")
    last = 0
    for act in plan(rounds):
        say(f"+{act.name} {act.to}")
        match act.name:
            case "append":
                journal.append(SOURCE, page(last + 1, act.to), (), str(act.to))
                last = act.to
            case "confirm":
                journal.advance(COLLECTOR, Seq(act.to), Seq(act.to))
            case "remove":
                journal.remove_some()
            case "shrink":
                journal.shrink(64)
            case "copy":
                journal.copy_places(at_once=True)
            case "reopen":
                journal.close()
                journal = open_kind(kind, folder)
        say(f"={act.name} {act.to}")
    journal.close()


def main() -> None:
    """Lives once, speaking to standard output."""
    folder, kind, rounds = sys.argv[1:]
    live(Path(folder), KINDS[kind], int(rounds), lambda words: os.write(1, f"{words}\n".encode("ascii")))


if __name__ == "__main__":
    main()
