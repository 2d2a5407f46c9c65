"""Certificates of a link that end one day, and when a person has to hear of it.

Pure: times come in as RFC 3339 text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from lpforwarder import rfc3339
from lpforwarder.counting import counted

WARN_DAYS = 30
URGENT_DAYS = 3
THRESHOLDS = (WARN_DAYS, 14, URGENT_DAYS, 0)
"""Days before the end at which it is said again; 0 is the end itself."""

_DAY = 86_400_000  # milliseconds

Kind = Literal["collector", "client", "ca"]


class Certificate(Struct, frozen=True, kw_only=True):
    """One certificate that a link depends on.

    `collector` is what the far side showed in the last handshake, `client` is ours, `ca` an authority from
    `ca_file`. `subject` is its name for people; `not_after` RFC 3339.
    """

    kind: Kind
    subject: str
    not_after: str

    def days_left(self, now: str) -> int:
        """Whole days until it ends; negative once it has, 0 on its last day."""
        end, present = _instant(self.not_after), _instant(now)
        if end is None or present is None:
            raise ValueError(f"no time: {self.not_after} or {now}")
        return (end - present) // _DAY

    def called(self) -> str:
        """`the collector's certificate siem.example.net`."""
        of = {"collector": "the collector's", "client": "our client", "ca": "the CA"}[self.kind]
        return f"{of} certificate {self.subject}"


@lru_cache(maxsize=256)
def _instant(text: str) -> int | None:
    """Milliseconds since 1970. The same few ends are asked for every second, each with the same present."""
    return rfc3339.parse(text)


def ends_in(days: int) -> str:
    """`ends in 21 days`, `ends today`, `has expired`."""
    if days < 0:
        return "has expired"
    return "ends today" if days == 0 else f"ends in {counted(days, 'day')}"


class ExpiryWatch:
    """Says of each certificate once per threshold that its end comes near."""

    def __init__(self) -> None:
        self._said: dict[Certificate, int] = {}

    def due(self, certificates: Sequence[Certificate], now: str) -> Iterator[tuple[Certificate, int]]:
        """Those a person has to hear of now, with the days left; a renewed certificate is another one."""
        for certificate in certificates:
            days = certificate.days_left(now)
            passed = sum(1 for threshold in THRESHOLDS if _has_passed(days, threshold))
            if passed > self._said.get(certificate, 0):
                self._said[certificate] = passed
                yield certificate, days


def _has_passed(days: int, threshold: int) -> bool:
    return days <= threshold if threshold else days < 0
