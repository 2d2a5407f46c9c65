"""What a journal has to say."""

from __future__ import annotations

from lpforwarder.journal.notice import Notice


def test_a_notice_is_not_grave_unless_it_says_so() -> None:
    assert not Notice(code="LPF511", text="little room", fix="make room").is_grave
