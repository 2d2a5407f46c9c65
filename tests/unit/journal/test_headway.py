from __future__ import annotations

from lpforwarder.journal.headway import AWAY_AFTER, Headway


def test_the_first_look_tells_nothing() -> None:
    assert not Headway().goes_on(5000, 0.0)


def test_a_place_that_moves_goes_on_until_it_has_stood_still_for_long() -> None:
    headway = Headway()
    headway.goes_on(10, 0.0)
    assert headway.goes_on(20, 1.0)
    assert headway.goes_on(20, 1.0 + AWAY_AFTER - 0.1)
    assert not headway.goes_on(20, 1.0 + AWAY_AFTER)
    assert headway.goes_on(21, 500.0)


def test_a_place_that_goes_back_because_others_count_now_is_no_headway() -> None:
    headway = Headway()
    headway.goes_on(20, 0.0)
    assert not headway.goes_on(10, 1.0)
    assert headway.goes_on(15, 2.0)
