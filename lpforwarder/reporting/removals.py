"""What a SIEM hears when a source or a collector is removed that was told to be in trouble. Pure.

Every alarm is closed by the event that closes it otherwise. The `reason` says that nothing has recovered.
"""

from __future__ import annotations

from lpforwarder.event import JSON, Event
from lpforwarder.own_events import About, Stamp, alarm_id, elapsed, make
from lpforwarder.runtime.health import spoken

REASON = "it was removed from the configuration"


def source_removed(stamp: Stamp, *, source: str, since: str) -> Event:
    """A source is gone that did not work since then."""
    return _removed(stamp, "8006", f"Source {source}", since, sourceName=source)


def collector_removed(stamp: Stamp, *, collector: str, since: str) -> Event:
    """A collector is gone that did not work since then."""
    return _removed(stamp, "8008", f"Collector {collector}", since, collector=collector)


def _removed(stamp: Stamp, event_id: str, called: str, since: str, **named: JSON) -> Event:
    seconds = elapsed(since, stamp.time)
    return make(
        stamp,
        event_id,
        "success",
        f"{called} was removed from the configuration; it had been in trouble for {spoken(seconds)}.",
        **named,
        since=since,
        seconds=round(seconds),
        reason=REASON,
    )


def alarm_removed(stamp: Stamp, *, about: About, code: str) -> Event:
    """What this alarm was about is gone."""
    return make(
        stamp,
        alarm_id(about, code),
        "success",
        f"{about.called}: the alarm {code} is over: {REASON}.",
        **about.field,
        state="off",
        code=code,
        reason=REASON,
    )
