"""The facts of the status as Prometheus metrics: the same snapshot, so page, command and metrics agree.

Every name, type and label is taken from metric_kinds.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from lpforwarder import __version__, rfc3339
from lpforwarder.endpoint.metric_kinds import KINDS, PREFIX

Rows: TypeAlias = Iterable[tuple[Sequence[str], float]]
"""Values of the labels → the number."""

_FAMILIES: Any = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}


def exposition(facts: Mapping[str, Any]) -> bytes:
    """The text that Prometheus reads, made of the facts of `status --json`, and what this process takes."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Facts(facts))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Facts(Collector):
    """One snapshot on its way to the text."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._facts = facts

    def collect(self) -> Iterator[Metric]:
        facts = self._facts
        yield from _service(facts)
        yield from _sources(facts["sources"])
        yield from _collectors(facts["collectors"], facts["time"])
        yield from _journal(facts["journal"])
        yield from _errors({"source": facts["sources"], "collector": facts["collectors"]})


def _service(facts: Mapping[str, Any]) -> Iterator[Metric]:
    yield _family("build_info", [((__version__,), 1.0)])
    yield _family("start_timestamp_seconds", _single(_seconds(facts["started"])))
    verdicts = ("ok", "behind", "down")
    yield _family("verdict", [((verdict,), float(facts["verdict"] == verdict)) for verdict in verdicts])
    reload = facts.get("reload")
    yield _family("config_last_reload_success", _single(None if reload is None else float(reload)))
    yield _family("last_heartbeat_timestamp_seconds", _single(_seconds(facts.get("last_heartbeat"))))


def _sources(sources: Mapping[str, Any]) -> Iterator[Metric]:
    yield _counted("events_fetched", sources, "events")
    yield _counted("events_duplicate", sources, "duplicates")
    yield _counted("events_rejected", sources, "rejects")
    yield _up("source_up", sources)
    yield _times("source_last_poll_timestamp_seconds", sources, "last_poll")
    yield _times("source_newest_event_timestamp_seconds", sources, "newest_event")
    yield _alarms("source_alarm", sources)
    yield _spread("poll_seconds", sources)
    yield _measured("clock_skew_seconds", sources)
    yield _measured("secret_age_seconds", sources)


def _collectors(collectors: Mapping[str, Any], now: str) -> Iterator[Metric]:
    # Not the status' `sent`: what breaks with a link is taken back there, and a counter must not fall.
    yield _measured("events_sent", collectors)
    yield _counted("events_acked", collectors, "confirmed")
    yield _counted("events_replayed", collectors, "replayed")
    yield _counted("events_set_aside", collectors, "set_aside_total")
    yield _counted("collector_set_aside_events", collectors, "set_aside")
    yield _counted("collector_lost_events", collectors, "lost")
    yield _up("collector_up", collectors)
    yield _counted("collector_waiting_events", collectors, "waiting")
    ages = [((name,), _age(part["oldest_waiting"], now)) for name, part in collectors.items()]
    yield _family("collector_oldest_waiting_seconds", ages)
    yield _times("collector_last_sent_timestamp_seconds", collectors, "last_sent")
    yield _spread("delivery_seconds", collectors)
    ends = [
        ((name, certificate["kind"]), seconds)
        for name, part in collectors.items()
        for certificate in part["certificates"]
        if (seconds := _seconds(certificate["not_after"])) is not None
    ]
    yield _family("certificate_expiry_timestamp_seconds", _once(ends))
    yield _alarms("collector_alarm", collectors)


def _journal(journal: Mapping[str, Any]) -> Iterator[Metric]:
    yield _family("journal_bytes", _single(journal["bytes"]))
    yield _family("journal_position", _single(journal["last"]))
    lost = sum(gap["count"] for gap in journal["gaps"] if gap["lost"] and gap["collector"] is None)
    yield _family("journal_missing_events", _single(lost))
    yield _family("journal_room_seconds", _single(journal["full_in_seconds"]))
    warnings = [((warning["code"],), 1.0) for warning in journal["warnings"]]
    yield _family("journal_warning", _once(warnings))


def _errors(parts: Mapping[str, Mapping[str, Any]]) -> Iterator[Metric]:
    named = [(kind, name, part) for kind, group in parts.items() for name, part in group.items()]
    present = [((kind, name, part["error"]["code"]), 1.0) for kind, name, part in named if part["error"]]
    yield _family("error", present)
    counts = [
        ((kind, name, code), float(count))
        for kind, name, part in named
        for code, count in part["failures"].items()
    ]
    yield _family("errors", counts)


# ---- one metric -----------------------------------------------------------------------------------------


def _family(name: str, rows: Rows) -> Metric:
    kind = KINDS[name]
    family: CounterMetricFamily | GaugeMetricFamily
    family = _FAMILIES[kind.type](PREFIX + name, kind.about, labels=kind.labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family


def _single(number: float | None) -> Rows:
    """The row of a metric without labels; none for what nobody knows."""
    return [] if number is None else [((), float(number))]


def _counted(name: str, parts: Mapping[str, Any], key: str) -> Metric:
    return _family(name, [((part,), float(facts[key])) for part, facts in parts.items()])


def _up(name: str, parts: Mapping[str, Any]) -> Metric:
    return _family(name, [((part,), float(facts["error"] is None)) for part, facts in parts.items()])


def _times(name: str, parts: Mapping[str, Any], key: str) -> Metric:
    """What never happened has no time, and no row."""
    times = [(part, _seconds(facts[key])) for part, facts in parts.items()]
    return _family(name, [((part,), time) for part, time in times if time is not None])


def _alarms(name: str, parts: Mapping[str, Any]) -> Metric:
    codes = [(part, alarm["code"]) for part, facts in parts.items() for alarm in facts["alarms"]]
    return _family(name, _once([(labels, 1.0) for labels in codes]))


def _measured(name: str, parts: Mapping[str, Any]) -> Metric:
    rows = [
        ((part,), float(facts["measures"][name]))
        for part, facts in parts.items()
        if name in facts["measures"]
    ]
    return _family(name, rows)


def _spread(name: str, parts: Mapping[str, Any]) -> Metric:
    kind = KINDS[name]
    family = HistogramMetricFamily(PREFIX + name, kind.about, labels=kind.labels)
    for part, facts in parts.items():
        if (spread := facts["measures"].get(name)) is not None:
            buckets = [("+Inf" if bound is None else str(bound), n) for bound, n in spread["buckets"]]
            family.add_metric([part], buckets, spread["sum"])
    return family


def _once(rows: Rows) -> Rows:
    """Of several with the same labels the least: two samples of one name would be no answer at all."""
    kept: dict[tuple[str, ...], float] = {}
    for labels, number in rows:
        kept[tuple(labels)] = min(number, kept.get(tuple(labels), number))
    return kept.items()


def _seconds(time: str | None) -> float | None:
    milliseconds = rfc3339.parse(time or "")
    return None if milliseconds is None else milliseconds / 1000


def _age(time: str | None, now: str) -> float:
    then, present = _seconds(time), _seconds(now)
    return 0.0 if then is None or present is None else max(present - then, 0.0)
