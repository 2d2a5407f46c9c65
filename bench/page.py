"""docs/performance.md from what was measured: the goals first, then each section."""

from __future__ import annotations

import os
import platform
import sqlite3
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.section import Goal, Section, number, table

_HEAD = """# Performance

<!-- Written by bench/run. Change the benchmark, not the page. -->

How it is measured, and what is not: [benchmarks](benchmarks.md). Figures of one machine in one hour; the
ratios are what to look at, because everybody took turns within each round.
"""


def page(sections: Sequence[Section], machine: str, pictures: Mapping[str, str]) -> str:
    """The whole page; `pictures` are the file names of those sections that have one."""
    goals = [goal for section in sections for goal in section.goals]
    parts = [_HEAD + f"\nMeasured on: {machine}."]
    if goals:
        parts += ["## What it must show", goal_table(goals)]
    for section in sections:
        parts.append(f"## {section.title}\n\n{section.scale[:1].upper()}{section.scale[1:]}.")
        if section.name in pictures:
            parts.append(f"![{section.title}]({pictures[section.name]})")
        parts.append(section.text)
    return "\n\n".join(parts) + "\n"


def goal_table(goals: Sequence[Goal]) -> str:
    """What was to be shown, what was, and whether that is enough."""
    rows = [
        [
            goal.what,
            f"{number(goal.value)}{goal.unit}",
            f"{'≥' if goal.is_floor else '≤'} {goal.limit:g}{goal.unit}",
            "yes" if goal.is_met else "**no**",
        ]
        for goal in goals
    ]
    return table(["", "measured", "goal", "met"], rows)


def machine() -> str:
    """What may explain a figure, and nothing that names the machine."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parts = (
        f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB",
        f"Linux {platform.release()}",
        f"Python {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
        ssl.OPENSSL_VERSION.rsplit(" ", 3)[0],
    )
    return ", ".join(parts)
