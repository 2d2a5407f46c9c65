"""What can go wrong, and when: a seeded chance per request, or a list for the next requests."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from random import Random


class Fault(Enum):
    """One thing that happens to one request."""

    # In front of the service: the call never reaches it and leaves no event.
    RATE_LIMITED = "429"
    RATE_LIMITED_WITH_WAIT = "429 with Retry-After"
    FORBIDDEN = "403 with HTML"
    SERVER_ERROR = "500"
    BAD_GATEWAY = "502"
    UNAVAILABLE = "503"
    PROXY_LOGIN = "proxy login page"
    SILENCE = "no answer"
    CLOSED = "closed without an answer"
    # In the service: the call counts, its answer says something else.
    HASH_RESET = "secret reset"
    STATUS_NOT_OK = "status not OK"
    STUCK_MARKER = "marker does not move"
    # On the way back: the call counts, its answer does not arrive as it was meant.
    RESET_IN_HEADERS = "reset in headers"
    RESET_IN_BODY = "reset in body"
    TRUNCATED_BODY = "truncated body"
    TRUNCATED_JSON = "truncated JSON"
    BROKEN_CHUNKS = "broken chunks"
    NOT_UTF8 = "not UTF-8"
    SLOW_DRIP = "slow drip"
    LARGE_PAGE = "very large page"
    XML_LIST = "XML event list"
    GZIP_BODY = "gzip body"
    GZIP_BOMB = "gzip bomb"
    CLOCK_ERROR = "wrong date"


IN_FRONT = frozenset(
    {
        Fault.RATE_LIMITED, Fault.RATE_LIMITED_WITH_WAIT, Fault.FORBIDDEN, Fault.SERVER_ERROR,
        Fault.BAD_GATEWAY, Fault.UNAVAILABLE, Fault.PROXY_LOGIN, Fault.SILENCE, Fault.CLOSED,
    }
)  # fmt: skip
"""Faults of requests that the service itself never sees."""

LASTING = frozenset({Fault.HASH_RESET, Fault.SILENCE, Fault.LARGE_PAGE, Fault.GZIP_BOMB})
"""Faults that need a person afterwards, or cost the machine time and memory: never part of `evenly`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """Chance of each fault per request (they add up), and what the first requests get before chance rules.

    In `script` None is a request without a fault. `Fault.HASH_RESET` strikes by chance only in the middle
    of a page chain; scripted it strikes at once.
    """

    seed: int = 1
    chances: Mapping[Fault, float] = field(default_factory=dict)
    script: tuple[Fault | None, ...] = ()

    def __post_init__(self) -> None:
        if any(chance < 0 for chance in self.chances.values()) or sum(self.chances.values()) > 1 + 1e-9:
            raise ValueError("the chances of all faults together lie between 0 and 1")

    @classmethod
    def evenly(cls, share: float, *, seed: int = 1, without: Iterable[Fault] = LASTING) -> FaultPlan:
        """`share` of all requests fail, every kind equally often, but those in `without`."""
        left_out = frozenset(without)
        kinds = [fault for fault in Fault if fault not in left_out]
        return cls(seed=seed, chances={fault: share / len(kinds) for fault in kinds})


class Faults:
    """Draws the fault of each request in turn; the same plan gives the same faults."""

    def __init__(self, plan: FaultPlan) -> None:
        self._rng = Random(f"faults/{plan.seed}")
        self._chances = tuple(plan.chances.items())
        self._script = deque(plan.script)

    def next(self, *, inside_chain: bool) -> Fault | None:
        """The fault of this request; None when it goes well. `inside_chain`: it carries a page marker."""
        if self._script:
            return self._script.popleft()
        drawn = self._by_chance(self._rng.random())
        return None if drawn is Fault.HASH_RESET and not inside_chain else drawn

    def script(self, faults: Iterable[Fault | None]) -> None:
        """Adds to what the next requests get, before chance rules again."""
        self._script.extend(faults)

    def _by_chance(self, point: float) -> Fault | None:
        for fault, chance in self._chances:
            point -= chance
            if point < 0:
                return fault
        return None
