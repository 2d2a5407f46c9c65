from __future__ import annotations

from pathlib import Path

import pytest

from lpforwarder.errors import Transient
from lpforwarder.event import Cursor
from lpforwarder.journal.remembered import Cursors, RoomLeft
from lpforwarder.journal.sqlite import open_journal
from tests.fakes.pages import event


class Asked:
    """Answers what the file says, and counts how often it was asked."""

    def __init__(self, answer: int | Cursor | None) -> None:
        self.answer = answer
        self.times = 0

    def cursor(self, _source: str) -> Cursor | None:
        self.times += 1
        assert self.answer is None or isinstance(self.answer, str)
        return self.answer

    def used(self) -> int:
        self.times += 1
        assert isinstance(self.answer, int)
        return self.answer


def test_a_cursor_is_read_once_and_then_known() -> None:
    cursors, file = Cursors(), Asked(Cursor("7"))
    assert [cursors.of("acme", file.cursor) for _ in range(3)] == ["7"] * 3
    assert file.times == 1


def test_that_there_is_none_yet_is_known_as_well() -> None:
    cursors, file = Cursors(), Asked(None)
    assert [cursors.of("acme", file.cursor) for _ in range(2)] == [None, None]
    assert file.times == 1


def test_a_cursor_that_moved_is_known_without_asking() -> None:
    cursors, file = Cursors(), Asked(Cursor("7"))
    cursors.moved("acme", "8")
    assert cursors.of("acme", file.cursor) == "8"
    assert (file.times, cursors.of("other", file.cursor)) == (0, "7")


def test_after_an_append_that_may_have_failed_the_file_is_asked() -> None:
    cursors, file = Cursors(), Asked(Cursor("7"))
    cursors.moved("acme", "8")
    cursors.forget("acme")
    assert cursors.of("acme", file.cursor) == "7"


def test_the_file_is_not_looked_at_while_there_is_plenty_of_room() -> None:
    file = Asked(1_000)
    room = RoomLeft(file.used)
    assert all(room.fits(100, 100_000, written) for written in range(0, 10_000, 100))
    assert file.times == 1


@pytest.mark.parametrize("times", [2, 3])
def test_room_is_looked_up_again_before_it_can_be_used_up(times: int) -> None:
    """Even when what was written took twice the room that it was said to take, and a log that nobody cuts."""
    file = Asked(0)
    room = RoomLeft(file.used)
    for written in range(0, 1_000, 10):
        file.answer = min(times * written, 1_000)
        fits = room.fits(10, 1_000, written)
        assert not fits or file.answer + 10 <= 1_000
    assert not room.fits(10, 1_000, 1_000)


def test_a_smaller_limit_counts_at_once() -> None:
    room = RoomLeft(Asked(600).used)
    assert room.fits(10, 10_000, 0)
    assert not room.fits(10, 500, 0)


def test_an_append_that_is_refused_leaves_the_cursor_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with open_journal(path, keep=3600.0, max_size=10**9, when_full="pause-polling") as journal:
        journal.register("siem", "oldest")
        journal.append("acme", [event("1")], (), "one")
        journal.apply(keep=3600.0, max_size=1, when_full="pause-polling")
        with pytest.raises(Transient):
            journal.append("acme", [event("2")], (), "two")
        assert journal.cursor("acme") == "one"
        journal.apply(keep=3600.0, max_size=10**9, when_full="pause-polling")
        journal.append("acme", [event("2")], (), "two")
        assert journal.cursor("acme") == "two"
    with open_journal(path, keep=3600.0, max_size=10**9, when_full="pause-polling") as journal:
        assert journal.cursor("acme") == "two"
