"""Poison beside good events: what is set aside, what is told, and when it is no poison any more."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

import pytest
from structlog.testing import capture_logs

from lpforwarder.delivery.contract import Refusal
from lpforwarder.delivery.encoder import Encoder
from lpforwarder.delivery.pump import Limits, Pump
from lpforwarder.delivery.set_asides import MOST_IN_A_ROW, SetAsides
from lpforwarder.errors import Blocked, Transient
from lpforwarder.event import Entry, Event, Poison, Seq
from lpforwarder.runtime.stop import Stop
from tests.fakes.journal import MemoryJournal
from tests.fakes.patience import StandingClock, fails
from tests.fakes.transport import FakeTransport

UUID = "f511d4ed-0fcc-4676-bb73-5fa17555512e"


class Picky:
    """A format that cannot write what says so; formatter and envelope in one."""

    def format(self, event: Event) -> bytes:
        if event.text("id").startswith("bad"):
            raise KeyError("marker@example.org")
        return event.text("id").encode()

    def wrap(self, event: Event, payload: bytes, sequence: int | None = None) -> bytes:
        return payload if sequence is None else b"%b #%d" % (payload, sequence)


class Bench:
    """A pump between a journal and a collector in memory. Unnumbered messages are the bare ids."""

    def __init__(self, *, numbered: bool = False, fence_events: int = 10) -> None:
        self.journal = MemoryJournal()
        self.transport = FakeTransport()
        self.clock = StandingClock()
        self.numbered = numbered
        self.limits = Limits(fence_events=fence_events, replay_events=10, replay_seconds=0.0)
        self.pump = self.again()

    def again(self) -> Pump:
        """The next life of the process."""
        encoder = Encoder(lambda _: True, Picky(), Picky(), 8096, numbered=self.numbered)
        self.pump = Pump("siem", self.journal, encoder, self.transport, self.limits, clock=self.clock)
        return self.pump

    def append(self, *ids: str) -> None:
        self.journal.append("acme", [Event.of({"id": name}) for name in ids], [], "cursor")

    def step(self, times: int = 1) -> None:
        for _ in range(times):
            self.clock.now += 3.0
            self.pump.step()

    def fail(self, kind: type[Exception] = Transient) -> None:
        """Runs until it raises, as the supervisor would see it."""
        with pytest.raises(kind):
            self.pump.run(Stop(), lambda: None)

    @property
    def ids(self) -> list[str]:
        return [message.decode() for message in self.transport.received]

    @property
    def aside(self) -> dict[int, Poison]:
        return {number: poison for (_, number), poison in self.journal.aside.items()}

    @property
    def checkpoint(self) -> int:
        return self.journal.checkpoint("siem")


class Miscounting(FakeTransport):
    """A transport with a bug: with the first confirmation it tells of a refusal of no message at all."""

    def refused(self) -> Sequence[Refusal]:
        return [Refusal(0, "no such message")] if self._confirmed else []


# ---- what cannot be written ------------------------------------------------------------------------------


def test_what_the_format_cannot_write_is_set_aside_and_the_stream_goes_on() -> None:
    bench = Bench()
    bench.append("a", "bad", "b", "bad too", "c")
    bench.step(3)
    assert bench.ids == ["a", "b", "c"]
    assert {number: poison.entry.event.text("id") for number, poison in bench.aside.items()} == {
        2: "bad",
        4: "bad too",
    }
    assert bench.checkpoint == 5
    assert bench.journal.places["siem"].confirmed == 3


def test_a_batch_of_nothing_but_poison_is_passed() -> None:
    bench = Bench()
    bench.append("bad", "worse", "bad")
    bench.journal.append("acme", [Event.of({"id": "bad"})] * 2, [], "cursor")
    bench.append("a")
    bench.step(3)
    assert (bench.ids, bench.checkpoint) == (["worse", "a"], 6)
    assert sorted(bench.aside) == [1, 3, 4, 5]


def test_nothing_is_passed_that_could_not_be_recorded() -> None:
    bench = Bench(numbered=True)
    bench.append("a", "bad", "b")
    refuse_to_record(bench.journal, times=1)
    bench.fail()
    assert (bench.ids, bench.checkpoint, bench.aside) == ([], 0, {})
    bench.step(3)
    assert bench.ids == ["a #1", "b #2"]
    assert (bench.checkpoint, sorted(bench.aside)) == (3, [2])


def test_poison_that_a_replay_meets_again_is_known() -> None:
    bench = Bench()
    bench.append("a", "bad", "b")
    bench.step(3)
    bench.transport.break_link()
    bench.fail()
    with capture_logs() as lines:
        bench.step(3)
    assert bench.ids == ["a", "b", "a", "b"]
    assert [line["event"] for line in lines if line["event"] == "event.set_aside"] == []


# ---- what is refused -------------------------------------------------------------------------------------


def test_what_the_collector_refuses_is_set_aside_as_it_was_sent() -> None:
    bench = Bench(numbered=True)
    bench.transport.answers_fences = False
    bench.append("a", "b", "c")
    bench.step()
    bench.transport.confirm_now(1)
    bench.transport.refuse_next("500 cannot parse b@example.org")
    bench.step()
    assert (bench.checkpoint, list(bench.aside)) == (2, [2])
    poison = bench.aside[2]
    assert (poison.code, poison.reason) == ("LPF602", "was refused by the collector")
    assert (poison.detail, poison.message) == ("500 cannot parse b@example.org", b"b #2")
    bench.transport.confirm_now(3)
    bench.step()
    assert (bench.checkpoint, bench.journal.places["siem"].confirmed) == (3, 2)
    assert bench.ids == ["a #1", "b #2", "c #3"]


def test_the_number_of_a_refused_message_counts_from_the_opening_of_its_link() -> None:
    bench = Bench(numbered=True)
    bench.append("a", "b")
    bench.step(3)
    bench.transport.break_link()
    bench.fail()
    bench.transport.answers_fences = False
    bench.step()
    bench.transport.refuse_next("no")
    bench.step()
    assert bench.aside[1].message == b"a #3"


def test_a_refusal_is_recorded_before_the_checkpoint_passes_it() -> None:
    bench = Bench()
    bench.transport.answers_fences = False
    bench.append("a", "b")
    bench.step()
    bench.transport.refuse_next("no")
    refuse_to_record(bench.journal, times=1)
    bench.fail()
    # What the transport told once is not forgotten: at the end of the link it is recorded after all.
    assert (bench.checkpoint, list(bench.aside)) == (1, [1])


def test_a_refusal_that_cannot_be_recorded_at_all_is_asked_for_again() -> None:
    bench = Bench()
    bench.transport.answers_fences = False
    bench.append("a", "b")
    bench.step()
    bench.transport.refuse_next("no")
    refuse_to_record(bench.journal, times=2)
    bench.fail()
    assert (bench.checkpoint, bench.aside) == (0, {})
    bench.step()
    assert bench.ids == ["a", "b", "a", "b"]
    bench.transport.refuse_next("no")
    bench.step()
    assert (bench.checkpoint, list(bench.aside)) == (1, [1])


def refuse_to_record(journal: MemoryJournal, times: int) -> None:
    """The next so many set_aside() fail."""
    journal.failures = [Transient("the disk of the journal is full", code="LPF501")] * times


def test_a_refusal_at_the_end_of_a_broken_link_counts() -> None:
    bench = Bench()
    bench.transport.answers_fences = False
    bench.append("a", "b")
    bench.step()
    bench.transport.refuse_next("no")
    bench.transport.break_link()
    bench.fail()
    assert (bench.checkpoint, list(bench.aside)) == (1, [1])


def test_a_bug_at_the_end_of_a_link_confirms_nothing_on_the_next() -> None:
    bench = Bench()
    bench.transport = Miscounting()
    bench.again()
    bench.transport.answers_fences = False
    bench.append("a", "b")
    bench.step()
    bench.transport.confirm_now(1)
    bench.fail(ValueError)
    bench.step()
    assert (bench.checkpoint, bench.ids) == (0, ["a", "b", "a", "b"])


def test_an_event_that_the_journal_lost_meanwhile_is_set_aside_by_its_place() -> None:
    bench = Bench()
    bench.transport.answers_fences = False
    bench.append("a", "b")
    bench.step()
    bench.transport.refuse_next("no")
    bench.journal.damage(1)
    bench.step()
    poison = bench.aside[1]
    assert poison.reason.endswith("the journal was damaged meanwhile and does not hold it any more")
    assert (poison.message, poison.entry.seq, poison.entry.event.fields) == (b"", 1, {})


# ---- what is told ----------------------------------------------------------------------------------------


def told(poison: Poison) -> list[dict[str, object]]:
    with capture_logs() as lines:
        SetAsides("siem", MemoryJournal()).refused([poison], 0)
    return [dict(line) for line in lines]


def poison(number: int, event_id: str = UUID) -> Poison:
    event = Event.of({"id": event_id, "sourceUser": "marker@example.org", "message": "marker"})
    return Poison(
        entry=Entry(Seq(number), "acme", event),
        code="LPF602",
        reason="was refused by the collector",
        detail="500 marker",
        message=b"marker",
    )


def test_each_event_is_told_once_with_its_number_id_and_reason_and_nothing_of_it() -> None:
    assert told(poison(61990)) == [
        {
            "event": "event.set_aside",
            "log_level": "error",
            "collector": "siem",
            "code": "LPF602",
            "number": 61990,
            "id": UUID,
            "reason": "was refused by the collector",
            "fix": "the others go on; see it: lpforwarder rejects show 61990",
        }
    ]


def test_an_id_that_may_be_a_name_is_not_told() -> None:
    assert "marker" not in json.dumps(told(poison(1, "marker@example.org")))


def test_the_one_that_the_room_was_too_small_for_is_told_as_dropped() -> None:
    journal = MemoryJournal()
    journal.lost = {"other": 3}
    with capture_logs() as lines:
        SetAsides("siem", journal).unmade([poison(1)], 0)
    assert [(line["event"], line.get("count"), line["collector"]) for line in lines] == [
        ("event.set_aside", None, "siem"),
        ("event.dropped", 3, "other"),
    ]


# ---- when everything is refused --------------------------------------------------------------------------


@pytest.fixture
def quiet() -> Iterator[None]:
    """Without a thousand lines of log."""
    with capture_logs():
        yield


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("way", [SetAsides.refused, SetAsides.unmade])
def test_when_everything_is_refused_the_rest_waits_instead(
    way: Callable[[SetAsides, list[Poison], int], None],
) -> None:
    journal = MemoryJournal()
    aside = SetAsides("siem", journal)
    way(aside, [poison(number) for number in range(MOST_IN_A_ROW)], 0)
    with fails("LPF604", Blocked):
        way(aside, [poison(MOST_IN_A_ROW)], 0)
    assert len(journal.aside) == MOST_IN_A_ROW
    way(aside, [poison(MOST_IN_A_ROW)], 1)
    assert len(journal.aside) == MOST_IN_A_ROW + 1


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("way", [SetAsides.refused, SetAsides.unmade])
def test_single_ones_never_add_up(way: Callable[[SetAsides, list[Poison], int], None]) -> None:
    aside = SetAsides("siem", MemoryJournal())
    for number in range(MOST_IN_A_ROW + 10):
        way(aside, [poison(number)], 0)
        way(aside, [], 1)


@pytest.mark.usefixtures("quiet")
def test_a_collector_that_refuses_everything_gets_the_rest_when_it_is_mended() -> None:
    bench = Bench(fence_events=5000)
    bench.transport.answers_fences = False
    total = MOST_IN_A_ROW + 500
    bench.append(*(f"e{number}" for number in range(total)))
    bench.step(2)
    for _ in range(MOST_IN_A_ROW):
        bench.transport.refuse_next("the disk is full")
    bench.step()
    assert bench.checkpoint == MOST_IN_A_ROW
    bench.transport.refuse_next("the disk is full")
    bench.fail(Blocked)
    assert (bench.checkpoint, len(bench.aside)) == (MOST_IN_A_ROW, MOST_IN_A_ROW)
    bench.transport.answers_fences = True
    bench.step(3)
    assert bench.checkpoint == total
    assert len(bench.aside) == MOST_IN_A_ROW
