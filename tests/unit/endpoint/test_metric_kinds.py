"""The list of metrics itself."""

from __future__ import annotations

import re

from lpforwarder.endpoint.metric_kinds import ABSENT, KINDS


def test_names_are_those_that_prometheus_wants() -> None:
    for kind in KINDS.values():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.name)
        assert not kind.name.endswith("_total")
        assert kind.published.endswith("_total") == (kind.type == "counter")


def test_no_metric_is_both_there_and_left_out() -> None:
    assert not ABSENT.keys() & KINDS.keys()


def test_every_metric_says_what_it_means_and_what_is_normal() -> None:
    assert all(kind.about and kind.normal and not kind.about.endswith(".") for kind in KINDS.values())
