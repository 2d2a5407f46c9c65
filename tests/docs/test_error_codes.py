"""Every code the program can say stands in the page, and the page names no other."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"\bLPF[0-9]{3}\b")


def test_the_page_has_exactly_the_codes_of_the_program() -> None:
    said = {code for path in (ROOT / "lpforwarder").rglob("*.py") for code in CODE.findall(path.read_text())}
    page = (ROOT / "docs/reference/errors.md").read_text()
    documented = re.findall(r"^\| (LPF[0-9]{3}) \|", page, re.MULTILINE)
    assert len(documented) == len(set(documented))
    assert said == set(documented)
