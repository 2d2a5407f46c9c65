"""One part of the report: what it says, and which goals it judges. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """Something that must be shown, and what was."""

    what: str
    value: float
    limit: float
    unit: str = ""
    is_floor: bool = False
    """True when the value is to be at least the limit; else at most."""

    @property
    def is_met(self) -> bool:
        """Whether the value is on the right side."""
        return self.value >= self.limit if self.is_floor else self.value <= self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading with Markdown below it."""

    name: str
    """By which it is selected on the command line."""
    title: str
    scale: str
    """How much was measured: events, rounds."""
    text: str
    goals: tuple[Goal, ...] = ()


def as_json(section: Section) -> dict[str, Any]:
    """JSON values that from_json() understands."""
    goals = [{name: getattr(goal, name) for name in Goal.__slots__} for goal in section.goals]
    return {name: getattr(section, name) for name in Section.__slots__} | {"goals": goals}


def from_json(values: Mapping[str, Any]) -> Section:
    """The section again."""
    goals = tuple(Goal(**goal) for goal in values["goals"])
    return Section(**{**values, "goals": goals})


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first are aligned to the right."""
    lines = [heads, ["---"] + ["--:"] * (len(heads) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float) -> str:
    """Three figures that matter: 12,300, 123, 12.3, 1.23."""
    if abs(value) >= 1000:
        digits = len(str(int(abs(value)))) - 3
        return f"{round(value, -digits):,.0f}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
