"""All scenarios, in the order of their numbers."""

from __future__ import annotations

import importlib
from pathlib import Path

from tests.chaos.play import Scenario


def all_scenarios() -> dict[str, Scenario]:
    """By id. Each file `scenes_*.py` of this folder lists its own in SCENARIOS."""
    modules = sorted(path.stem for path in Path(__file__).parent.glob("scenes_*.py"))
    found = [
        scenario for name in modules for scenario in importlib.import_module(f"tests.chaos.{name}").SCENARIOS
    ]
    made = {scenario.id: scenario for scenario in sorted(found, key=lambda one: one.place)}
    if len(made) < len(found):
        raise ValueError("two scenarios have the same id")
    return made
