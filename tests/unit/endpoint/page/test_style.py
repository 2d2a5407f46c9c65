"""The style sheet and the policy that allows it."""

from __future__ import annotations

import base64
import hashlib

from lpforwarder.endpoint.page.style import HASH, STYLE


def test_the_policy_allows_this_very_sheet() -> None:
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    assert f"sha256-{digest}" == HASH


def test_the_sheet_asks_for_nothing_from_outside_and_knows_dark_and_paper() -> None:
    assert "url(" not in STYLE
    assert "@import" not in STYLE
    assert "prefers-color-scheme" in STYLE
    assert "@media print" in STYLE
    assert "<" not in STYLE
