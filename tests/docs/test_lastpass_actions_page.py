"""The page about LastPass actions says what the catalogue says."""

from __future__ import annotations

from lpforwarder.intake.sources.lastpass.catalogue import ACTIONS
from lpforwarder.intake.sources.lastpass.grammar import GRAMMARS
from scripts.generate_lastpass_docs import PAGE, page


def test_the_page_is_the_one_that_the_script_writes() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run scripts/generate_lastpass_docs.py"


def test_the_page_names_every_spelling_and_every_field() -> None:
    text = PAGE.read_text(encoding="utf-8")
    explained = text.partition("## Fields that LastPass events add")[2]
    assert all(f"`{spelling}`" in text for action in ACTIONS for spelling in action.spellings)
    assert all(f"| `{field}` |" in explained for grammar in GRAMMARS.values() for field in grammar.fields)
    assert all(f"| `{field}` |" in explained or field == "method" for a in ACTIONS for field in a.extra)
