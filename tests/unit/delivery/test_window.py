"""The window: examples for each promise."""

from __future__ import annotations

import pytest

from lpforwarder.delivery.window import Window
from lpforwarder.event import Seq


def seqs(first: int, last: int) -> list[Seq]:
    return [Seq(number) for number in range(first, last + 1)]


def window(
    *,
    checkpoint: int = 0,
    resume: int = 0,
    clean: bool = True,
    events: int = 5,
    time: float = 10.0,
    sent: int = 0,
) -> Window:
    return Window(
        checkpoint=Seq(checkpoint),
        resume=Seq(resume),
        clean=clean,
        replay_events=events,
        replay_seconds=time,
        highest_sent=sent,
    )


def test_a_clean_end_goes_on_at_the_checkpoint() -> None:
    assert window(checkpoint=40, resume=30, clean=True).position == 40


def test_an_unclean_end_goes_on_at_the_place_to_go_back_to() -> None:
    assert window(checkpoint=40, resume=30, clean=False).position == 30


def test_what_the_last_life_sent_is_not_sent_for_the_first_time() -> None:
    places = window(checkpoint=40, resume=30, clean=False, sent=45)
    places.sent(seqs(31, 50), Seq(50))
    assert (places.repeated, places.first_sent) == (15, 5)
    assert places.highest_sent == 50


def test_nothing_less_than_the_checkpoint_was_sent() -> None:
    assert window(checkpoint=40, resume=40, sent=12).highest_sent == 40


def test_going_back_does_not_forget_how_far_it_was_sent() -> None:
    places = window()
    places.sent(seqs(1, 10), Seq(10))
    places.confirm(4, now=0.0)
    places.rewind(now=0.0)
    assert places.highest_sent == 10


def test_what_is_sent_is_not_confirmed() -> None:
    places = window()
    places.sent(seqs(1, 10), Seq(10))
    assert places.checkpoint == 0
    assert places.unconfirmed == 10


def test_the_checkpoint_is_the_last_confirmed_message() -> None:
    places = window()
    places.sent(seqs(1, 10), Seq(10))
    assert places.confirm(4, now=0.0)
    assert places.checkpoint == 4
    assert places.unconfirmed == 6


def test_a_count_that_goes_back_changes_nothing() -> None:
    places = window()
    places.sent(seqs(1, 10), Seq(10))
    places.confirm(4, now=0.0)
    assert not places.confirm(3, now=0.0)
    assert places.checkpoint == 4


def test_filtered_entries_count_as_done_once_what_lies_before_them_is_confirmed() -> None:
    places = window()
    places.sent([Seq(2), Seq(5)], Seq(9))
    places.confirm(1, now=0.0)
    assert places.checkpoint == 4
    places.confirm(2, now=0.0)
    assert places.checkpoint == 9


def test_a_page_without_a_message_moves_the_checkpoint_too() -> None:
    places = window()
    places.sent((), Seq(100))
    assert places.confirm(0, now=0.0)
    assert places.checkpoint == 100


def test_an_abnormal_end_goes_back_by_the_replay_events() -> None:
    places = window(events=5, time=0.0)
    places.sent(seqs(1, 20), Seq(20))
    places.confirm(20, now=0.0)
    assert places.rewind(now=1.0) == 5
    assert places.position == 15
    assert places.checkpoint == 20


def test_an_abnormal_end_goes_back_by_the_replay_time_when_that_reaches_further() -> None:
    places = window(events=2, time=10.0)
    for second in range(30):
        places.sent([Seq(second + 1)], Seq(second + 1))
        places.confirm(second + 1, now=float(second))
    places.rewind(now=29.0)
    assert places.position == 20  # confirmed at second 19, ten seconds before the last one


def test_a_flapping_collector_does_not_push_the_place_back() -> None:
    places = window(events=5, time=0.0)
    places.sent(seqs(1, 20), Seq(20))
    places.confirm(20, now=0.0)
    for _ in range(10):
        places.rewind(now=1.0)
        places.sent(seqs(places.position + 1, 17), Seq(17))
    assert places.position == 17
    places.rewind(now=2.0)
    assert places.position == 15


def test_confirming_again_what_was_replayed_moves_the_place_up_again() -> None:
    places = window(events=5, time=0.0)
    places.sent(seqs(1, 20), Seq(20))
    places.confirm(20, now=0.0)
    places.rewind(now=1.0)
    places.sent(seqs(16, 30), Seq(30))
    places.confirm(15, now=2.0)
    assert places.checkpoint == 30
    assert places.resume == 25


def test_repeats_and_first_confirmations_are_counted_apart() -> None:
    places = window(events=5, time=0.0)
    places.sent(seqs(1, 20), Seq(20))
    places.confirm(18, now=0.0)
    places.rewind(now=1.0)
    places.sent(seqs(14, 22), Seq(22))
    places.confirm(9, now=2.0)
    assert (places.first_sent, places.repeated, places.confirmed) == (22, 7, 22)


def test_a_collector_that_drops_quiet_connections_gets_each_event_twice_at_most() -> None:
    places = window(events=5, time=10.0)
    places.sent(seqs(1, 20), Seq(20))
    places.confirm(20, now=0.0)
    places.rewind(now=100.0, idle=True)
    again = places.position
    places.sent(seqs(again + 1, 20), Seq(20))
    places.confirm(20 - again, now=101.0)
    places.rewind(now=200.0, idle=True)
    assert again < 20
    assert places.position == 20


def test_an_idle_end_soon_after_a_confirmation_is_replayed_like_any_other() -> None:
    places = window(events=5, time=10.0)
    places.sent(seqs(1, 20), Seq(20))
    places.confirm(20, now=0.0)
    places.rewind(now=5.0, idle=True)
    places.sent(seqs(1, 20), Seq(20))
    places.confirm(20, now=6.0)
    places.rewind(now=7.0, idle=True)
    assert places.position < 20


def test_failures_in_quick_succession_repeat_one_window_each() -> None:
    places = window(events=5, time=10.0)
    for second in range(100):
        last = Seq(places.checkpoint + 10)
        fresh = seqs(places.position + 1, last)
        places.sent(fresh, last)
        places.confirm(len(fresh), now=float(second))
        assert places.rewind(now=second + 0.5) <= 110
    assert places.checkpoint == 1000


def test_a_new_life_repeats_what_the_last_one_would_have_and_later_failures_one_window() -> None:
    places = window(checkpoint=40, resume=10, clean=False, events=5)
    assert (places.position, places.resume) == (10, 35)


def test_a_message_is_found_by_its_number_on_the_link() -> None:
    some = window()
    some.sent([Seq(3), Seq(5), Seq(9)], Seq(10))
    assert [some.place(number) for number in (1, 2, 3)] == [3, 5, 9]
    some.confirm(1, 0.0)
    assert (some.counted, some.place(2), some.place(3)) == (1, 5, 9)
    with pytest.raises(ValueError, match="message 1 is confirmed already"):
        some.place(1)
