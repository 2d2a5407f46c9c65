from __future__ import annotations

import threading

from lpforwarder.event import Reject, Seq
from lpforwarder.journal.janitor import EVERY, Janitor
from lpforwarder.journal.retention import MOST_PAGES
from lpforwarder.runtime.stop import Stop
from tests.fakes.clock import FakeClock
from tests.fakes.pages import START, event, ids, page
from tests.unit.journal.conftest import Bench

LATER = "2030-01-01T00:00:00.000Z"


def test_an_idle_journal_needs_nothing(bench: Bench) -> None:
    assert not Janitor(bench.open()).step()


def test_old_confirmed_pages_leave_step_by_step_and_numbers_go_on(bench: Bench) -> None:
    journal = bench.open()
    for number in range(MOST_PAGES + 5):
        journal.append("acme", [event(str(number))], (), str(number))
    last = journal.newest()
    journal.advance("siem", last, last)
    bench.now = LATER
    janitor = Janitor(journal)
    assert [janitor.step() for _ in range(3)] == [True, True, False]
    assert journal.read(START, 10) == []
    journal.append("acme", [event("new")], (), "new")
    assert [(entry.seq, entry.event.text("id")) for entry in journal.read(START, 10)] == [(last + 1, "new")]
    assert journal.gaps() == ()


def test_numbers_go_on_in_the_next_life_too_when_nothing_is_left(bench: Bench) -> None:
    with bench.open() as journal:
        journal.append("acme", page(1, 7), (), "7")
        journal.advance("siem", Seq(7), Seq(7))
        bench.now = LATER
        assert Janitor(journal).step()
    with bench.open() as journal:
        assert (journal.newest(), journal.facts().first) == (7, 8)
        journal.append("acme", [event("8")], (), "8")
        assert journal.newest() == 8
        assert ids(journal.read(START, 10)) == ["8"]
        assert journal.waiting(7, lambda *kind: True)[0] == 1


def test_the_reserve_comes_back_first(bench: Bench) -> None:
    journal = bench.open()
    reserve = bench.path.with_name("journal.db.reserve")
    reserve.unlink()
    journal.close()
    with bench.open(reserve_size=2**62) as journal:
        assert not Janitor(journal).step()
        assert not reserve.exists()
    with bench.open() as journal:
        assert reserve.stat().st_size == 2**16
        assert not Janitor(journal).step()


def test_old_rejects_leave(bench: Bench) -> None:
    journal = bench.open()
    journal.append("acme", (), [Reject(where="line 1", reason="not JSON", raw=b"{")], "1")
    bench.now = LATER
    Janitor(journal).step()
    assert journal.rejects() == []
    assert journal.facts().rejects == 1


def test_the_file_becomes_smaller_when_much_of_it_is_free(bench: Bench) -> None:
    journal = bench.open()
    for number in range(9):
        journal.append("acme", page(number * 10 + 1, number * 10 + 10, 10**6), (), str(number))
    journal.advance("siem", journal.newest(), journal.newest())
    bench.now = LATER
    before = journal.facts().octets
    janitor = Janitor(journal)
    while janitor.step():
        pass
    assert journal.facts().octets < before - 20 * 2**20


def test_it_works_until_it_is_stopped(bench: Bench) -> None:
    clock = FakeClock()
    stop = Stop(clock)
    beats: list[int] = []
    worker = threading.Thread(target=Janitor(bench.open()).run, args=(stop, lambda: beats.append(1)))
    worker.start()
    for _ in range(2):
        clock.until_waiting()
        clock.advance(EVERY)
    clock.until_waiting()
    stop.set(0.0)
    worker.join(timeout=30)
    assert not worker.is_alive()
    assert len(beats) == 3
