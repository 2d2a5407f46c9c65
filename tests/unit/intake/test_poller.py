from __future__ import annotations

from collections.abc import Callable
from typing import Self

import pytest

from lpforwarder.errors import Blocked, Denied, Transient
from lpforwarder.event import Event, Reject
from lpforwarder.intake.contract import Cursor, Page
from lpforwarder.intake.poller import Polled, Poller
from lpforwarder.privacy import Privacy
from lpforwarder.runtime.measures import Measures
from lpforwarder.runtime.turns import Turns
from lpforwarder.runtime.worker import WorkerError
from tests.fakes.intake_journal import FakeIntakeJournal
from tests.fakes.source import FakeSource, sample_events

NOW = "2026-01-31T12:00:00.000Z"


class FakeStop:
    """Begins to stop when it has rested so many times."""

    def __init__(self, rests: int) -> None:
        self.rested: list[float] = []
        self.stopping = rests == 0
        self._rests = rests

    def wait(self, seconds: float) -> bool:
        self.rested.append(seconds)
        self.stopping = len(self.rested) >= self._rests
        return self.stopping


class StuckSource(FakeSource):
    """Promises more for ever and never moves."""

    def pull(self, after: Cursor | None) -> Page:
        super().pull(after)
        return Page(events=(), cursor=Cursor("7"), more=True)


def poller(source: FakeSource, journal: FakeIntakeJournal) -> Poller:
    return Poller("acme", source, journal, 60.0, now=lambda: NOW)


def test_a_step_moves_one_page_and_says_whether_more_waits() -> None:
    source, journal = FakeSource(sample_events(5), page_size=2), FakeIntakeJournal()
    steps = poller(source, journal)
    assert [steps.step(), steps.step(), steps.step()] == [True, True, False]
    assert journal.events == source.events
    assert journal.cursor("acme") == "5"


def test_each_page_is_asked_for_behind_the_last_append() -> None:
    source, journal = FakeSource(sample_events(4), page_size=2), FakeIntakeJournal()
    steps = poller(source, journal)
    steps.step()
    poller(source, journal).step()  # another process, the same journal
    assert source.asked == [None, "2"]


def test_rejects_go_into_the_same_append() -> None:
    source, journal = FakeSource(sample_events(1)), FakeIntakeJournal()
    source.rejects = [Reject(where="x line 1", reason="not JSON", raw=b"?")]
    steps = poller(source, journal)
    steps.step()
    assert (journal.appends, journal.rejects, steps.polled.rejects) == (1, source.rejects, 1)


def test_a_page_of_rejects_alone_is_appended_too() -> None:
    class BadSource(FakeSource):
        def pull(self, after: Cursor | None) -> Page:
            return Page(events=(), cursor=Cursor("0"), rejects=[Reject(where="x", reason="y", raw=b"")])

    journal = FakeIntakeJournal()
    poller(BadSource(), journal).step()
    assert len(journal.rejects) == 1


@pytest.mark.parametrize("failure", [Transient("no such host"), Blocked("wrong secret"), KeyError("a bug")])
def test_when_pull_raises_the_journal_is_untouched_and_the_error_goes_up(failure: Exception) -> None:
    source, journal = FakeSource(sample_events(2)), FakeIntakeJournal()
    source.failures.append(failure)
    steps = poller(source, journal)
    with pytest.raises(type(failure)) as raised:
        steps.step()
    assert raised.value is failure
    assert (journal.appends, journal.cursor("acme"), steps.polled) == (0, None, Polled())
    steps.step()
    assert len(journal.events) == 2


def test_when_append_raises_the_same_page_is_asked_for_again() -> None:
    source, journal = FakeSource(sample_events(2)), FakeIntakeJournal()
    journal.failure = Transient("disk full")
    steps = poller(source, journal)
    with pytest.raises(Transient):
        steps.step()
    assert steps.polled == Polled()
    journal.failure = None
    steps.step()
    assert source.asked == [None, None]
    assert journal.events == source.events


def test_an_idle_poll_writes_nothing() -> None:
    source, journal = FakeSource(sample_events(1)), FakeIntakeJournal()
    steps = poller(source, journal)
    steps.step()
    assert [steps.step(), steps.step()] == [False, False]
    assert (journal.appends, steps.polled.pages) == (1, 3)


def test_a_source_that_promises_more_but_stands_still_is_given_a_rest() -> None:
    steps = poller(StuckSource(), FakeIntakeJournal())
    assert [steps.step(), steps.step()] == [True, False]


def test_run_rests_only_when_nothing_more_waits() -> None:
    source, journal = FakeSource(sample_events(5), page_size=2), FakeIntakeJournal()
    stop, beats = FakeStop(rests=2), []
    poller(source, journal).run(stop, lambda: beats.append(len(journal.events)))
    assert stop.rested == [60.0, 60.0]
    assert beats == [2, 4, 5, 5]


def test_run_does_nothing_when_it_is_to_stop_at_once() -> None:
    source = FakeSource(sample_events(5))
    poller(source, FakeIntakeJournal()).run(FakeStop(rests=0), lambda: None)
    poller(source, FakeIntakeJournal()).run_to_end(FakeStop(rests=0), lambda: None)
    assert source.asked == []


def test_run_to_end_reads_all_there_is_and_returns_without_a_rest() -> None:
    source, journal, beats = FakeSource(sample_events(5), page_size=2), FakeIntakeJournal(), []
    stop = FakeStop(rests=1)
    poller(source, journal).run_to_end(stop, lambda: beats.append(1))
    assert (len(journal.events), stop.rested, len(beats)) == (5, [], 3)


def test_run_to_end_ends_between_pages_when_told() -> None:
    source, journal, stop = FakeSource(sample_events(5), page_size=2), FakeIntakeJournal(), FakeStop(rests=9)

    def beat() -> None:
        stop.stopping = True

    poller(source, journal).run_to_end(stop, beat)
    assert len(journal.events) == 2


def test_figures_count_new_events_duplicates_and_the_newest_time() -> None:
    source, journal = FakeSource([*sample_events(3), *sample_events(2)], page_size=3), FakeIntakeJournal()
    steps = poller(source, journal)
    before = steps.polled
    steps.step()
    steps.step()
    assert steps.polled == Polled(
        pages=2, events=3, duplicates=2, last_poll=NOW, newest_event="2026-01-31T00:00:02.000Z"
    )
    assert before == Polled()


def test_the_newest_time_never_goes_back_and_ignores_what_is_no_time() -> None:
    source, journal = FakeSource(page_size=1), FakeIntakeJournal()
    times = ["2026-01-31T00:00:09.000Z", "2026-01-31T00:00:01.000Z", "yesterday", None, 5]
    source.events = [Event.of({"id": str(place), "timestamp": time}) for place, time in enumerate(times)]
    steps = poller(source, journal)
    for _ in times:
        steps.step()
        assert steps.polled.newest_event == "2026-01-31T00:00:09.000Z"


def test_close_closes_the_source_and_abort_leaves_it_to_its_thread() -> None:
    source = FakeSource()
    steps = poller(source, FakeIntakeJournal())
    steps.abort()
    assert not source.is_closed
    steps.close()
    assert source.is_closed


class SparingSource(FakeSource):
    """Spares a vault that refused it, and has something to say."""

    alarms = (WorkerError(code="LPF318", text="the clock is wrong"),)
    told = 0

    def try_again(self) -> None:
        self.told += 1


def test_a_source_that_spares_its_vault_is_known_and_told_when_things_are_mended() -> None:
    source = SparingSource(sample_events(1))
    sparing = poller(source, FakeIntakeJournal())
    sparing.try_again()
    assert (sparing.is_sparing, source.told) == (True, 1)
    assert sparing.alarms == source.alarms


def test_a_plain_source_has_neither_alarms_nor_a_pace_of_its_own() -> None:
    plain = poller(FakeSource(sample_events(1)), FakeIntakeJournal())
    plain.try_again()
    assert (plain.is_sparing, plain.alarms) == (False, ())


def test_what_must_not_be_stored_never_reaches_the_journal() -> None:
    events = [Event.of({"id": f"e{n}", "sourceUser": "ana", "itemName": "Payroll"}) for n in range(2)]
    source, journal = FakeSource(events), FakeIntakeJournal()
    source.rejects = [Reject(where="x line 1", reason="not JSON", raw=b"ana")]
    privacy = Privacy(drop=("itemName",), hash=("sourceUser",), key=lambda: b"k" * 32)
    Poller("acme", source, journal, 60.0, now=lambda: NOW, privacy=privacy).step()
    hashed = privacy.hashed("ana")
    assert [dict(event.fields) for event in journal.events] == [
        {"id": "e0", "sourceUser": hashed},
        {"id": "e1", "sourceUser": hashed},
    ]
    assert (journal.rejects[0].raw, journal.rejects[0].octets) == (
        f"[not kept: 3 octets, {hashed}]".encode(),
        3,
    )
    assert journal.cursor("acme") == "2"


def test_a_key_that_cannot_be_read_stops_the_page_before_anything_is_stored() -> None:
    def key() -> bytes:
        raise Denied("hash.key can be read by everyone here", code="LPF110")

    source, journal = FakeSource([Event.of({"id": "1", "sourceUser": "ana"})]), FakeIntakeJournal()
    privacy = Privacy(drop=(), hash=("sourceUser",), key=key)
    with pytest.raises(Denied):
        Poller("acme", source, journal, 60.0, privacy=privacy).step()
    assert (journal.events, journal.cursor("acme")) == ([], None)


class FullJournal(FakeIntakeJournal):
    """Says that it has no room before anything is appended."""

    full = True

    def check_room(self) -> None:
        if self.full:
            raise Transient("no room", code="LPF501")


def test_a_source_is_left_alone_while_the_journal_has_no_room() -> None:
    source, journal = FakeSource(sample_events(1)), FullJournal()
    steps = poller(source, journal)
    with pytest.raises(Transient, match="no room"):
        steps.step()
    assert source.asked == []
    journal.full = False
    steps.step()
    assert journal.events == source.events


class MeasuredSource(FakeSource):
    """Knows something about its vault."""

    def measures(self) -> Measures:
        return {"clock_skew_seconds": 0.5}


def test_answered_polls_are_measured_and_failed_ones_are_not() -> None:
    source, journal = MeasuredSource(sample_events(2)), FakeIntakeJournal()
    source.failures.append(Transient("no such host"))
    times = iter([0.0, 10.0, 10.75])
    steps = Poller("acme", source, journal, 60.0, now=lambda: NOW, clock=lambda: next(times))
    with pytest.raises(Transient):
        steps.step()
    steps.step()
    made = steps.measures()
    assert made["poll_seconds"]["sum"] == 0.75
    assert dict(made["poll_seconds"]["buckets"])[0.5] == 0
    assert dict(made["poll_seconds"]["buckets"])[1.0] == 1
    assert made["clock_skew_seconds"] == 0.5


def test_a_source_that_measures_nothing_has_its_polls_measured() -> None:
    assert list(poller(FakeSource(), FakeIntakeJournal()).measures()) == ["poll_seconds"]


class CountingTurns(Turns):
    """Counts how often it was somebody's turn; somebody may ask us to stop while we wait for ours."""

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.taken = 0
        self._meanwhile = meanwhile

    def __enter__(self) -> Self:
        self.taken += 1
        self._meanwhile()
        return super().__enter__()


def test_each_page_is_brought_in_turn_and_none_while_it_rests() -> None:
    turns = CountingTurns()
    source = FakeSource(sample_events(4), page_size=2)
    Poller("acme", source, FakeIntakeJournal(), 60.0, turns=turns).run(FakeStop(rests=1), lambda: None)
    assert turns.taken == len(source.asked) > 1


def test_who_is_asked_to_stop_while_waiting_for_a_turn_does_not_ask_the_source() -> None:
    stop = FakeStop(rests=1)
    source = FakeSource(sample_events(4), page_size=2)
    turns = CountingTurns(lambda: setattr(stop, "stopping", True))
    Poller("acme", source, FakeIntakeJournal(), 60.0, turns=turns).run(stop, lambda: None)
    assert source.asked == []


class PulsingSource(FakeSource):
    """Makes many calls in a pull, and shows each."""

    pulse = 0


def test_each_part_of_a_step_and_each_call_is_a_sign_of_life() -> None:
    source = PulsingSource(sample_events(4), page_size=2)
    made = poller(source, FakeIntakeJournal())
    seen = [made.pulse]
    made.step()
    seen.append(made.pulse)
    source.pulse = 7
    seen.append(made.pulse)
    assert len(set(seen)) == 3
    assert made.has_pulse
    assert not poller(FakeSource(sample_events(1)), FakeIntakeJournal()).has_pulse


def test_a_turn_that_came_is_a_sign_of_life() -> None:
    seen: list[object] = []

    class Asking(FakeSource):
        def pull(self, after: Cursor | None) -> Page:
            seen.append(made.pulse)
            return super().pull(after)

    made = poller(Asking(sample_events(1)), FakeIntakeJournal())
    before = made.pulse
    made.run(FakeStop(rests=1), lambda: None)
    assert before not in seen
