"""The outcomes as tables of docs/reliability.md, between the two markers."""

from __future__ import annotations

import os
import platform
import sqlite3
import ssl
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from tests.chaos.outcome import FAULTS, MINUTES, Outcome, from_json
from tests.chaos.play import Scenario
from tests.chaos.registry import all_scenarios

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- results: written by scripts/chaos --report -->", "<!-- end of results -->"


def read_outcomes(file: Path) -> list[Outcome]:
    """All outcomes in a file of JSON lines; of runs of the same scenario, seed and scale the latest."""
    latest: dict[tuple[str, int, str], Outcome] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        outcome = from_json(line)
        latest[outcome.id, outcome.seed, outcome.scale] = outcome
    return list(latest.values())


def write_page(outcomes: Sequence[Outcome], page: Path = PAGE) -> None:
    """Replaces what stands between the markers; ValueError when they are not there."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} lacks the markers of the results")
    page.write_text(before + BEGIN + "\n" + tables(outcomes) + END + after, encoding="utf-8")


def tables(outcomes: Sequence[Outcome]) -> str:
    """Both tables, ours and that of the others; a scenario counts with its full runs where it has any."""
    known = all_scenarios()
    rows = [(known[id], chosen) for id, chosen in _by_scenario(outcomes, known)]
    ours = [_row(scenario, runs) for scenario, runs in rows if scenario.is_ours]
    others = [_row_of_others(scenario, runs) for scenario, runs in rows if not scenario.is_ours]
    long = [_row_of_long(run) for _, runs in rows for run in runs if _is_long(run)]
    longs = ["", *_LONGS, *long] if long else []
    return "\n".join([_where(), "", *_OURS, *ours, *longs, "", *_OTHERS, *others, ""])


_OURS = (
    "| # | fault | runs | events | lost | copies (permitted) | worst recovery | said | result | measured |",
    "|--:|---|---|--:|--:|--:|--:|---|---|---|",
)
_LONGS = (
    "| seed | minutes | faults | events | lost | copies (permitted) | recovery at the end | result | which |",
    "|--:|--:|--:|--:|--:|--:|--:|---|---|",
)
_OTHERS = (
    "| forwarder, its collector killed or restarted | accidents | events | lost | per accident | copies |",
    "|---|--:|--:|--:|--:|--:|",
)


def _by_scenario(
    outcomes: Iterable[Outcome], known: dict[str, Scenario]
) -> Iterable[tuple[str, list[Outcome]]]:
    ours = (one for one in outcomes if one.id in known)
    ordered = sorted(ours, key=lambda one: (known[one.id].place, one.seed))
    for id, group in groupby(ordered, key=lambda one: one.id):
        runs = list(group)
        yield id, [one for one in runs if one.scale == "full"] or runs


def _row(scenario: Scenario, runs: Sequence[Outcome]) -> str:
    allowed = [one.dup_allowed for one in runs if one.dup_allowed is not None]
    recovery = [one.recovery_s for one in runs if one.recovery_s is not None]
    failed = [one for one in runs if not one.passed]
    cells = (
        scenario.id,
        scenario.name,
        f"{len(runs)} {runs[0].scale}",
        _count(one.sent for one in runs),
        _count(one.lost for one in runs),
        _count(one.dup for one in runs) + (f" ({sum(allowed):,})" if allowed else ""),
        f"{max(recovery):.2f} s" if recovery else "",
        "yes" if all(one.message_ok for one in runs) else "no",
        f"**{len(failed)} of {len(runs)} failed**: {failed[0].failures[0][:200]}" if failed else "good",
        _measured(runs),
    )
    return "| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in cells) + " |"


def _measured(runs: Sequence[Outcome]) -> str:
    """Of several runs the largest number; of words the last. Long runs have lines of their own for that."""
    if all(_is_long(run) for run in runs):
        return "see below"
    found: dict[str, float | int | str] = {}
    for one in runs:
        for name, value in one.figures.items():
            before = found.get(name)
            is_smaller = isinstance(before, int | float) and isinstance(value, int | float) and value < before
            found[name] = before if is_smaller and before is not None else value
    return "; ".join(f"{name}: {_shown(value)}" for name, value in found.items())


def _shown(value: float | int | str) -> str:
    return (
        value if isinstance(value, str) else f"{value:,.10g}" if isinstance(value, int) else f"{value:,.2f}"
    )


def _is_long(run: Outcome) -> bool:
    return run.scale == "full" and MINUTES in run.figures


def _row_of_long(run: Outcome) -> str:
    faults = {name: count for name, count in run.figures.items() if name not in (MINUTES, FAULTS)}
    cells = (
        str(run.seed),
        f"{run.figures[MINUTES]:g}",
        f"{run.figures[FAULTS]:,}",
        f"{run.sent:,}",
        f"{run.lost:,}",
        f"{run.dup:,} ({run.dup_allowed:,})" if run.dup_allowed is not None else f"{run.dup:,}",
        f"{run.recovery_s:.2f} s" if run.recovery_s is not None else "",
        "good" if run.passed else f"**failed**: {run.failures[0][:200]}",
        ", ".join(f"{name} {count}" for name, count in faults.items()),
    )
    return "| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in cells) + " |"


def _row_of_others(scenario: Scenario, runs: Sequence[Outcome]) -> str:
    accidents = sum(int(one.figures.get("accidents", 0)) for one in runs)
    lost = sum(one.lost for one in runs)
    cells = (
        scenario.name,
        f"{accidents:,}",
        _count(one.sent for one in runs),
        f"{lost:,}",
        f"{lost / max(accidents, 1):,.1f}",
        _count(one.dup for one in runs),
    )
    return "| " + " | ".join(cells) + " |"


def _count(numbers: Iterable[int]) -> str:
    return f"{sum(numbers):,}"


def _where() -> str:
    """The machine, in one line."""
    parts = (
        f"{len(os.sched_getaffinity(0))} processors",
        f"Linux {platform.release().split('-')[0]}",
        f"Python {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
        ssl.OPENSSL_VERSION.rpartition(" 20")[0].rsplit(" ", 2)[0],
    )
    return ", ".join(parts) + "."
