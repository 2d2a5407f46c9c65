"""Metrics: the facts of the status under the published names."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from lpforwarder.endpoint.metric_kinds import KINDS, PREFIX
from lpforwarder.endpoint.metrics import exposition
from lpforwarder.runtime.measures import Spread
from tests.fakes.facts import busy_facts, collector, error, facts, gap, source


def samples(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(text.decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def value(text: bytes, name: str, /, **labels: str) -> float | None:
    return samples(text).get((f"lpforwarder_{name}", tuple(sorted(labels.items()))))


def test_the_published_names_say_what_the_status_says() -> None:
    dead = collector(
        error=error(),
        waiting=5,
        oldest_waiting="2026-11-22T19:59:00.000Z",
        set_aside=3,
        set_aside_total=4,
        lost=7,
    )
    text = exposition(facts(collectors={"siem": dead}))
    assert value(text, "events_fetched_total", source="acme") == 1204
    assert value(text, "events_duplicate_total", source="acme") == 14
    assert value(text, "events_acked_total", collector="siem") == 61203
    assert value(text, "events_set_aside_total", collector="siem") == 4
    assert value(text, "collector_set_aside_events", collector="siem") == 3
    assert value(text, "collector_lost_events", collector="siem") == 7
    assert value(text, "collector_up", collector="siem") == 0
    assert value(text, "collector_waiting_events", collector="siem") == 5
    assert value(text, "collector_oldest_waiting_seconds", collector="siem") == 60
    assert value(text, "error", part="collector", name="siem", code="LPF202") == 1
    assert value(text, "source_up", source="acme") == 1
    assert value(text, "journal_bytes") == 224_000_000
    assert value(text, "journal_room_seconds") == 5_270_400
    assert value(text, "verdict", verdict="ok") == 1
    assert value(text, "source_last_poll_timestamp_seconds", source="acme") == 1795377588.0


def test_what_nobody_knows_has_no_sample() -> None:
    made = facts(sources={"acme": source(last_poll=None)})
    made["journal"]["full_in_seconds"] = None
    text = exposition(made)
    assert value(text, "source_last_poll_timestamp_seconds", source="acme") is None
    assert value(text, "journal_room_seconds") is None
    assert value(text, "config_last_reload_success") is None
    assert value(text, "clock_skew_seconds", peer="acme") is None


def test_alarms_are_samples_while_they_are_on() -> None:
    text = exposition(facts(sources={"acme": source(alarms=[error("LPF305")])}))
    assert value(text, "source_alarm", source="acme", code="LPF305") == 1
    assert not any("source_alarm" in name for name, _ in samples(exposition(facts())))


def test_of_several_certificates_of_a_kind_the_first_to_end_counts() -> None:
    certificates = [
        {"kind": "client", "not_after": "2027-01-01T00:00:00.000Z"},
        {"kind": "client", "not_after": "2026-12-01T00:00:00.000Z"},
    ]
    text = exposition(facts(collectors={"siem": collector(certificates=certificates)}))
    assert value(text, "certificate_expiry_timestamp_seconds", name="siem", kind="client") == 1796083200.0


def test_what_a_worker_measures_is_published() -> None:
    polls = Spread([0.1, 1.0])
    for seconds in (0.05, 0.5, 2.0):
        polls.add(seconds)
    measures = {"poll_seconds": polls.as_json(), "clock_skew_seconds": -1.5, "secret_age_seconds": 86400}
    text = exposition(facts(sources={"acme": source(measures=measures)}))
    assert value(text, "poll_seconds_bucket", source="acme", le="0.1") == 1
    assert value(text, "poll_seconds_bucket", source="acme", le="+Inf") == 3
    assert value(text, "poll_seconds_count", source="acme") == 3
    assert value(text, "poll_seconds_sum", source="acme") == 2.55
    assert value(text, "clock_skew_seconds", peer="acme") == -1.5
    assert value(text, "secret_age_seconds", source="acme") == 86400


def test_failures_are_counted_by_code_and_two_of_one_kind_of_warning_are_one_sample() -> None:
    made = facts(collectors={"siem": collector(failures={"LPF202": 12, "LPF212": 1})})
    made["journal"]["warnings"] = [{"code": "LPF511"}, {"code": "LPF511"}]
    text = exposition(made)
    assert value(text, "errors_total", part="collector", name="siem", code="LPF202") == 12
    assert value(text, "errors_total", part="collector", name="siem", code="LPF212") == 1
    assert text.count(b'\nlpforwarder_journal_warning{code="LPF511"}') == 1


def test_only_gaps_that_nothing_fills_again_are_missing_events() -> None:
    made = facts()
    made["journal"]["gaps"] = [gap(3), gap(5, lost=False), gap(7, collector="siem")]
    assert value(exposition(made), "journal_missing_events") == 3


def test_alarms_of_collectors_are_samples_too() -> None:
    text = exposition(facts(collectors={"siem": collector(alarms=[error("LPF222"), error("LPF222")])}))
    assert value(text, "collector_alarm", collector="siem", code="LPF222") == 1


def test_a_refused_reload_and_the_process_are_told() -> None:
    text = exposition(facts(reload=False))
    assert value(text, "config_last_reload_success") == 0
    assert (samples(text)[("process_resident_memory_bytes", ())] or 0) > 1_000_000


def test_any_name_is_a_label() -> None:
    name = 'a"b\\c\nd'
    assert value(exposition(facts(sources={name: source()})), "source_up", source=name) == 1


def test_every_documented_metric_is_published_with_its_labels_and_no_other() -> None:
    shown: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(exposition(busy_facts()).decode()):
        if family.name.startswith(PREFIX):
            assert family.type == KINDS[family.name.removeprefix(PREFIX)].type
            labels = {name for sample in family.samples for name in sample.labels} - {"le"}
            shown[family.name.removeprefix(PREFIX)] = labels
    assert shown == {name: set(kind.labels) for name, kind in KINDS.items()}
