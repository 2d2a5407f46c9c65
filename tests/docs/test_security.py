"""Every test that SECURITY.md names as a proof is there, and no threat stands without one."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
ABBREVIATED = re.compile(r"`(?:tests/[\w/]+\.py::\w*[^\w`][^`]*|::\w+)`")


@cache
def found_in(file: str) -> frozenset[str]:
    """The tests at the top level of a file, which is where pytest finds ours; none in a file that is not."""
    path = ROOT / file
    body = ast.parse(path.read_bytes()).body if path.exists() else []
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in body if isinstance(node, kinds) and node.name.startswith("test_"))


def missing(text: str) -> list[str]:
    return [f"{file}::{name}" for file, name in NAMED.findall(text) if name not in found_in(file)]


def threats() -> dict[str, str]:
    """The sections of the model that describe a threat: heading → text."""
    model = PAGE.partition("\n## Threats")[2].partition("\n## ")[0]
    _, *sections = re.split(r"^### ", model, flags=re.MULTILINE)
    return dict(section.split("\n", 1) for section in sections)


def test_every_test_that_the_page_names_is_there() -> None:
    assert len(NAMED.findall(PAGE)) >= 50
    assert missing(PAGE) == []


def test_every_threat_says_what_could_be_done_what_stops_it_and_which_tests_prove_it() -> None:
    assert len(threats()) >= 7
    for heading, text in threats().items():
        parts = [text.find(f"**{part}**") for part in ("What they could do.", "What stops it.", "Proof.")]
        assert -1 not in parts, heading
        assert parts == sorted(parts), heading
        assert NAMED.search(text[parts[-1] :]), heading


def test_no_test_is_named_in_a_form_that_is_not_checked() -> None:
    assert ABBREVIATED.findall(PAGE) == []


def test_a_test_that_is_not_there_would_be_found() -> None:
    here = "tests/docs/test_security.py"
    assert missing(f"`{here}::test_a_test_that_is_not_there_would_be_found`") == []
    assert missing(f"`{here}::test_gone` `tests/gone.py::test_gone`") == [
        f"{here}::test_gone",
        "tests/gone.py::test_gone",
    ]
