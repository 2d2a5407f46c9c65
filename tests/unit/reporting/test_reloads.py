"""What a SIEM hears of a reload: a change, mistakes, and their end."""

from __future__ import annotations

from lpforwarder.own_events import Stamp
from lpforwarder.reporting.reloads import configured, mended, refused

STAMP = Stamp(life="here", number=1, time="2026-11-22T12:00:00.000Z")


def test_a_change_of_files_alone_is_told_as_such() -> None:
    event = configured(STAMP, before="ab", after="ab", changed="started anew collector:siem")
    assert event.text("message").endswith("collector:siem. Only files that it names have changed.")
    assert "Only files" not in configured(STAMP, before="ab", after="cd", changed="x").text("message")


def test_a_single_mistake_is_told_with_its_place_and_its_reason() -> None:
    event = refused(STAMP, before="ab", problems=1, code="LPF101", place="c.yaml:3:5", reason="unknown key")
    assert event.text("message").startswith(
        "A changed configuration was refused: 1 mistake, c.yaml:3:5: unknown key. The old one stays"
    )


def test_a_mistake_may_have_no_place() -> None:
    event = refused(STAMP, before="ab", problems=2, code="LPF107", place="", reason="no configuration there")
    assert "2 mistakes, the first: no configuration there. " in event.text("message")
    assert "place" not in event.fields


def test_the_end_of_the_mistakes_is_a_success_with_the_hash_that_was_in_force_all_along() -> None:
    event = mended(STAMP, before="ab", changed="nothing was started or stopped")
    assert (event.text("eventId"), event.text("result")) == ("8003", "success")
    assert event.text("hashBefore") == event.text("hashAfter") == "ab"
