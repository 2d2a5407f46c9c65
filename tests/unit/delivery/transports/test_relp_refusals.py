"""What becomes of a message that a RELP collector refuses."""

from __future__ import annotations

import contextlib
import threading

import pytest

from lpforwarder.delivery.contract import Refusal
from lpforwarder.delivery.transports.relp import TRIES, RelpTransport
from lpforwarder.errors import Transient
from tests.fakes.links import FarEnd
from tests.fakes.patience import (
    PATIENCE,
    beside,
    fails,
    until,
)
from tests.fakes.relp_links import (
    NO,
    OK,
    in_session,
    numbered,
    pretending,
    relp_options,
    transport_to,
)


def test_a_refused_message_is_offered_again_and_the_others_go_on(far_end: FarEnd) -> None:
    with in_session(far_end) as (transport, end):
        offers: list[list[bytes]] = []

        def refuse_the_second() -> None:
            offers.append(end.answer(OK, NO, OK))
            for _ in range(TRIES - 1):
                offers.append(end.answer(NO))

        with beside(refuse_the_second):
            transport.send(numbered(3))
            transport.fence(PATIENCE)
        assert offers == [numbered(3), numbered(1, 2), numbered(1, 2)]
        assert transport.confirmed(0.0) == 3
        assert transport.refused() == [Refusal(2, "500 no")]
        assert transport.refused() == []


def test_nothing_behind_a_refused_message_is_confirmed_before_it_is_settled(far_end: FarEnd) -> None:
    with in_session(far_end) as (transport, end):
        transport.send(numbered(3))
        end.answer(OK, NO, OK)
        assert transport.confirmed(PATIENCE) == 1
        assert transport.confirmed(0.1) == 1
        assert transport.refused() == []


def test_a_message_that_is_taken_at_a_later_try_was_not_refused(far_end: FarEnd) -> None:
    with in_session(far_end) as (transport, end):

        def think_again() -> None:
            end.answer(NO, NO, OK)
            end.answer(NO, OK)
            end.answer(OK)

        with beside(think_again):
            transport.send(numbered(3))
            transport.fence(PATIENCE)
        assert transport.confirmed(0.0) == 3
        assert transport.refused() == []


def test_refused_messages_are_settled_before_anything_new_is_sent(far_end: FarEnd) -> None:
    with in_session(far_end) as (transport, end):
        transport.send(numbered(2))
        end.answer(NO, OK)
        offers: list[bytes] = []

        def go_on() -> None:
            offers.extend(end.answer(NO))
            offers.extend(end.answer(OK))
            offers.extend(end.answer(OK))

        until(lambda: transport._answered == 2 or transport.confirmed(0.0) > 2)
        with beside(go_on):
            transport.send(numbered(1, 3))
        assert offers == [b"<86>1 - - - - - - 1", b"<86>1 - - - - - - 1", b"<86>1 - - - - - - 3"]


def test_a_collector_that_refuses_everything_is_sick_and_nothing_is_set_aside() -> None:
    is_sick = threading.Event()
    with pretending(refuses=lambda _: is_sick.is_set()) as (collector, received):
        with transport_to(collector) as transport:
            transport.send(numbered(3))
            transport.fence(PATIENCE)
            assert transport.confirmed(0.0) == 3
            is_sick.set()
            transport.send(numbered(5, 4))
            with fails("LPF233"):
                transport.fence(PATIENCE)
            with fails("LPF233"):
                transport.confirmed(0.0)
            assert transport.refused() == []
        assert received == numbered(3)


def test_a_lone_message_that_is_refused_is_told_from_a_sick_collector_by_what_was_taken_last() -> None:
    with (
        pretending(refuses=lambda message: message.endswith(b"poison")) as (collector, received),
        transport_to(collector) as transport,
    ):
        transport.send(numbered(1))
        transport.fence(PATIENCE)
        transport.send([b"<86>1 poison"])
        transport.fence(PATIENCE)
        assert transport.confirmed(0.0) == 2
        assert transport.refused() == [Refusal(2, "500 message refused")]
    assert received == numbered(1) * 2  # the one duplicate that the question costs


def test_the_first_message_ever_is_not_given_up_while_nothing_shows_that_the_collector_is_well() -> None:
    with pretending(refuses=lambda message: message.endswith(b"poison")) as (collector, received):
        transport = RelpTransport(relp_options(collector.address))
        for messages, refused in (([b"<86>1 poison"], False), ([b"<86>1 poison", *numbered(1)], True)):
            transport.open()
            transport.send(messages)
            with contextlib.nullcontext() if refused else fails("LPF233"):
                transport.fence(PATIENCE)
            assert bool(transport.refused()) == refused
            transport.close()
    assert received == numbered(1)


def test_words_of_the_collector_do_not_reach_the_log(far_end: FarEnd) -> None:
    with in_session(far_end) as (transport, end):

        def refuse() -> None:
            for _ in range(TRIES):
                end.answer(b"500 cannot store user@example.com")

        transport.send(numbered(1))
        with beside(refuse), pytest.raises(Transient) as raised:
            transport.fence(PATIENCE)
        assert "(code 500)" in raised.value.what
        assert "example.com" not in raised.value.what


def test_a_link_that_breaks_while_a_message_is_offered_again_refuses_nothing(far_end: FarEnd) -> None:
    with in_session(far_end) as (transport, end):

        def refuse_and_die() -> None:
            end.answer(OK, NO, OK)
            end.take()
            end.far.close()

        transport.send(numbered(3))
        with beside(refuse_and_die), fails("LPF212"):
            transport.fence(PATIENCE)
        assert transport.confirmed(0.0) == 1
        with fails("LPF212"):
            transport.confirmed(0.0)
        assert transport.refused() == []
