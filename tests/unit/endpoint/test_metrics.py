"""Metrics: the facts of the status under the published names."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from lpforwarder.endpoint.metrics import Distribution, exposition
from tests.fakes.facts import collector, error, facts, source


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
    dead = collector(error=error(), waiting=5, oldest_waiting="2026-11-22T19:59:00.000Z", set_aside=3)
    text = exposition(facts(collectors={"siem": dead}))
    assert value(text, "events_fetched_total", source="acme") == 1204
    assert value(text, "events_duplicate_total", source="acme") == 14
    assert value(text, "events_acked_total", collector="siem") == 61203
    assert value(text, "events_set_aside_total", collector="siem") == 3
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


def test_a_distribution_is_a_histogram() -> None:
    taken = Distribution(
        name="poll_seconds", about="x", label="source", rows={"acme": ([(0.1, 1), (float("inf"), 3)], 2.5)}
    )
    text = exposition(facts(), [taken])
    assert value(text, "poll_seconds_bucket", source="acme", le="0.1") == 1
    assert value(text, "poll_seconds_count", source="acme") == 3
    assert value(text, "poll_seconds_sum", source="acme") == 2.5


def test_any_name_is_a_label() -> None:
    name = 'a"b\\c\nd'
    assert value(exposition(facts(sources={name: source()})), "source_up", source=name) == 1
