"""The facts of the status as Prometheus metrics: the same snapshot, so page, command and metrics agree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from lpforwarder import __version__, rfc3339

PREFIX = "lpforwarder_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """A histogram as its owner counted it."""

    name: str
    about: str
    label: str
    """The name of its one label."""
    rows: Mapping[str, tuple[Sequence[tuple[float, int]], float]]
    """Value of the label → ((upper bound, count up to it), …; the last bound is infinite), and the sum."""


def exposition(facts: Mapping[str, Any], distributions: Iterable[Distribution] = ()) -> bytes:
    """The text that Prometheus reads, made of the facts of `status --json`."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Facts(facts, list(distributions)))
    return generate_latest(registry)


class _Facts(Collector):
    """One snapshot on its way to the text."""

    def __init__(self, facts: Mapping[str, Any], distributions: Sequence[Distribution]) -> None:
        self._facts = facts
        self._distributions = distributions

    def collect(self) -> Iterator[Metric]:
        yield _gauge("build_info", "Always 1; the version is the label", ["version"], [((__version__,), 1.0)])
        yield from _sources(self._facts["sources"])
        yield from _collectors(self._facts["collectors"], self._facts["time"])
        yield from _journal(self._facts["journal"])
        yield from _service(self._facts)
        for distribution in self._distributions:
            yield _histogram(distribution)


def _sources(sources: Mapping[str, Any]) -> Iterator[Metric]:
    yield _per(_counter, "events_fetched", "Events that were new to the journal", "source", sources, "events")
    yield _per(_counter, "events_duplicate", "Events known already", "source", sources, "duplicates")
    yield _per(
        _counter, "events_rejected", "Records that could not become events", "source", sources, "rejects"
    )
    yield _up("source_up", "1 unless the source is in trouble", "source", sources)
    times = {
        "source_last_poll_timestamp_seconds": "last_poll",
        "source_newest_event_timestamp_seconds": "newest_event",
    }
    for name, key in times.items():
        yield _times(name, "Seconds since 1970 UTC", "source", sources, key)
    alarms = [
        ((name, alarm["code"]), 1.0) for name, part in sources.items() for alarm in part.get("alarms", ())
    ]
    yield _gauge("source_alarm", "1 while the alarm with this code is on", ["source", "code"], alarms)


def _collectors(collectors: Mapping[str, Any], now: str) -> Iterator[Metric]:
    yield _per(
        _counter, "events_sent", "Events handed to the network once or more", "collector", collectors, "sent"
    )
    yield _per(
        _counter,
        "events_acked",
        "Events the collector is known to hold",
        "collector",
        collectors,
        "confirmed",
    )
    yield _per(_counter, "events_replayed", "Events sent again", "collector", collectors, "replayed")
    yield _per(_counter, "events_set_aside", "Events it could not take", "collector", collectors, "set_aside")
    yield _up("collector_up", "1 unless the collector is in trouble", "collector", collectors)
    yield _per(
        _gauge, "collector_waiting_events", "Events that wait for it", "collector", collectors, "waiting"
    )
    ages = [((name,), _age(part["oldest_waiting"], now)) for name, part in collectors.items()]
    yield _gauge("collector_oldest_waiting_seconds", "How long the oldest has waited", ["collector"], ages)
    yield _times(
        "collector_last_sent_timestamp_seconds",
        "Seconds since 1970 UTC",
        "collector",
        collectors,
        "last_sent",
    )
    ends = [
        ((name, certificate["kind"]), seconds)
        for name, part in collectors.items()
        for certificate in part.get("certificates", ())
        if (seconds := _seconds(certificate.get("not_after"))) is not None
    ]
    yield _gauge(
        "certificate_expiry_timestamp_seconds", "Seconds since 1970 UTC", ["name", "kind"], _least(ends)
    )


def _journal(journal: Mapping[str, Any]) -> Iterator[Metric]:
    yield _gauge("journal_bytes", "Octets on disk", [], [((), float(journal["bytes"]))])
    yield _gauge("journal_position", "The last place", [], [((), float(journal["last"]))])
    lost = sum(gap["count"] for gap in journal["gaps"])
    yield _gauge(
        "journal_missing_events", "Events that were journaled and cannot be read", [], [((), float(lost))]
    )
    room = journal["full_in_seconds"]
    yield _gauge("journal_room_seconds", "Until it is full at this pace; absent while nobody can say", [],
                 [] if room is None else [((), float(room))])  # fmt: skip


def _service(facts: Mapping[str, Any]) -> Iterator[Metric]:
    started = _seconds(facts["started"])
    yield _gauge(
        "start_timestamp_seconds", "Seconds since 1970 UTC", [], [] if started is None else [((), started)]
    )
    verdicts = [((verdict,), float(facts["verdict"] == verdict)) for verdict in ("ok", "behind", "down")]
    yield _gauge("verdict", "1 for the present verdict", ["verdict"], verdicts)
    errors = [
        ((kind, name, part["error"]["code"]), 1.0)
        for kind, parts in (("source", facts["sources"]), ("collector", facts["collectors"]))
        for name, part in parts.items()
        if part["error"] is not None
    ]
    yield _gauge("error", "1 while the part is in trouble with this code", ["part", "name", "code"], errors)
    if "reload" in facts:
        good = float(facts["reload"])
        yield _gauge("config_last_reload_success", "0 when the last reload was refused", [], [((), good)])


Rows = Sequence[tuple[Sequence[str], float]]


def _gauge(name: str, about: str, labels: Sequence[str], rows: Rows) -> Metric:
    family = GaugeMetricFamily(PREFIX + name, about, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family


def _counter(name: str, about: str, labels: Sequence[str], rows: Rows) -> Metric:
    family = CounterMetricFamily(PREFIX + name, about, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family


def _per(make: Any, name: str, about: str, label: str, parts: Mapping[str, Any], key: str) -> Metric:
    made: Metric = make(name, about, [label], [((part,), float(facts[key])) for part, facts in parts.items()])
    return made


def _up(name: str, about: str, label: str, parts: Mapping[str, Any]) -> Metric:
    return _gauge(
        name, about, [label], [((part,), float(facts["error"] is None)) for part, facts in parts.items()]
    )


def _times(name: str, about: str, label: str, parts: Mapping[str, Any], key: str) -> Metric:
    """What never happened has no time, and no row."""
    rows = [((part,), time) for part, facts in parts.items() if (time := _seconds(facts[key])) is not None]
    return _gauge(name, about, [label], rows)


def _histogram(distribution: Distribution) -> Metric:
    family = HistogramMetricFamily(
        PREFIX + distribution.name, distribution.about, labels=[distribution.label]
    )
    for value, (counts, total) in distribution.rows.items():
        buckets = [("+Inf" if bound == float("inf") else str(bound), number) for bound, number in counts]
        family.add_metric([value], buckets, total)
    return family


def _least(rows: Rows) -> Rows:
    """Of several with the same labels the one that ends first."""
    kept: dict[tuple[str, ...], float] = {}
    for labels, number in rows:
        kept[tuple(labels)] = min(number, kept.get(tuple(labels), number))
    return list(kept.items())


def _seconds(time: str | None) -> float | None:
    milliseconds = rfc3339.parse(time or "")
    return None if milliseconds is None else milliseconds / 1000


def _age(time: str | None, now: str) -> float:
    then, present = _seconds(time), _seconds(now)
    return 0.0 if then is None or present is None else max(present - then, 0.0)
