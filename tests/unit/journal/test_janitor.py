from __future__ import annotations

import threading
from collections.abc import MutableMapping
from typing import Any

from structlog.testing import capture_logs

from lpforwarder import rfc3339
from lpforwarder.event import Reject, Seq
from lpforwarder.journal import safe_copy
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
    bench.pass_time(LATER)
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
        bench.pass_time(LATER)
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
    bench.pass_time(LATER)
    Janitor(journal).step()
    assert journal.rejects() == []
    assert journal.facts().rejects == 1


def test_the_file_becomes_smaller_when_much_of_it_is_free(bench: Bench) -> None:
    journal = bench.open()
    for number in range(9):
        journal.append("acme", page(number * 10 + 1, number * 10 + 10, 10**6), (), str(number))
    journal.advance("siem", journal.newest(), journal.newest())
    bench.pass_time(LATER)
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


# ---- what it says -----------------------------------------------------------------------------------------


def said(logs: list[MutableMapping[str, Any]]) -> list[tuple[str, str]]:
    return [(line["event"], line["log_level"]) for line in logs]


def test_a_clock_that_jumps_is_told_once(bench: Bench) -> None:
    janitor = Janitor(bench.open())
    janitor.step()
    bench.now = LATER
    with capture_logs() as logs:
        janitor.step()
        janitor.step()
    assert said(logs) == [("clock.jumped", "warning")]
    assert logs[0]["code"] == "LPF510"
    assert logs[0]["reason"].startswith("the clock went ahead by ")
    bench.now = "2022-12-14T17:33:43.369Z"
    with capture_logs() as logs:
        janitor.step()
    assert logs[0]["reason"].startswith("the clock went back by ")


def test_room_is_told_at_each_step_and_when_there_is_enough_again(bench: Bench) -> None:
    journal = bench.open(max_size=3 * 2**19)
    journal.register("archive", "oldest")
    janitor = Janitor(journal)
    lines: list[tuple[str, str]] = []
    for number, events in enumerate((600, *[20] * 15)):
        journal.append("acme", page(1, events, 1000), (), str(number))
        with capture_logs() as logs:
            for _ in range(3):
                bench.pass_time(later(bench.now, 86_400))
                janitor.step()
        lines += said(logs)
    assert lines == [("journal.room_low", "warning"), ("journal.room_low", "error")]
    journal.advance("archive", journal.newest(), journal.newest())
    with capture_logs() as logs:
        janitor.step()
    assert said(logs) == [("journal.room_regained", "info")]


def later(now: str, seconds: int) -> str:
    milliseconds = rfc3339.parse(now)
    assert milliseconds is not None
    return rfc3339.render(milliseconds + 1000 * seconds)


def test_damage_that_needs_a_restart_is_told_once_and_marked_for_the_next_start(bench: Bench) -> None:
    journal = bench.open()
    janitor = Janitor(journal)
    journal.mark_damage("a page is gone")
    with capture_logs() as logs:
        janitor.step()
        janitor.step()
    assert said(logs) == [("journal.needs_restart", "error")]
    assert (logs[0]["code"], logs[0]["reason"]) == ("LPF505", "a page is gone")
    copy = safe_copy.read(bench.path)
    assert copy is not None
    assert copy.damage == "a page is gone"
