"""Collectors that do not answer fences: given up, and asked again, for they may only have hung."""

from __future__ import annotations

from lpforwarder.delivery.transports.fences import FENCE_FAILURES, FENCE_TIMEOUT, RECONSIDERED, Fences
from tests.fakes.links import FarEnd, read_to_end, transport_to
from tests.fakes.patience import PATIENCE, LaterClock, StandingClock


def test_a_collector_that_only_hung_for_a_while_is_asked_again_and_gets_its_fences_back(
    far_end: FarEnd,
) -> None:
    clock = LaterClock()
    with transport_to(far_end, clock) as transport:
        transport.open()
        transport.send([b"<1>a"])
        transport.fence(0.0)
        for _ in range(FENCE_FAILURES):
            clock.later += FENCE_TIMEOUT
            transport.confirmed(0.0)
        assert transport.confirm == "kernel"
        clock.later += RECONSIDERED
        transport.send([b"<2>b"])
        transport.fence(0.0)
        assert transport.confirm == "close"
        for octets in (b"4 <1>a", b"4 <2>b"):
            far = far_end.accept()
            assert read_to_end(far) == octets
            far.close()
        assert transport.confirmed(PATIENCE) == 2
        assert (transport.confirm, transport.unanswered_fences) == ("close", 0)


def test_one_that_never_answers_is_asked_ever_more_rarely_and_costs_one_fence_each_time(
    far_end: FarEnd,
) -> None:
    clock = StandingClock()
    fences = Fences("close", clock)
    for _ in range(FENCE_FAILURES):
        fences.ask_later()
    asked = 0
    for _ in range(24 * 10):
        clock.now += RECONSIDERED
        if fences.may_begin():
            asked += 1
            fences.ask_later()
        assert fences.confirm == "kernel"
    assert 5 <= asked <= 15


def test_a_configured_kernel_is_never_asked_for_a_fence() -> None:
    clock = StandingClock()
    fences = Fences("kernel", clock)
    clock.now += 1e9
    assert not fences.may_begin()
