"""What runbook and SIEM pages tell people to type and to open is there."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from lpforwarder.cli import cli

ROOT = Path(__file__).parents[2]
SIEM = sorted((ROOT / "docs/siem").glob("*.md"))
PAGES = [ROOT / "docs/runbook.md", ROOT / "docs/reference/metrics.md", *SIEM]
CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.MULTILINE | re.DOTALL)
TYPED = re.compile(r"(?:^|[`\n&] ?)lpforwarder((?: (?:--)?[a-zA-Z][\w-]*)+)")
LINK = re.compile(r"\]\(([^)#\s]*)(#[\w-]+)?\)")


def typed(text: str) -> list[list[str]]:
    """The commands in the code of a page, word by word."""
    return [found.split() for code in CODE.findall(text) for found in TYPED.findall(code)]


def why_not(words: list[str]) -> str:
    """Empty when the program knows command and options; the word it does not know otherwise."""
    command: click.Command = cli
    for word in words:
        if word.startswith("--"):
            options = {name for parameter in command.params for name in parameter.opts}
            if word not in options:
                return word
        elif isinstance(command, click.Group):
            found = command.get_command(click.Context(command), word)
            if found is None:
                return word
            command = found
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_on_the_page_is_one_of_ours(page: Path) -> None:
    for words in typed(page.read_text(encoding="utf-8")):
        assert why_not(words) == "", " ".join(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_on_the_page_leads_somewhere(page: Path) -> None:
    for file, anchor in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        target = (page.parent / file) if file else page
        assert target.exists(), file
        if anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor[1:] in {heading.lower().replace(" ", "-") for heading in headings}


def test_a_command_that_is_not_there_would_be_found() -> None:
    assert typed("`lpforwarder status --check`, and\n```\nlpforwarder rejects list\n```") == [
        ["status", "--check"],
        ["rejects", "list"],
    ]
    assert why_not(["status", "--sing"]) == "--sing"
    assert why_not(["rejects", "sing"]) == "sing"
    assert why_not(["sing"]) == "sing"
