"""One poll's conversation with the vault: labelled calls, whole windows, and the account's clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from lpforwarder.config.secrets import Secret
from lpforwarder.intake.sources.lastpass import answers, chain, offset, windows
from lpforwarder.intake.sources.lastpass.answers import Report
from lpforwarder.intake.sources.lastpass.chain import Chain
from lpforwarder.intake.sources.lastpass.client import Client
from lpforwarder.intake.sources.lastpass.cursor import Place
from lpforwarder.intake.sources.lastpass.offset import OwnReport
from lpforwarder.intake.sources.lastpass.options import LastPassOptions
from lpforwarder.intake.sources.lastpass.records import time_text
from lpforwarder.intake.sources.lastpass.windows import Window
from lpforwarder.intake.sources.lastpass.zone import Measured

MOST_PAGES = 3
"""Of a window that catches up, not counting what it reads again: it is halved when it has more."""

_FARTHEST_WEST = 13 * 3600  # seconds; the account's clock is never further behind UTC, with an hour to spare
_FRESH = 900  # seconds within which a call still says how the account's clock stands
_EARLIEST, _LATEST = 1_735_689_600.0, 4_102_444_800.0  # 2025 and 2100: what is outside is no date


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A window as it was read, with what is needed to understand it."""

    window: Window
    chain: Chain
    own: list[OwnReport]
    zone: ZoneInfo
    began: float
    """Before the first call, by the slower of the two clocks."""
    ended: float
    """After the last, by the faster."""
    width: int
    asked: Window
    """What was asked for, as wide as the vault can have understood it."""


class Reading:
    """Everything one pull asks. `clock` is seconds since 1970 UTC."""

    def __init__(
        self,
        client: Client,
        options: LastPassOptions,
        secret: Secret,
        installation: str,
        clock: Callable[[], float],
        zone: ZoneInfo,
    ) -> None:
        self._client = client
        self._options = options
        self._secret = secret
        self._installation = installation
        self._clock = clock
        self._configured = zone
        self.skew = 0.0
        """Seconds that the vault's clock is ahead of ours, as far as its answers tell."""
        self.began = clock()

    def ask(self, data: dict[str, Any]) -> Report:
        """One page. Raises Transient and Blocked."""
        called = self._clock()
        response = self._client.ask(self._secret, offset.label(self._installation, int(called)), data)
        report = answers.read(response, secret_place=self._options.secret_place, now=called)
        server = answers.server_time(response)
        if server is not None and _EARLIEST < server < _LATEST:
            self.skew = server - self._clock()
        return report

    def find_offset(self, *, calls: int) -> Measured | None:
        """The account's offset now, from a call made a moment ago; None when no event shows one.

        Reads the newest page of the last half day, whatever the account's zone. Each call leaves the event
        that the next one finds.
        """
        begin = datetime.fromtimestamp(int(self.began) - _FARTHEST_WEST, UTC).replace(tzinfo=None)
        for _ in range(calls):
            report = self.ask({"from": str(begin)})
            own = offset.own_reports(report.records, self._installation)
            fresh = self.made_since(int(self.began) - _FRESH, own)
            if found := offset.measured(self._configured, fresh, self.skew):
                return found
        return None

    def made_since(self, instant: int, own: Iterable[OwnReport]) -> list[OwnReport]:
        """Those of our calls that were made from `instant` to now, by our clock as it stands.

        A clock that was set back leaves calls of the future. They say how far it was ahead, not where the
        account is.
        """
        now = self._clock()
        return [report for report in own if instant <= report.called <= now]

    def take(self, place: Place, zone: ZoneInfo, width: int) -> Taken:
        """The window at this place, narrowed until it is not too much at once."""
        overlap = int(self._options.overlap)
        again = sum(sum(counts.values()) for counts in place.known.values())
        while True:
            began = self._clock()
            at = windows.window(place, began, width)
            limit = MOST_PAGES if width > 1 else chain.MOST_PAGES
            data = windows.asked(at, zone, place.upto, overlap)
            read = chain.fetch(self.ask, data, most_pages=limit, known=again)
            if read.is_whole:
                break
            times = time_text(read.records[0]), time_text(read.records[-1])
            width = windows.narrower(place, width, began, windows.share(data, *times))
        return Taken(
            window=at,
            chain=read,
            own=offset.own_reports(read.records, self._installation),
            zone=zone,
            began=began + min(self.skew, 0.0),
            ended=self._clock() + max(self.skew, 0.0),
            width=windows.wider(width, len(read.records), read.first_page, read.pages, again),
            asked=windows.understood(data, zone),
        )
