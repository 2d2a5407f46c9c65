"""RFC 3339 times as whole milliseconds since 1970, and back; pure integers, no float, no local zone.

Source: RFC 3339 §5.6, RFC 5424 §6.2.3. Our output has exactly three decimals, truncated, and `Z`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_DATE_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))\Z"
)
_EPOCH = datetime(1970, 1, 1)
_MOST_DIGITS = 40  # a longer fraction is not a time anybody measured


def parse(text: str) -> int | None:
    """Milliseconds since 1970-01-01T00:00:00Z, negative before it; None when `text` is not RFC 3339.

    Second 60 counts as second 59 of the same minute; further decimals are cut, never rounded.
    """
    match = _DATE_TIME.match(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, sign, offset_hours, offset_minutes = match.groups()[6:]
    if second == 60:
        second = 59
    if fraction is not None and len(fraction) > _MOST_DIGITS:
        return None
    try:
        moment = datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
    seconds = (moment - _EPOCH) // timedelta(seconds=1)
    if sign is not None:
        if int(offset_hours) > 23 or int(offset_minutes) > 59:
            return None
        offset = int(offset_hours) * 3600 + int(offset_minutes) * 60
        seconds += -offset if sign == "+" else offset
    milliseconds = int(((fraction or "") + "000")[:3])
    total = seconds * 1000 + milliseconds
    return total if _FIRST <= total <= _LAST else None


def render(milliseconds: int) -> str:
    """`2022-12-14T17:33:43.369Z`; ValueError outside the years 1 to 9999."""
    if not _FIRST <= milliseconds <= _LAST:
        raise ValueError(f"{milliseconds} ms is outside the years 1 to 9999")
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds") + "Z"


def canonical(text: str) -> str | None:
    """`text` in our form (UTC, three decimals, `Z`); None when it is not RFC 3339."""
    milliseconds = parse(text)
    return None if milliseconds is None else render(milliseconds)


def now() -> str:
    """The present time in our form."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


_FIRST = (datetime.min - _EPOCH) // timedelta(milliseconds=1)
_LAST = (datetime.max - _EPOCH) // timedelta(milliseconds=1)


_FRACTIONS = {f".{milliseconds:03}Z": milliseconds for milliseconds in range(1000)}
_SECONDS_KEPT = 4096
"""Seconds whose start is remembered; under 1 MiB. Neighbouring events mostly share a few of them."""


def of_canonical(text: str) -> int | None:
    """Milliseconds of a time in exactly our form; None for every other text, RFC 3339 or not.

    For every event on its way out, so it costs a look-up of the second and one of the fraction.
    """
    milliseconds = _FRACTIONS.get(text[19:])
    if milliseconds is None:
        return None
    second = _start_of_second(text[:19])
    return None if second is None else second + milliseconds


@lru_cache(maxsize=_SECONDS_KEPT)
def _start_of_second(text: str) -> int | None:
    start = parse(text + "Z")
    # parse() also takes `:60` and a small `t`, which are not our form.
    return start if start is not None and render(start)[:19] == text else None
