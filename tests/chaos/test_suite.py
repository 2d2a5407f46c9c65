"""The scenarios in their short form, side by side: scripts/check --chaos. scripts/chaos has the full form."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from tests.chaos.outcome import Outcome
from tests.chaos.registry import all_scenarios
from tests.chaos.suite import Job, Suite

SEED = int(os.environ.get("LPFORWARDER_CHAOS_SEED", "1"))
# Of other people's forwarding one of each is enough to keep the yardstick working.
OTHERS = ("rsyslog", "syslog-ng")
SCENARIOS = {id: one for id, one in all_scenarios().items() if one.is_ours or id in OTHERS}

pytestmark = pytest.mark.chaos


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Outcome]]]:
    """By the scenario's id; all that were chosen run at once, so that the idle ones share the time."""
    chosen = {
        item.callspec.params["id"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == request.path and hasattr(item, "callspec")
    }
    suite = Suite(tmp_path_factory.mktemp("chaos"))
    jobs = {id: Job(scenario=SCENARIOS[id], seed=SEED, scale="short") for id in SCENARIOS if id in chosen}
    started = suite.start(jobs.values())
    try:
        yield {id: started[job.name] for id, job in jobs.items()}
    finally:
        suite.close()


@pytest.mark.parametrize(
    "id",
    [
        pytest.param(id, id=f"{id}: {one.name}", marks=[pytest.mark.peers] if one.peers else [])
        for id, one in SCENARIOS.items()
    ],
)
def test_the_scenario_ends_well(id: str, outcomes: dict[str, Future[Outcome]]) -> None:
    outcome = outcomes[id].result()
    print(outcome.line())
    assert outcome.failures == ()
