"""What `scripts/chaos` makes of its options, and what its report makes of long runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import command, report, suite
from tests.chaos.outcome import FAULTS, MINUTES, Outcome
from tests.chaos.play import Scenario
from tests.chaos.registry import all_scenarios
from tests.chaos.suite import Job, Suite

SCENARIOS = all_scenarios()


def jobs(*arguments: str) -> list[Job]:
    return command._jobs(command._parser().parse_args(arguments), SCENARIOS)


def outcome(seed: int, *, minutes: float = 30.0, lost: int = 0) -> Outcome:
    return Outcome(
        id="30",
        name="chaos",
        seed=seed,
        scale="full",
        sent=27_000,
        lost=lost,
        dup=812,
        dup_allowed=90_000,
        recovery_s=1.25,
        figures={MINUTES: minutes, FAULTS: 190, "daemon killed": 11},
        failures=("plain lacks 1 events",) if lost else (),
    )


def test_a_long_run_is_the_mix_alone_once_for_each_seed() -> None:
    made = jobs("--long", "30m", "--seeds", "1-10")
    assert {(job.scenario.id, job.lasts, job.scale) for job in made} == {("30", 1800.0, "full")}
    assert [job.seed for job in made] == list(range(1, 11))


def test_a_long_run_has_time_to_settle_before_it_is_given_up() -> None:
    assert all(job.limit > 1800.0 for job in jobs("--long", "30m"))


def test_half_a_minute_of_chaos_does_not_count_as_a_full_run() -> None:
    assert [(job.lasts, job.scale) for job in jobs("--long", "30s")] == [(30.0, "short")]


def test_only_the_mix_has_a_length() -> None:
    with pytest.raises(SystemExit, match="only scenario 30"):
        jobs("--long", "30s", "--only", "4")


@pytest.mark.parametrize("text", ["", "30", "m", "3x", "-1m", "1.5h"])
def test_what_is_no_length_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        jobs("--long", text)
    assert "--long" in capsys.readouterr().err


def test_the_length_reaches_the_process_that_plays_the_scenario(tmp_path: Path) -> None:
    words = suite.command(Job(scenario=SCENARIOS["30"], seed=4, scale="full", lasts=90.0), tmp_path)
    assert words[words.index("--lasts") + 1] == "90.0"


def test_each_full_run_of_the_mix_has_a_line_of_its_own() -> None:
    text = report.tables([outcome(2, lost=1), outcome(1)])
    assert "| 1 | 30 | 190 | 27,000 | 0 | 812 (90,000) | 1.25 s | good | daemon killed 11 |" in text
    assert "| 2 | 30 | 190 | 27,000 | 1 | 812 (90,000) | 1.25 s | **failed**: plain lacks 1 events |" in text
    assert text.index("| 1 | 30 |") < text.index("| 2 | 30 |")


@pytest.mark.parametrize(("at_once", "load"), [(10, 1.0), (None, 0.5)])
def test_jobs_share_the_processors_unless_their_number_is_given(
    at_once: int | None, load: float, tmp_path: Path
) -> None:
    shared = Suite(tmp_path, at_once=at_once, processors=0.5)
    try:
        assert shared.load(Job(scenario=heavy(), seed=1, scale="short")) == load
    finally:
        shared.close()


def heavy() -> Scenario:
    return Scenario(id="x", name="", expected="", run=lambda play: None, load=0.8)
