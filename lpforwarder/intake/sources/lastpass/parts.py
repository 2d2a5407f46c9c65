"""What is new in a window, handed over a part at a time, the oldest first. Pure.

Ten thousand events with their lines take 20 MB, with long texts 100, and the journal needs as much once more;
a thousand at a time take a tenth. Only a window that was read to its end is parted. The place behind a part
is the one that a narrower window, ending there, would have led to: whoever stops between two parts goes on
from it, and reads the rest anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from lpforwarder.event import Cursor, Reject
from lpforwarder.intake.sources.lastpass import surplus, windows
from lpforwarder.intake.sources.lastpass.cursor import Place
from lpforwarder.intake.sources.lastpass.surplus import Found

MOST_EVENTS = 1_000
"""Of a part, and what else happened in its last second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """`new` are to be handed over, and `place` is behind them."""

    new: Sequence[Found]
    place: Place
    rejects: Sequence[Reject] = ()


@dataclass(slots=True, kw_only=True)
class Parts:
    """The new records of one window, and what is needed to say where each part ends."""

    place: Place
    """Behind the part before; at first where the window was read from."""
    new: list[Found]
    """What is left, oldest first."""
    rejects: Sequence[Reject]
    """Leave with the last part."""
    refused: Mapping[str, int]
    """For the place behind it all, as in Place."""
    upto: int
    """Up to where has been read."""
    width: int
    zone: ZoneInfo
    began: float
    ended: float
    """When the window was read: as in Taken."""
    overlap: int
    more: bool
    """Whether another window can be read at once, when nothing is left of this one."""
    most_events: int = MOST_EVENTS
    cursor: Cursor | None = None
    """Of the part before."""

    def take(self) -> Part:
        """The next part; the last one has everything that is left, and what could not be read."""
        end = self._end()
        is_last = end == len(self.new)
        new, self.new = self.new[:end], self.new[end:]
        self.place = self._behind(new, self.upto if is_last else self.new[0].instant)
        if not is_last:
            return Part(new=new, place=self.place)
        self.place = replace(self.place, refused=self.refused)
        return Part(new=new, place=self.place, rejects=self.rejects)

    def _end(self) -> int:
        """How many leave next. Never half a second, never less than all that came late."""
        new = self.new
        for end in range(self.most_events, len(new)):
            instant = new[end].instant
            if instant > self.upto:  # in the future, which moves nothing
                break
            if instant > max(new[end - 1].instant, self.place.upto):
                return end
        return len(new)

    def _behind(self, new: Sequence[Found], upto: int) -> Place:
        again = windows.again(self.place, upto, self.zone, self.began, self.overlap)
        return replace(
            self.place,
            was=None if again > self.place.changed else self.place.was,
            again=again,
            upto=upto,
            width=self.width,
            known=surplus.remembered(self.place.known, new, again),
            ghosts=surplus.remembered(self.place.ghosts, (), again),
        )
