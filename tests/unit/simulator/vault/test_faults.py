from __future__ import annotations

from collections import Counter

import pytest

from lpforwarder.simulator.vault.faults import LASTING, Fault, FaultPlan, Faults


def drawn(plan: FaultPlan, count: int, *, inside_chain: bool = True) -> list[Fault | None]:
    faults = Faults(plan)
    return [faults.next(inside_chain=inside_chain) for _ in range(count)]


def test_without_a_plan_nothing_goes_wrong() -> None:
    assert drawn(FaultPlan(), 100) == [None] * 100


def test_the_same_plan_gives_the_same_faults_and_another_seed_others() -> None:
    plan = FaultPlan.evenly(0.5, seed=7)
    assert drawn(plan, 200) == drawn(plan, 200)
    assert drawn(plan, 200) != drawn(FaultPlan.evenly(0.5, seed=8), 200)


def test_a_share_of_requests_fails_with_every_kind_that_heals() -> None:
    counts = Counter(drawn(FaultPlan.evenly(0.1), 20_000))
    failed = 20_000 - counts.pop(None)
    assert 1_800 < failed < 2_200
    assert set(counts) == set(Fault) - LASTING


def test_what_is_scripted_comes_first_and_in_order() -> None:
    plan = FaultPlan(script=(Fault.CLOSED, None), chances={Fault.BAD_GATEWAY: 1.0})
    faults = Faults(plan)
    faults.script([Fault.FORBIDDEN])
    found = [faults.next(inside_chain=False) for _ in range(4)]
    assert found == [Fault.CLOSED, None, Fault.FORBIDDEN, Fault.BAD_GATEWAY]


def test_the_secret_is_reset_by_chance_only_in_the_middle_of_a_chain() -> None:
    plan = FaultPlan(chances={Fault.HASH_RESET: 1.0})
    assert drawn(plan, 3, inside_chain=False) == [None] * 3
    assert drawn(plan, 3, inside_chain=True) == [Fault.HASH_RESET] * 3


@pytest.mark.parametrize("chances", [{Fault.CLOSED: -0.1}, {Fault.CLOSED: 0.6, Fault.SILENCE: 0.6}])
def test_impossible_chances_are_refused(chances: dict[Fault, float]) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        FaultPlan(chances=chances)
