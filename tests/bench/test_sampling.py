from __future__ import annotations

import signal
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


def entered(_: object) -> int:
    return 0


def signalled_in_c() -> None:
    alarm = map(signal.setitimer, [signal.ITIMER_REAL], [0.001])
    max(zip(alarm, map(sum, [range(3_000_000)]), strict=True), key=entered)


def test_what_passed_in_c_counts_for_its_caller_and_not_for_the_function_it_called_next() -> None:
    samples = Samples()
    before = signal.signal(signal.SIGALRM, lambda _, frame: samples.look(frame))
    try:
        signalled_in_c()
    finally:
        signal.signal(signal.SIGALRM, before)
    (stack,) = samples.stacks
    assert stack[-1] == f"{NAME}:signalled_in_c"


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
