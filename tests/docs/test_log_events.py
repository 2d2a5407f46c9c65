"""docs/log-events.md lists every line the program can log, and no other."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "exception": "error"}
OTHER_WAYS = {"critical", "fatal", "warn", "msg", "log"}  # what structlog knows besides, and we do not use
NAME = re.compile(r"[a-z]+\.[a-z]+(_[a-z]+)*\Z")
ROW = re.compile(r"^\| `([^`]+)` \| ([a-z, ]+) \|", re.MULTILINE)


@cache
def calls() -> list[tuple[str, ast.Call]]:
    """Every call of a method of `log` in the package, with its place."""
    found = []
    for path in sorted((ROOT / "lpforwarder").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                receiver = node.func.value
                logs = node.func.attr in LEVELS.keys() | OTHER_WAYS
                if logs and isinstance(receiver, ast.Name) and receiver.id == "log":
                    found.append((f"{path.relative_to(ROOT)}:{node.lineno}", node))
    return found


def logged() -> set[tuple[str, str]]:
    """(event, level) of every call whose name is written as it must be."""
    found = set()
    for _, call in calls():
        if isinstance(call.func, ast.Attribute) and call.args and isinstance(call.args[0], ast.Constant):
            found.add((str(call.args[0].value), LEVELS.get(call.func.attr, call.func.attr)))
    return found


def documented() -> set[tuple[str, str]]:
    """(event, level) of every row of the table."""
    rows = ROW.findall((ROOT / "docs" / "log-events.md").read_text("utf-8"))
    return {(event, level) for event, levels in rows for level in levels.split(", ")}


def test_every_event_is_a_literal_name_at_one_of_four_levels() -> None:
    wrong = [
        place
        for place, call in calls()
        if not (isinstance(call.func, ast.Attribute) and call.func.attr in LEVELS and _is_named(call))
    ]
    assert wrong == []


def _is_named(call: ast.Call) -> bool:
    name = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
    return isinstance(name, str) and NAME.match(name) is not None


def test_everything_that_is_logged_is_documented() -> None:
    assert sorted(logged() - documented()) == []


def test_everything_that_is_documented_is_logged() -> None:
    assert sorted(documented() - logged()) == []


def test_the_table_is_in_order() -> None:
    events = [event for event, _ in ROW.findall((ROOT / "docs" / "log-events.md").read_text("utf-8"))]
    assert events == sorted(set(events))
