from __future__ import annotations

import sys
import time
from collections import Counter

from bench.sampling import Samples, own_shares, sampled


def inner(samples: Samples) -> None:
    samples.look(sys._getframe())


def outer(samples: Samples) -> None:
    inner(samples)


NAME = "tests/bench/test_sampling.py"


def test_a_stack_goes_from_the_outermost_to_the_innermost() -> None:
    samples = Samples()
    outer(samples)
    assert list(samples.below(f"{NAME}:outer")) == [(f"{NAME}:outer", f"{NAME}:inner")]


def test_what_does_not_pass_through_a_function_is_left_out() -> None:
    samples = Samples()
    inner(samples)
    assert not samples.below(f"{NAME}:outer")


def test_shares_count_the_innermost_function() -> None:
    assert own_shares(Counter({("a", "b"): 3, ("a",): 1})) == [("b", 0.75), ("a", 0.25)]


def test_a_comprehension_counts_for_its_function() -> None:
    stacks = Counter({("a.py:f",): 1, ("a.py:f", "a.py:f.<locals>.<listcomp>"): 3})
    assert own_shares(stacks) == [("a.py:f", 1.0)]


def burn(samples: Samples) -> None:
    end = time.process_time() + 5.0
    while not samples.stacks and time.process_time() < end:
        sum(range(1000))


def test_code_that_burns_cpu_is_seen() -> None:
    with sampled() as samples:
        burn(samples)
    assert samples.below(f"{NAME}:burn")
