"""What a journal has to say to people before, or although, everything still works."""

from __future__ import annotations

from msgspec import Struct

REBUILT = "LPF507"
JUMPED = "LPF510"
LOW = "LPF511"


class Notice(Struct, frozen=True, kw_only=True):
    """One thing a person should know; in the words of the error catalogue."""

    code: str
    text: str
    fix: str
    is_grave: bool = False
    """True when something stands still, or soon will: status says it first."""
