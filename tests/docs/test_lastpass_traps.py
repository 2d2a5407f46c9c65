"""Every test that the page of traps names is there, and no trap stands without one."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "vault" / "lastpass-traps.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
TRAPS = 24


@cache
def found_in(file: str) -> frozenset[str]:
    """The tests at the top level of a file; none in a file that is not there."""
    path = ROOT / file
    body = ast.parse(path.read_bytes()).body if path.exists() else []
    return frozenset(
        node.name for node in body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def missing(text: str) -> list[str]:
    return [f"{file}::{name}" for file, name in NAMED.findall(text) if name not in found_in(file)]


def rows() -> list[list[str]]:
    """The cells of each trap's line: number, trap, what we do, tests."""
    lines = [line for line in PAGE.splitlines() if re.match(r"\| [0-9]", line)]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_all_traps_are_there_in_their_order_and_each_says_what_we_do() -> None:
    assert [row[0] for row in rows()] == [str(number) for number in range(1, TRAPS + 1)]
    assert all(len(row) == 4 and all(row) for row in rows())


def test_every_trap_names_a_test_and_every_test_is_there() -> None:
    for row in rows():
        assert NAMED.sub("", row[3]).strip() == "", row[0]
        assert NAMED.findall(row[3]), row[0]
    assert missing(PAGE) == []


def test_a_test_that_is_not_there_would_be_found() -> None:
    here = "tests/docs/test_lastpass_traps.py"
    assert missing(f"`{here}::test_a_test_that_is_not_there_would_be_found`") == []
    assert missing(f"`{here}::test_gone` `tests/gone.py::test_gone`") == [
        f"{here}::test_gone",
        "tests/gone.py::test_gone",
    ]


def test_the_guide_leads_to_the_page() -> None:
    guide = (ROOT / "docs" / "vault" / "lastpass.md").read_text(encoding="utf-8")
    assert "(lastpass-traps.md)" in guide
