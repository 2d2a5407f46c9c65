"""Delivery over RELP to a collector that is slow: nobody waits long for it in one call."""

from __future__ import annotations

import threading

from lpforwarder.delivery.encoder import Encoder
from lpforwarder.delivery.pump import Limits, Pump
from lpforwarder.event import Event
from tests.fakes.journal import MemoryJournal
from tests.fakes.links import FarEnd
from tests.fakes.patience import PATIENCE, Stopwatch, fails
from tests.fakes.relp_links import OK, RelpEnd, goodbye, in_session, numbered, relp_to
from tests.unit.delivery.test_pump import Line, Token

COUNT = 20
WITHIN = 0.05


def test_an_offer_hands_over_what_the_window_has_room_for(far_end: FarEnd) -> None:
    with in_session(far_end, window=4) as (transport, end):
        assert transport.offer(numbered(6), WITHIN) == 4
        assert [command.data for command in end.take(4)] == numbered(4)


def test_an_offer_to_a_full_window_gives_up_in_time_and_hands_over_nothing(far_end: FarEnd) -> None:
    with in_session(far_end, window=4) as (transport, end):
        transport.offer(numbered(6), WITHIN)
        with Stopwatch() as watch:
            assert transport.offer(numbered(2, first=5), WITHIN) == 0
        assert WITHIN <= watch.wall < PATIENCE
        assert end.answer(OK, OK, OK, OK) == numbered(4)
        assert transport.offer(numbered(2, first=5), PATIENCE) == 2
        assert end.answer(OK, OK) == numbered(2, first=5)
        assert transport.confirmed(PATIENCE) >= 4


def test_an_offer_takes_what_little_room_there_is_when_its_time_is_up(far_end: FarEnd) -> None:
    with in_session(far_end, window=4) as (transport, end):
        transport.offer(numbered(4), WITHIN)
        end.answer(OK)
        assert transport.offer(numbered(3, first=5), WITHIN) == 1


def test_a_collector_that_answers_nothing_at_all_is_still_given_up(far_end: FarEnd) -> None:
    with in_session(far_end, window=1, stall_timeout="1s") as (transport, _):
        assert transport.offer(numbered(2), WITHIN) == 1
        with fails("LPF211"):
            while transport.offer(numbered(1, first=2), WITHIN) == 0:
                pass


def test_a_collector_that_answers_only_after_a_sign_of_life_gets_everything_once(far_end: FarEnd) -> None:
    """With one call for all of them this ends with LPF211: the first sign of life would come too late."""
    journal, answered, asked = MemoryJournal(), list[bytes](), threading.Semaphore(0)
    journal.append("acme", [Event.of({"id": f"e{place}"}) for place in range(COUNT)], [], "cursor")

    def collect() -> None:
        end = RelpEnd(far_end.accept())
        end.agree()
        while len(answered) < COUNT:
            asked.acquire()
            answered.extend(end.answer(OK, OK))
        goodbye(end)

    collector = threading.Thread(target=collect, daemon=True)
    collector.start()
    with relp_to(far_end, window=4, stall_timeout="5s") as transport:
        encoder = Encoder(lambda _: True, Line(), Line(), 8096)
        Pump("siem", journal, encoder, transport, Limits()).run_to_end(Token(), asked.release)
    collector.join(PATIENCE)
    assert answered == [b"e%d" % place for place in range(COUNT)]
    assert journal.checkpoint("siem") == COUNT
