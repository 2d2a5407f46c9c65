"""A silence is counted in the seconds in which somebody looked."""

from __future__ import annotations

from lpforwarder.runtime.vigil import LONGEST_GAP, Vigil


def looks(vigil: Vigil, times: int, *, sign: object = "a", passed: float = 1.0, rests: bool = False) -> bool:
    """What the last of so many looks says."""
    return [vigil.look(sign, passed, rests=rests) for _ in range(times)][-1]


def test_a_worker_may_be_silent_as_long_as_it_said() -> None:
    vigil = Vigil(10.0)
    assert not looks(vigil, 11)  # the first look sees a sign that is new
    assert looks(vigil, 1)


def test_any_other_sign_is_a_sign_of_life() -> None:
    vigil = Vigil(10.0)
    for sign in (1, 2, 1, (1, None), (1, 5)):
        assert not looks(vigil, 11, sign=sign)


def test_rest_on_purpose_is_no_silence_and_the_count_begins_anew_behind_it() -> None:
    vigil = Vigil(10.0)
    assert not looks(vigil, 9)
    assert not looks(vigil, 1000, rests=True)
    assert not looks(vigil, 10)
    assert looks(vigil, 1)


def test_a_gap_between_two_looks_counts_little() -> None:
    vigil = Vigil(3 * LONGEST_GAP)
    assert not looks(vigil, 4, passed=86_400.0)
    assert looks(vigil, 1, passed=86_400.0)


def test_a_clock_that_stands_still_ends_nothing() -> None:
    assert not looks(Vigil(1.0), 1000, passed=0.0)
