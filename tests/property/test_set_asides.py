"""Poison, refusals, broken links, full disks, kills and people's commands in any order: nothing is lost."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from hypothesis import example, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from lpforwarder.delivery.encoder import Encoder
from lpforwarder.delivery.filters import wanted
from lpforwarder.delivery.pump import Limits, Pump
from lpforwarder.errors import Failure
from lpforwarder.event import Event, Seq
from lpforwarder.journal.retention import Rules
from lpforwarder.journal.sqlite import SqliteJournal
from lpforwarder.runtime.stop import Stop
from tests.fakes.patience import StandingClock
from tests.fakes.transport import FakeTransport

APPENDED = st.tuples(st.just("appended"), st.integers(1, 12))
CONFIRMED = st.tuples(st.just("confirmed"), st.integers(1, 6))
PLAIN = st.sampled_from(("stepped", "refused", "broken", "killed", "again", "dropped", "cured"))
OPERATIONS = st.lists(st.one_of(APPENDED, CONFIRMED, PLAIN.map(lambda name: (name, 0))), max_size=60)

CURABLE = 3
"""Every so many events one is poison until the format is mended; see Format."""


class Format:
    """A format with a mistake, and the envelope around it."""

    def __init__(self) -> None:
        self.is_mended = False

    def format(self, event: Event) -> bytes:
        if not self.is_mended and int(event.text("id")) % CURABLE == 0:
            raise ValueError("a mistake")
        return event.text("id").encode()

    def wrap(self, event: Event, payload: bytes, sequence: int | None = None) -> bytes:
        return payload


class FastJournal(SqliteJournal):
    """Survives no power cut, which nobody makes here."""

    synchronous: ClassVar[str] = "OFF"


def over() -> Stop:
    """A stop without any time left."""
    stop = Stop()
    stop.set(0.0)
    return stop


class World:
    """A forwarder with one collector, people, and the truth about every event."""

    def __init__(self, folder: Path) -> None:
        self.journal = FastJournal(
            folder / "journal.db",
            Rules(keep=3600.0, max_size=2**30, when_full="pause-polling"),
            reserve_size=0,
            now=lambda: "2022-12-14T17:33:43.369Z",
            on_damage=None,
        )
        self.transport = FakeTransport()
        self.transport.answers_fences = False
        self.format = Format()
        self.clock = StandingClock()
        self.wanted: list[str] = []
        self.refusals: Counter[bytes] = Counter()
        self.dropped: set[str] = set()
        self.journal.register("siem", "oldest")
        self.pump = self.born()

    def born(self) -> Pump:
        encoder = Encoder(wanted(None, (), (), 0, collector="siem"), self.format, self.format, 8096)
        limits = Limits(fence_events=8, replay_events=5, replay_seconds=5.0)
        return Pump("siem", self.journal, encoder, self.transport, limits, clock=self.clock)

    def appended(self, count: int) -> None:
        ids = [str(len(self.wanted) + place) for place in range(count)]
        self.wanted += ids
        self.journal.append("acme", [Event.of({"id": name}) for name in ids], [], str(len(self.wanted)))

    def stepped(self, _: int = 0) -> None:
        """As the supervisor has it: what fails is run again later."""
        self.clock.now += 1.0
        with capture_logs():
            try:
                self.pump.step()
            except Failure:
                with suppress(Failure):
                    self.pump.run(over(), lambda: None)

    def confirmed(self, count: int) -> None:
        self.transport.confirm_now(min(self.transport.known + count, len(self.transport.link)))

    def refused(self, _: int) -> None:
        if self.transport.known < len(self.transport.link):
            self.refusals[self.transport.link[self.transport.known]] += 1
            self.transport.refuse_next("no")

    def broken(self, _: int) -> None:
        self.transport.break_link(loses=len(self.transport.link) - self.transport.known)
        self.stepped()

    def killed(self, _: int) -> None:
        """No farewell; what was on the way is lost, and so is what the transport knew."""
        self.transport.break_link(loses=len(self.transport.link) - self.transport.known)
        self.transport.refused()
        self.pump = self.born()

    def again(self, _: int = 0) -> None:
        self.journal.send_again([row.id for row in self.journal.set_asides()])

    def dropped_(self, _: int) -> None:
        kept = [row for row in self.journal.set_asides() if row.state == "kept"]
        self.dropped |= {row.event_id for row in kept[:1]}
        self.journal.drop_set_asides([row.id for row in kept[:1]])

    def cured(self, _: int) -> None:
        """A person mends the format; the next life of the collector uses it."""
        self.format.is_mended = True

    def settle(self) -> None:
        """From now on everything works, for long enough."""
        for _ in range(200):
            self.stepped()
            self.transport.confirm_now(len(self.transport.link))
        self.stepped()

    @property
    def delivered(self) -> set[str]:
        taken = Counter(self.transport.received) - self.refusals
        return {message.decode() for message in taken}

    @property
    def aside(self) -> set[str]:
        return {row.event_id for row in self.journal.set_asides()}


def play(world: World, operations: list[tuple[str, int]]) -> None:
    for name, value in operations:
        getattr(world, {"dropped": "dropped_"}.get(name, name))(value)
        facts = world.journal.facts().set_asides.get("siem")
        listed = world.journal.set_asides()
        if facts is not None:
            assert (facts.kept, facts.again) == (
                sum(row.state == "kept" for row in listed),
                sum(row.state == "again" for row in listed),
            )
            assert facts.total == facts.kept + facts.again + facts.sent + facts.dropped + facts.lost


@given(OPERATIONS)
@example([("appended", 8), ("stepped", 0), ("broken", 0), ("appended", 2), ("refused", 0), ("killed", 0)])
@settings(deadline=None, max_examples=60)
def test_every_event_is_delivered_or_set_aside_or_dropped_by_a_person(
    operations: list[tuple[str, int]],
) -> None:
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        with world.journal:
            play(world, operations)
            world.settle()
            assert world.journal.checkpoint("siem") == world.journal.newest()
            assert world.delivered | world.aside | world.dropped == set(world.wanted)


@given(OPERATIONS)
@settings(deadline=None, max_examples=60)
def test_what_is_mended_and_sent_again_arrives_in_the_end(operations: list[tuple[str, int]]) -> None:
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        with world.journal:
            play(world, operations)
            world.cured(0)
            world.settle()
            world.again()
            world.settle()
            assert world.aside == set()
            assert world.delivered | world.dropped == set(world.wanted)
            assert world.journal.read(Seq(0), 1) or not world.wanted
