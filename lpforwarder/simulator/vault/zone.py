"""Wall-clock time of one zone: UTC instants to what the vault shows, and what a caller asks for to UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from lpforwarder.simulator.vault.event import SECOND

_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
_ONE_SECOND = timedelta(seconds=1)
# Since 1973 every zone has changed its offset on a whole quarter of an hour of UTC, so
# one look into the zone database serves the quarter.
_QUARTER = 900


@lru_cache(maxsize=4096)  # a caller who polls is shown the same seconds again and again
def _shown(seconds: int) -> str:
    return str(_EPOCH + timedelta(seconds=seconds))


class WallClock:
    """Clock on the wall of one IANA zone. Raises ZoneInfoNotFoundError for an unknown name."""

    def __init__(self, zone: str) -> None:
        self.name = zone
        self._zone = ZoneInfo(zone)
        self._offsets: dict[int, int] = {}

    def text(self, at: int) -> str:
        """`YYYY-MM-DD HH:MM:SS` for an instant in microseconds: no offset, no fraction, cut not rounded."""
        seconds = at // SECOND
        quarter = seconds // _QUARTER
        offset = self._offsets.get(quarter)
        if offset is None:
            offset = self._offsets[quarter] = self._offset(quarter * _QUARTER)
        return _shown(seconds + offset)

    def earliest(self, wall: datetime) -> int:
        """The first instant that can be meant by a wall-clock time: an autumn hour counts as its first pass.

        A time inside the missing spring hour is read with whichever offset gives the earlier instant.
        """
        return min(self._readings(wall))

    def latest(self, wall: datetime) -> int:
        """The last instant that can be meant by a wall-clock time."""
        return max(self._readings(wall))

    def _offset(self, seconds: int) -> int:
        there = (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=UTC).astimezone(self._zone)
        return (there.utcoffset() or timedelta()) // _ONE_SECOND

    def _readings(self, wall: datetime) -> list[int]:
        offsets = (wall.replace(tzinfo=self._zone, fold=fold).utcoffset() for fold in (0, 1))
        return [(wall - _EPOCH - (offset or timedelta())) // _MICROSECOND for offset in offsets]
