"""What there is to report: the difference between what was told and what is. Pure.

The same difference is found at every look until it has been told, so nothing is forgotten when telling
has to wait, and nothing is told that was over by then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from msgspec import Struct

from lpforwarder import own_events, rfc3339
from lpforwarder.delivery.certificates import Certificate
from lpforwarder.event import Event
from lpforwarder.own_events import About, Stamp, Trouble
from lpforwarder.reporting import removals
from lpforwarder.reporting.judging import (
    Thresholds,
    collector_state,
    is_worse,
    source_state,
    warning,
)
from lpforwarder.reporting.told import Down, Told
from lpforwarder.reporting.view import CollectorView, Missing, SourceView, View
from lpforwarder.runtime.worker import WorkerError


class Change(Struct, frozen=True, kw_only=True):
    """One thing to report."""

    key: str
    """Tells which changes are the same thing: that is reported once in a while only."""
    event: Callable[[Stamp], Event]
    after: Callable[[Told], Told]
    """What is told once this has been."""


def changes(
    told: Told, view: View, thresholds: Thresholds, waited: Callable[[str, int], int] = lambda *_: 0
) -> list[Change]:
    """All differences, losses first.

    `waited` says how many events a collector was to get behind a place; it is asked when the event is made.
    """
    return [
        *_missing(told, view),
        *_set_aside(told, view),
        *_removed(told, view),
        *_alarms(told, view),
        *_sources(told, view, thresholds),
        *_collectors(told, view, thresholds, waited),
        *_certificates(told, view),
    ]


def forget(told: Told, view: View) -> Told:
    """Without certificates that were renewed, or belong to collectors that are gone."""
    for name in told.certificates:
        if name.partition(" ")[0] not in view.collectors:
            told = told.entered("certificates", name, None)
    for collector, certificate, days in _ends(view):
        name, due = _name(collector, certificate), warning(days)
        if name in told.certificates and (due is None or due > told.certificates[name]):
            told = told.entered("certificates", name, due)
    return told


def clock_jump(before: View, view: View) -> float:
    """Seconds that the wall clock moved more than time passed between two looks; negative for backwards."""
    return (view.wall - before.wall) / 1000 - (view.monotonic - before.monotonic)


def jumped(seconds: float) -> Change:
    """The report of a clock that jumped."""
    event = partial(own_events.clock_jumped, seconds=seconds)
    return Change(key="clock", event=event, after=lambda told: told)


# ---- losses ---------------------------------------------------------------------------------------------


def _missing(told: Told, view: View) -> Iterable[Change]:
    """One change for all places that are lost to the same collectors, however many gaps they make."""
    groups: dict[tuple[bool, str], list[Missing]] = {}
    for gap in view.missing:
        if gap.number not in told.missing:
            groups.setdefault((gap.is_loss, gap.collector), []).append(gap)
    for (is_loss, collector), gaps in groups.items():
        reason = ", ".join(dict.fromkeys(gap.reason for gap in gaps))
        after = partial(Told.lost, missing=[gap.number for gap in gaps])
        if not is_loss:
            mended = partial(own_events.journal_mended, reason=reason)
            yield Change(key=f"mended {collector}", event=mended, after=after)
            continue
        event = partial(
            own_events.gap,
            first=min(gap.first for gap in gaps),
            last=max(gap.last for gap in gaps),
            count=sum(gap.count for gap in gaps),
            reason=reason,
            collector=collector or None,
        )
        yield Change(key=f"gap {collector}", event=event, after=after)


def _set_aside(told: Told, view: View) -> Iterable[Change]:
    for name, collector in view.collectors.items():
        more = collector.set_aside - told.set_aside.get(name, 0)
        if more > 0:
            event = partial(own_events.set_aside, collector=name, count=more)
            yield _change(f"setaside collector {name}", event, "set_aside", name, collector.set_aside)
        lost = collector.set_aside_lost - told.set_aside_lost.get(name, 0)
        if lost > 0:
            event = partial(own_events.set_aside_lost, collector=name, count=lost)
            yield _change(f"lost collector {name}", event, "set_aside_lost", name, collector.set_aside_lost)
    for name, source in view.sources.items():
        more = source.rejected - told.rejected.get(name, 0)
        if more > 0:
            event = partial(own_events.rejected, source=name, count=more)
            yield _change(f"setaside source {name}", event, "rejected", name, source.rejected)


# ---- what was removed while something was told of it --------------------------------------------------


def _removed(told: Told, view: View) -> Iterable[Change]:
    """What was told of sources and collectors that are gone is told as over: nobody else would ever do so."""
    for name, down in told.sources.items():
        if name not in view.sources:
            event = partial(removals.source_removed, source=name, since=down.since)
            yield _change(f"sourceup {name}", event, "sources", name, None)
    for name, down in told.collectors.items():
        if name not in view.collectors:
            event = partial(removals.collector_removed, collector=name, since=down.since)
            yield _change(f"collectorup {name}", event, "collectors", name, None)
    for about in _gone(told, view):
        for code in told.alarms[about.key]:
            event = partial(removals.alarm_removed, about=about, code=code)
            after = partial(Told.without_alarm, about=about.key, code=code)
            yield Change(key=f"alarm over {about.key} {code}", event=event, after=after)


def _gone(told: Told, view: View) -> Iterable[About]:
    """Those that alarms were told of."""
    for key in told.alarms:
        kind, _, name = key.partition(" ")
        if kind == "source" and name not in view.sources:
            yield About(kind="source", name=name)
        elif kind == "collector" and name not in view.collectors:
            yield About(kind="collector", name=name)


# ---- alarms and certificates ----------------------------------------------------------------------------


def _alarms(told: Told, view: View) -> Iterable[Change]:
    for about, errors, is_known in _alarmed(view):
        before = told.alarms.get(about.key, ())
        now = {error.code: error for error in errors}
        for code, error in now.items():
            if code not in before:
                event = partial(own_events.alarm, about=about, error=error)
                after = partial(Told.with_alarm, about=about.key, code=code)
                yield Change(key=f"alarm {about.key} {code}", event=event, after=after)
        for code in before if is_known else ():
            if code not in now:
                event = partial(own_events.alarm_over, about=about, code=code)
                after = partial(Told.without_alarm, about=about.key, code=code)
                yield Change(key=f"alarm over {about.key} {code}", event=event, after=after)


def _alarmed(view: View) -> Iterable[tuple[About, Sequence[WorkerError], bool]]:
    """What there are alarms about, those that are on, and whether one that is not on is over.

    What has not answered or is not connected has had no occasion to raise its alarms again.
    """
    for name, source in view.sources.items():
        yield About(kind="source", name=name), source.alarms, source.last_poll is not None
    for name, collector in view.collectors.items():
        yield About(kind="collector", name=name), collector.alarms, collector.is_connected
    yield About(kind="journal"), view.warnings, True


def _certificates(told: Told, view: View) -> Iterable[Change]:
    for collector, certificate, days in _ends(view):
        due, name = warning(days), _name(collector, certificate)
        if due is not None and due < told.certificates.get(name, due + 1):
            event = partial(own_events.certificate, collector=collector, certificate=certificate, days=days)
            yield _change(f"certificate {name}", event, "certificates", name, due)


def _ends(view: View) -> Iterable[tuple[str, Certificate, int]]:
    """Collector, certificate and its days left."""
    now = rfc3339.render(view.wall)
    for name, collector in view.collectors.items():
        for certificate in collector.certificates:
            yield name, certificate, certificate.days_left(now)


def _name(collector: str, certificate: Certificate) -> str:
    return f"{collector} {certificate.kind} {certificate.subject}"


# ---- sources and collectors -----------------------------------------------------------------------------


def _sources(told: Told, view: View, thresholds: Thresholds) -> Iterable[Change]:
    for name, source in view.sources.items():
        down, state = told.sources.get(name), source_state(source, thresholds)
        if down is not None and state == "up":
            is_up = partial(own_events.source_up, source=name, since=down.since)
            yield _change(f"sourceup {name}", is_up, "sources", name, None)
        elif is_worse(state, down):
            trouble = _trouble(state, source, view, down)
            is_down = partial(
                own_events.source_down, source=name, trouble=trouble, last_poll=source.last_poll
            )
            now = Down(state=state, since=trouble.since)
            yield _change(f"sourcedown {name}", is_down, "sources", name, now)


def _collectors(
    told: Told, view: View, thresholds: Thresholds, waited: Callable[[str, int], int]
) -> Iterable[Change]:
    for name, collector in view.collectors.items():
        down, state = told.collectors.get(name), collector_state(collector, thresholds)
        if down is not None and state == "up" and not _is_still_stalled(down, collector):
            is_up = partial(_collector_up, name, down, waited)
            yield _change(f"collectorup {name}", is_up, "collectors", name, None)
        elif is_worse(state, down):
            trouble = _trouble(state, collector, view, down)
            is_down = partial(own_events.collector_down, collector=name, trouble=trouble)
            now = Down(state=state, since=trouble.since, place=collector.checkpoint)
            yield _change(f"collectordown {name}", is_down, "collectors", name, now)


def _is_still_stalled(down: Down, collector: CollectorView) -> bool:
    """One that confirmed nothing and then was given up is not back because it is connected once more."""
    return down.state == "stalled" and collector.checkpoint <= down.place


def _collector_up(name: str, down: Down, waited: Callable[[str, int], int], stamp: Stamp) -> Event:
    return own_events.collector_up(stamp, collector=name, since=down.since, waited=waited(name, down.place))


def _trouble(state: str, part: SourceView | CollectorView, view: View, down: Down | None) -> Trouble:
    """What was told to have begun at some time has begun then."""
    seconds = part.failing
    if isinstance(part, SourceView) and state == "silent":
        seconds = part.silent
    elif isinstance(part, CollectorView) and state == "stalled":
        seconds = part.standing
    since = rfc3339.render(view.wall - round(seconds * 1000)) if down is None else down.since
    return Trouble(state=state, since=since, error=part.error)


def _change(key: str, event: Callable[[Stamp], Event], mapping: str, name: str, value: object) -> Change:
    return Change(key=key, event=event, after=lambda told: told.entered(mapping, name, value))
