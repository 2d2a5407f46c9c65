"""Forty days with a pretend vault in seconds: polls, faults, restarts, and what the vault knows to be true.

The clock of vault and source moves only between polls. Everything is drawn from seeds.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal

from lpforwarder import rfc3339
from lpforwarder.errors import Transient
from lpforwarder.event import Cursor, Event, Reject
from lpforwarder.intake.sources.lastpass import records
from lpforwarder.intake.sources.lastpass.catalogue import fold
from lpforwarder.intake.sources.lastpass.client import Client, Pace
from lpforwarder.intake.sources.lastpass.options import LastPassOptions
from lpforwarder.intake.sources.lastpass.source import LastPassSource
from lpforwarder.simulator.vault.catalogue import ACTIONS
from lpforwarder.simulator.vault.event import Truth
from lpforwarder.simulator.vault.faults import FaultPlan
from lpforwarder.simulator.vault.options import Renaming, VaultOptions
from lpforwarder.simulator.vault.server import PretendVault

DAY = 86_400
LATE_SECONDS = 2_400
OVERLAP = 3_600
LONGEST_PAUSE = 2 * DAY
TITLES = {a.sentence: a.title for a in ACTIONS if fold(a.sentence) == fold(a.title)}
"""New spellings that differ in case only, as in late 2022."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What happens: `seed` decides what the vault holds, the `course` of a run when it is asked."""

    zone: str
    start: int
    """Seconds since 1970 UTC."""
    events: int
    days: int = 40
    seed: int = 1
    restarts: int = 20
    polls: int = 400
    moves_to: str | None = None
    """The account's zone from the 30th day on; the setting follows three days later."""
    zone_rule: Literal["answer", "event"] = "answer"

    @property
    def end(self) -> int:
        return self.start + self.days * DAY

    @property
    def moves_at(self) -> int:
        return self.start + 30 * DAY


@dataclass(slots=True)
class Kept:
    """One event in the journal, as little of it as the comparison needs: a million have to fit."""

    id: str
    time: str
    likeness: bytes
    is_ambiguous: bool


@dataclass(slots=True)
class LeanJournal:
    """Satisfies IntakeJournal; keeps digests."""

    kept: list[Kept] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    place: Cursor | None = None

    def cursor(self, source: str) -> Cursor | None:
        return self.place

    def append(self, source: str, events: Sequence[Event], rejects: Sequence[Reject], cursor: Cursor) -> int:
        self.kept += [keep(event) for event in events]
        self.rejects += rejects
        self.place = cursor
        return len(events)


def keep(event: Event) -> Kept:
    return Kept(
        event.text("id"),
        event.text("timestamp"),
        likeness(event),
        event.fields.get("timestampAmbiguous") is True,
    )


_APART = frozenset({"id", "timestamp", "timestampAmbiguous", "timestampFuture", "message", "vendorAction"})


def likeness(event: Event) -> bytes:
    """A digest of all that an event says but its time, its id and the case of its action."""
    fields = [(name, value) for name, value in event.fields.items() if name not in _APART]
    text = repr((fields, fold(event.text("vendorAction"))))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).digest()


def expected(truth: Truth) -> Kept:
    """What a perfect reader would keep of it, but for the id."""
    record = {
        "Time": truth.time,
        "Username": truth.username,
        "IP_Address": truth.ip_address,
        "Action": truth.action,
        "Data": truth.data,
    }
    event, _ = records.to_event(record, source="acme", instant=truth.at // 1_000_000, id="")
    return keep(event)


class Run:
    """One installation through the whole story."""

    def __init__(self, story: Story, folder: Path, *, course: int) -> None:
        self.story = story
        self.course = Random(f"course/{course}")
        self.now = float(story.start)
        self.journal = LeanJournal()
        self.failures: Counter[str] = Counter()
        self.restarts = 0
        self.polls = 0
        self.alarms: set[str] = set()
        self.vault = PretendVault(
            ("127.0.0.1", 0),
            VaultOptions(
                zone=story.zone,
                zone_rule=story.zone_rule,
                seed=story.seed,
                events=story.events,
                days=float(story.days),
                ending=float(story.end),
                late_share=0.05,
                late_seconds=float(LATE_SECONDS),
                twin_share=0.02,
                faults=FaultPlan.evenly(0.1, seed=course),
                drip_pieces=2,
                drip_pause_seconds=0.01,
                renaming=Renaming(names=TITLES, since=(story.start + 20 * DAY) * 1_000_000, old_too=True),
            ),
            clock=lambda: self.now,
        )
        self.secret = folder / "acme.secret"
        self.secret.write_text(self.vault.secret)
        self.secret.chmod(0o600)

    def play(self) -> None:
        """Polls until everything has happened and has been read."""
        with self.vault:
            source = self.source()
            moved = False
            while self.now < self.story.end + 3 * OVERLAP:
                if self.story.moves_to and not moved and self.now >= self.story.moves_at:
                    self.vault.set_zone(self.story.moves_to)
                    moved = True
                source = self.poll(self.perhaps_restarted(source))
                self.now += self.pause()
            self.poll(source).close()

    def read_at_once(self) -> None:
        """A fresh journal elsewhere reads the whole report when all is over."""
        self.now = float(self.story.end + 3 * OVERLAP)
        self.vault.plan_faults(FaultPlan())
        with self.vault:
            source = self.source(first_start=rfc3339.render(self.story.start * 1000))
            self.poll(source).close()

    def source(self, first_start: str = "24h") -> LastPassSource:
        zone = self.story.zone
        if self.story.moves_to and self.now >= self.story.moves_at + 3 * DAY:
            zone = self.story.moves_to
        options = LastPassOptions.model_validate(
            {
                "name": "acme", "type": "lastpass", "account": self.vault.options.account,
                "url": self.vault.url, "secret_file": str(self.secret), "time_zone": zone,
                "overlap": float(OVERLAP), "first_start": first_start, "timeout": 10.0,
            }
        )  # fmt: skip
        client = Client(options, pace=Pace(lambda: 0.0, lambda _: None))
        # So few that most windows leave in parts, with restarts and losses between them.
        most = max(25, self.story.events // 1000)
        return LastPassSource(options, clock=lambda: self.now, client=client, most_events=most)

    def pause(self) -> float:
        """The mean makes the number of polls; now and then nobody polls for a day or two."""
        if self.course.random() < 0.01:
            return self.course.uniform(DAY / 2, LONGEST_PAUSE)
        return self.course.expovariate(self.story.polls / (self.story.days * DAY))

    def perhaps_restarted(self, source: LastPassSource) -> LastPassSource:
        # A third of the polls fall into long pauses.
        if self.course.random() >= 1.6 * self.story.restarts / self.story.polls:
            return source
        return self.restarted(source)

    def restarted(self, source: LastPassSource) -> LastPassSource:
        self.restarts += 1
        source.close()
        return self.source()

    def poll(self, source: LastPassSource) -> LastPassSource:
        """Pages until there is no more; the source that is alive then.

        Faults pass; one page in ten dies before it is kept, and half of them with the whole process.
        """
        more = True
        while more:
            try:
                page = source.pull(self.journal.cursor("acme"))
            except Transient as error:
                self.failures[error.code] += 1
                self.now += 1.0
                continue
            self.alarms |= {alarm.code for alarm in source.alarms}
            self.polls += 1
            fate = self.course.random()
            if fate < 0.05:
                source = self.restarted(source)
            if fate < 0.1:
                continue
            self.journal.append("acme", page.events, page.rejects, page.cursor)
            more = page.more
        return source

    def truth(self) -> list[Kept]:
        """What the journal must hold: everything but the calls of this installation."""
        return [expected(one) for one in self.vault.truth() if "lpforwarder/" not in one.data]


@dataclass(slots=True, kw_only=True)
class Verdict:
    """How a journal differs from the truth. `unexplained` must be empty."""

    missing: int
    surplus: int
    ambiguous: int
    """Marked events whose time is the other pass of the repeated hour."""
    unexplained: list[str]


def judge(kept: Sequence[Kept], truth: Sequence[Kept]) -> Verdict:
    """Exactly the truth, each once. A wrong time is explained only by the mark on that very event.

    Such an event must be like a missing one, and no more than an hour from it.
    """
    wanted = Counter((one.likeness, one.time) for one in truth)
    surplus = []
    for one in kept:
        if wanted[one.likeness, one.time] > 0:
            wanted[one.likeness, one.time] -= 1
        else:
            surplus.append(one)
    missing: dict[bytes, list[str]] = defaultdict(list)
    for (like, time), count in wanted.items():
        missing[like] += [time] * count
    unexplained, moved = [], 0
    for one in surplus:
        near = [time for time in missing[one.likeness] if _seconds_between(time, one.time) <= 3600]
        if one.is_ambiguous and near:
            missing[one.likeness].remove(near[0])
            moved += 1
        else:
            unexplained.append(f"surplus {one.time} {one.likeness.hex()} ambiguous={one.is_ambiguous}")
    unexplained += [f"missing {time} {like.hex()}" for like, times in missing.items() for time in times]
    return Verdict(
        missing=sum(map(len, missing.values())),
        surplus=len(surplus),
        ambiguous=moved,
        unexplained=unexplained,
    )


def _seconds_between(one: str, other: str) -> float:
    a, b = rfc3339.parse(one), rfc3339.parse(other)
    assert a is not None
    assert b is not None
    return abs(a - b) / 1000
