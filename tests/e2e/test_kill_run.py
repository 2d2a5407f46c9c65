"""How a large number of kills is cut into parts, and how their outcomes become one table."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import Outcome
from tests.e2e.kill_run import COLLECTORS, DAEMON, planned, summed


def outcome(scenario: str, *, lost: int = 0, recovery: float = 1.0) -> Outcome:
    return Outcome(
        scenario=scenario,
        rounds=50,
        sent=1000,
        lost=lost,
        duplicates=7,
        allowed=100,
        worst_recovery=recovery,
    )


@pytest.mark.parametrize("each", [7, 50, 10_000])
def test_no_kill_is_forgotten_whatever_the_size_of_a_part(each: int) -> None:
    parts = planned(daemon=1000, collectors=500, restarts=100, each=each)
    assert sum(part.kills for part in parts if part.test.startswith(DAEMON)) == 1000
    for name in ("receiver", "rsyslog", "syslog-ng"):
        ours = [part for part in parts if part.test == f"{COLLECTORS}[{name}]"]
        assert (sum(part.kills for part in ours), sum(part.restarts for part in ours)) == (500, 100)
    assert all(part.kills + part.restarts <= each + 1 for part in parts)
    assert len({part.name for part in parts}) == len(parts)


def test_who_is_not_to_be_killed_has_no_part() -> None:
    parts = planned(daemon=100, collectors=0, restarts=0, each=50)
    assert {part.test.partition("[")[0] for part in parts} == {DAEMON}
    assert planned(daemon=0, collectors=0, restarts=0, each=50) == []
    parts = planned(daemon=0, collectors=0, restarts=1, each=50)
    assert [part.restarts for part in parts] == [1, 1, 1]


def test_the_parts_of_a_scenario_are_added_up_and_the_worst_recovery_counts() -> None:
    parts = [
        outcome("rsyslog killed 42, restarted 8 times, tcp", recovery=0.5),
        outcome("rsyslog killed 41, restarted 9 times, tcp", lost=2, recovery=1.5),
        outcome("daemon with tcp killed, tcp"),
    ]
    daemon, rsyslog = summed(parts)
    assert daemon == parts[2]
    assert rsyslog.scenario == "rsyslog killed and restarted, tcp"
    assert (rsyslog.rounds, rsyslog.sent, rsyslog.lost, rsyslog.duplicates) == (100, 2000, 2, 14)
    assert (rsyslog.allowed, rsyslog.worst_recovery) == (200, 1.5)
