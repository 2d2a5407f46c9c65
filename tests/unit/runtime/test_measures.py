"""How durations are spread."""

from __future__ import annotations

import time

from lpforwarder.runtime.measures import Spread


def test_each_bucket_counts_what_took_no_longer_than_its_bound() -> None:
    spread = Spread([1.0, 10.0])
    for seconds in (0.0, 1.0, 1.001, 10.0, 11.0):
        spread.add(seconds)
    assert spread.as_json() == {"buckets": [(1.0, 2), (10.0, 4), (None, 5)], "sum": 23.001}


def test_nothing_counted_is_all_zero() -> None:
    assert Spread([1.0]).as_json() == {"buckets": [(1.0, 0), (None, 0)], "sum": 0.0}


def test_what_was_shown_does_not_change_any_more() -> None:
    spread = Spread([1.0])
    before = spread.as_json()
    spread.add(0.5)
    assert before["buckets"] == [(1.0, 0), (None, 0)]


def test_counting_costs_nothing_beside_a_batch() -> None:
    spread = Spread([float(bound) for bound in range(15)])
    began = time.thread_time()
    for number in range(10_000):
        spread.add(number % 20)
    assert (time.thread_time() - began) / 10_000 < 20e-6
