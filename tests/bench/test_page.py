from __future__ import annotations

from pathlib import Path

from bench.command import write
from bench.page import goal_table, page
from bench.section import Goal, Section

PEERS = Section(
    name="peers",
    title="Beside rsyslog",
    scale="5 events",
    text="| a |",
    goals=(Goal(what="CPU by rsyslog", value=0.5, limit=0.35),),
)
START = Section(name="start", title="Start", scale="3 rounds", text="| b |")


def test_a_goal_that_is_missed_cannot_be_overlooked() -> None:
    assert goal_table(PEERS.goals).splitlines()[2] == "| CPU by rsyslog | 0.50 | ≤ 0.35 | **no** |"


def test_the_goals_stand_before_the_sections() -> None:
    text = page([PEERS, START], "2 cores", {"peers": "p.svg"})
    assert text.index("CPU by rsyslog") < text.index("## Beside rsyslog") < text.index("## Start")
    assert "![Beside rsyslog](p.svg)" in text


def test_a_later_run_replaces_its_own_sections_and_keeps_the_others(tmp_path: Path) -> None:
    file, results = tmp_path / "performance.md", tmp_path / "results.json"
    write([START], {}, file, results)
    write([PEERS], {"peers": "<svg/>"}, file, results)
    text = file.read_text("utf-8")
    assert text.index("## Beside rsyslog") < text.index("## Start")
    assert "performance-peers.svg" in text
    assert (tmp_path / "performance-peers.svg").read_text("utf-8") == "<svg/>"
