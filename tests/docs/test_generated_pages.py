"""The pages that come from code say what the code says."""

from __future__ import annotations

from lpforwarder.event_ids import EVENT_IDS
from scripts import generate_docs


def test_no_generated_page_is_stale() -> None:
    assert generate_docs.stale() == []


def test_every_event_id_stands_in_the_table_once() -> None:
    page = generate_docs.events()
    for kind in EVENT_IDS.values():
        assert page.count(f"| {kind.event_id} | `{kind.event_type}` | {kind.name} | {kind.severity} |") == 1
