"""Every switch of the pretend vault. A default is what public sources attest, or else the safest guess.

`docs/simulator.md` explains each one. Nonsense is refused when the options are made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, get_args, get_origin, get_type_hints

from lpforwarder.simulator.vault.event import DAY, VaultEvent
from lpforwarder.simulator.vault.faults import FaultPlan

Spelling = Literal["sentence", "title", "every"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Renaming:
    """From an instant on the service spells some actions differently, as it did in late 2022.

    With `old_too` every event is shown in the new spelling once that instant has passed; without it only
    events from then on are.
    """

    names: Mapping[str, str]
    """Old spelling to new; compared exactly."""
    since: int = 0
    """Microseconds since 1970, UTC."""
    old_too: bool = False

    def apply(self, event: VaultEvent, now: int) -> str:
        """The action's name as shown at `now`."""
        renamed = event.at >= self.since or (self.old_too and now >= self.since)
        return self.names.get(event.action, event.action) if renamed else event.action


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultOptions:
    """All switches, defaults as a real account would most likely behave."""

    # Who may ask.
    account: str = "40012345"
    secret: str = "0f3c5d7e9b1a2c4d6e8f0a1b2c3d4e5f60718293a4b5c6d7e8f9012345678900"

    # The account's wall clock.
    zone: str = "America/New_York"
    zone_rule: Literal["answer", "event"] = "answer"
    """After a change of zone: every event in the new zone, or each in the zone of its own time."""

    # What has happened, and goes on happening.
    seed: int = 1
    events: int = 0
    """Events of the preloaded history, spread over `days` up to `ending`."""
    days: float = 7.0
    ending: float | None = None
    """Seconds since 1970; None is the clock's time when the vault is made. The future comes as it is due."""
    rate: float = 0.0
    """Further events per second after the history, as long as the clock runs."""
    spelling: Spelling = "sentence"
    renaming: Renaming | None = None
    hostile_share: float = 0.05
    twin_share: float = 0.01
    """Events that repeat all fields of the one before them within the same second."""
    late_share: float = 0.0
    late_seconds: float = 600.0
    """The latest a late event becomes visible after it happened."""
    second_aligned: bool = False
    """No fractions of a second: many events share one microsecond."""

    # How a report is cut and numbered.
    page_size: int = 10_000
    order: Literal["descending", "ascending", "shuffled"] = "descending"
    numbering: Literal["page", "report"] = "page"
    """`Event1` starts every page, or goes on from the page before."""
    next_is: Literal["first left out", "last returned"] = "first left out"
    next_type: Literal["number", "string"] = "number"
    next_stuck: bool = False
    from_inclusive: bool = True
    to_inclusive: bool = True
    honour_offset: bool = False
    """Whether an offset behind `from` or `to` counts; else the text before it is wall-clock time."""
    user_place: Literal["either", "data", "top"] = "either"

    # How an answer looks.
    own_username: Literal["empty", "api", "label"] = "empty"
    empty: Literal["list", "map", "null", "missing"] = "list"
    escape_unicode: bool = True
    """As PHP writes JSON: ASCII only, and a stroke before every slash."""
    compress: bool = False
    """Gzip for callers who accept it."""
    chunked: bool = False
    caller_address: str = "192.0.2.10"
    latency_seconds: float = 0.0
    date_error_seconds: float = 0.0
    idle_seconds: float = 60.0

    # What goes wrong.
    faults: FaultPlan = field(default_factory=FaultPlan)
    retry_after: str = "2"
    """The value of `Retry-After`: seconds, or an HTTP date."""
    drip_octets: int = 64
    drip_pause_seconds: float = 0.05
    drip_pieces: int = 100
    """After so many pieces the rest comes at once; a very large number drips to the end."""
    silence_seconds: float = 300.0
    large_octets: int = 96 * 2**20
    """Size of a very large page; also what a gzip bomb unpacks to."""
    clock_error_seconds: float = 432.0
    """How far the `date` header is off under the fault of that name."""

    def __post_init__(self) -> None:
        for name, allowed in _choices().items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is one of {', '.join(allowed)}")
        shares = (self.hostile_share, self.twin_share, self.late_share)
        if not all(0 <= share <= 1 for share in shares):
            raise ValueError("a share lies between 0 and 1")
        amounts = (self.events, self.rate, self.days, self.late_seconds, self.large_octets)
        if min(*amounts, self.page_size - 1, self.drip_octets - 1, self.drip_pieces) < 0:
            raise ValueError("page_size and drip_octets are at least 1, and no amount is negative")
        if self.days * DAY < self.events:
            raise ValueError("more events than microseconds to spread them over")


@cache
def _choices() -> dict[str, tuple[str, ...]]:
    """The switches that are one of several words, and the words."""
    hints = get_type_hints(VaultOptions)
    return {name: get_args(hint) for name, hint in hints.items() if get_origin(hint) is Literal}
