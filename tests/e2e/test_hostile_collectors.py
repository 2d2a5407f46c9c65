"""Collectors that mean harm, beside a good one: it gets every event in order, and the service stays small."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.fakes.collectors import Collector, Manners
from tests.fakes.daemon import Daemon
from tests.fakes.event_files import write_events
from tests.fakes.received import event_ids
from tests.fakes.small_setup import collector

pytestmark = pytest.mark.slow

EVENTS = 5_000
BAD = {
    "babbling": Manners(garbage=100_000_000),
    "deaf": Manners(reads=False),
    "rude": Manners(hangs_up=True),
    "clinging": Manners(closes=False),
}


def test_a_good_collector_loses_nothing_beside_four_that_mean_harm(tmp_path: Path) -> None:
    ids = write_events(tmp_path / "events.jsonl", EVENTS)
    received: list[bytes] = []
    with contextlib.ExitStack() as crowd:
        good = crowd.enter_context(Collector(received.extend))
        bad = {name: crowd.enter_context(Collector(list, manners=how)) for name, how in BAD.items()}
        collectors = [collector(one.address[1], name=name) for name, one in bad.items()]
        collectors.append(collector(good.address[1], name="good"))
        source = {"name": "archive", "type": "file", "path": str(tmp_path / "events.jsonl")}
        settings = {"sources": [source], "collectors": collectors, "drain": "1s"}
        with Daemon(tmp_path / "d", settings) as daemon:
            daemon.wait_until_confirmed("good", EVENTS)
            facts = daemon.wait_until(
                lambda facts: all(facts["collectors"][name]["error"] for name in ("babbling", "rude"))
            )
            assert facts["sources"]["archive"]["error"] is None
            assert daemon.memory() < 150 * 2**20
            assert daemon.terminate() == 0
    assert event_ids(received) == ids
