"""A journal with millions of events that wait: memory, time to the first, rate to the end; and what retention
costs a delivery that is under way."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from bench.events import SOURCE, events
from bench.measuring import patience, running
from bench.path import KEEP, MAX_SIZE
from bench.section import Goal, Section, number, table
from bench.senders.contract import Job, Target
from bench.senders.lpforwarder import collector, file_source, run_with
from bench.setting import Setting, say
from bench.sinks import Seen, SinkProcess
from lpforwarder import rfc3339
from lpforwarder.event import Cursor, Event, Seq
from lpforwarder.journal.reader import open_reader
from lpforwarder.journal.sqlite import open_journal

_PAGE = 1000
_DIFFERENT = 50_000
"""Events that are made; the backlog repeats them, for the journal does not look into them."""
_LOOK_EVERY = 0.25
_SHARE = 0.1
"""Of the backlog, at its beginning and at its end, whose rates are compared."""
_TOO_OLD = KEEP + 86_400
MEMORY, FIRST, SLOWER, STALL = 100.0, 1.0, 0.9, 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """One backlog, delivered."""

    seen: Seen
    first: float
    """Seconds from the start of the process to the first event at the sink."""
    peak: int
    """Octets."""
    removed: int
    """Events that left the journal meanwhile."""
    memory: tuple[int, ...]
    """Octets, looked at while it went on, from a tenth of the way."""


def measure_backlog(setting: Setting) -> Section:
    """Two drains: of a backlog alone, and of one behind events whose time to leave has come."""
    count = setting.scale.backlog
    drained = _drain(setting, waiting=count, expired=0)
    say(f"backlog: {count:,} events delivered")
    short = max(count // 10, 10_000)
    plain, expired = (_drain(setting, waiting=short, expired=old) for old in (0, short))
    say(f"backlog: {short:,} events delivered while as many left")
    begin, end = rate_at(drained.seen.timeline, 0.0, _SHARE), rate_at(drained.seen.timeline, 1 - _SHARE, 1.0)
    grown = (max(drained.memory) - drained.memory[0]) / 2**20 if drained.memory else 0.0
    pause, usual = longest_pause(expired.seen.timeline), longest_pause(plain.seen.timeline)
    rows = [
        ["first event at the collector after the start of the process", f"{drained.first:.2f} s"],
        ["memory at most", f"{drained.peak / 2**20:.0f} MiB"],
        ["memory grown since a tenth of the way", f"{grown:.1f} MiB"],
        [f"events/s, first {_SHARE:.0%}", number(begin)],
        [f"events/s, last {_SHARE:.0%}", number(end)],
        [f"longest pause at the collector, {short:,} events", f"{usual * 1000:.0f} ms"],
        [f"the same while {expired.removed:,} old events leave the journal", f"{pause * 1000:.0f} ms"],
    ]
    goals = (
        Goal(what="backlog: memory", value=drained.peak / 2**20, limit=MEMORY, unit=" MiB"),
        Goal(what="backlog: first event after start", value=drained.first, limit=FIRST, unit=" s"),
        Goal(
            what="backlog: rate at the end by that at the start",
            value=end / begin,
            limit=SLOWER,
            is_floor=True,
        ),
        Goal(
            what="retention: pause beyond the usual one",
            value=max(pause - usual, 0.0) * 1000,
            limit=STALL,
            unit=" ms",
        ),
    )
    return Section(
        name="backlog",
        title="A backlog",
        scale=f"{count:,} events in the journal, CEF over TLS, every fence confirmed",
        text=table(["", ""], rows),
        goals=goals,
    )


def _drain(setting: Setting, *, waiting: int, expired: int) -> Drained:
    job = Job(file=setting.work / "none.jsonl", events=waiting)
    job.file.touch()
    with setting.folder() as folder, SinkProcess(job.marker, tls=setting.certificates, every=0.001) as sink:
        _require_room(folder, waiting + expired)
        fill(folder / "journal.db", waiting=waiting, expired=expired)
        target = Target(port=sink.port, certificates=setting.certificates)
        command = run_with(folder, [file_source(job.file)], [collector("sink", job, target)])
        began = time.monotonic()
        memory: list[int] = []
        with running(command) as child:
            give_up_at = began + patience(waiting)
            while (
                (count := sink.look().count) < waiting and child.is_alive() and time.monotonic() < give_up_at
            ):
                if count >= waiting * _SHARE:
                    memory.append(child.memory("VmRSS"))
                time.sleep(_LOOK_EVERY)
            sink.wait_for(waiting, 1.0, child.is_alive)
            peak = child.memory()
            child.stop()
        seen = sink.look_back()
        with open_reader(folder / "journal.db") as journal:
            removed = journal.facts().first - 1
    return Drained(seen=seen, first=seen.first - began, peak=peak, memory=tuple(memory), removed=removed)


def fill(path: Path, *, waiting: int, expired: int) -> None:
    """A journal with `expired` events that were confirmed and have reached their age, then `waiting` ones."""
    made = list(events(min(_DIFFERENT, max(waiting, expired))))
    moment = rfc3339.parse(rfc3339.now())
    assert moment is not None
    old, now = rfc3339.render(moment - round(_TOO_OLD * 1000)), rfc3339.render(moment)
    if expired:
        _append(path, made, expired, lambda: old)
    _append(path, made, waiting, lambda: now)


def _append(path: Path, made: Sequence[Event], count: int, clock: Callable[[], str]) -> None:
    """Pages of the same events over and over; what was there before counts as confirmed by `sink`."""
    with open_journal(path, keep=KEEP, max_size=MAX_SIZE, when_full="pause-polling", now=clock) as journal:
        journal.register("sink", "oldest")
        before = journal.newest()
        if before:
            journal.advance("sink", before, before, clean=True, sent=before)
        for first in range(0, count, _PAGE):
            at = first % len(made)
            page = made[at : at + min(_PAGE, count - first)]
            journal.append(SOURCE, page, (), Cursor(""))
        assert journal.newest() == Seq(before + count), "the pages are whole: _DIFFERENT is a multiple of one"


def _require_room(folder: Path, count: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < count * 1500:
        raise RuntimeError(f"{count:,} events need {count * 1500 / 2**30:.0f} GiB in {folder}; set TMPDIR")


def rate_at(timeline: Sequence[tuple[float, int]], begin: float, end: float) -> float:
    """Events a second between two shares of all events, 0.0 to 1.0; 0 when the notes are too few to tell."""
    last = timeline[-1][1]
    part = [(when, count) for when, count in timeline if begin * last <= count <= end * last]
    if len(part) < 2 or part[-1][0] <= part[0][0]:
        return 0.0
    return (part[-1][1] - part[0][1]) / (part[-1][0] - part[0][0])


def longest_pause(timeline: Sequence[tuple[float, int]]) -> float:
    """Seconds without a new event, at most."""
    return max((later[0] - earlier[0] for earlier, later in pairwise(timeline)), default=0.0)
