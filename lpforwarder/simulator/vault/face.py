"""How the account shows an event: wall-clock time in its zone, and the action's present name. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lpforwarder.simulator.vault.event import Truth, VaultEvent
from lpforwarder.simulator.vault.options import Renaming
from lpforwarder.simulator.vault.zone import WallClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """The account's zones and spellings at one moment."""

    now: int
    clocks: Sequence[tuple[int, WallClock]]
    """(since when, clock), oldest first; the last is in force."""
    each_in_its_own_zone: bool
    renaming: Renaming | None

    def clock(self) -> WallClock:
        """The clock in force: callers' times are read on it."""
        return self.clocks[-1][1]

    def record(self, event: VaultEvent) -> dict[str, str]:
        """The five fields of an answer."""
        return {
            "Time": self._clock(event.at).text(event.at),
            "Username": event.username,
            "IP_Address": event.ip_address,
            "Action": self._action(event),
            "Data": event.data,
        }

    def truth(self, event: VaultEvent) -> Truth:
        """The true instant and the five fields."""
        return Truth(
            at=event.at,
            time=self._clock(event.at).text(event.at),
            username=event.username,
            ip_address=event.ip_address,
            action=self._action(event),
            data=event.data,
        )

    def _action(self, event: VaultEvent) -> str:
        return event.action if self.renaming is None else self.renaming.apply(event, self.now)

    def _clock(self, at: int) -> WallClock:
        if self.each_in_its_own_zone:
            for since, clock in reversed(self.clocks):
                if at >= since:
                    return clock
            return self.clocks[0][1]
        return self.clock()
