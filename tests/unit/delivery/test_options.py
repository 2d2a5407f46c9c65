from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from lpforwarder.delivery.envelopes.rfc5424 import FACILITIES
from lpforwarder.delivery.options import CollectorOptions, Fence, Replay, rate_text


def collector(**values: object) -> CollectorOptions:
    return CollectorOptions.model_validate({"name": "siem", **values}, context={"folder": Path("/etc/lp")})


def code(**values: object) -> str:
    with pytest.raises(ValidationError) as caught:
        collector(**values)
    return caught.value.errors()[0]["type"]


def test_a_name_is_enough() -> None:
    made = collector()
    assert (made.transport, made.format, made.sources, made.facility) == ("tls", "json", None, 10)
    assert (made.max_message, made.min_severity, made.start, made.heartbeat) == (8096, 0, "oldest", 300)
    assert (made.retry.first, made.retry.most) == (1, 60)


def test_a_partial_section_keeps_the_other_defaults() -> None:
    made = collector(fence={"events": 100}, replay={"time": "1m"})
    assert made.fence == Fence(events=100, time=30.0)
    assert made.replay == Replay(events=5000, time=60.0)


@pytest.mark.parametrize(
    ("written", "per_second"), [("500/s", 500.0), ("30/m", 0.5), ("none", None), ("1/s", 1.0)]
)
def test_a_rate_is_a_number_and_a_unit_and_is_written_again_as_it_was(
    written: str, per_second: float | None
) -> None:
    assert collector(rate_limit=written).rate_limit == per_second
    assert rate_text(per_second) == written


@pytest.mark.parametrize("value", [500, "500", "0/s", "500/h", "fast", "-1/s", 0.5])
def test_what_is_no_rate_is_refused(value: object) -> None:
    assert code(rate_limit=value) == "LPF108"


def test_facilities_have_the_numbers_of_rfc_5424() -> None:
    assert [FACILITIES[name] for name in ("kern", "authpriv", "audit", "local0", "local7")] == [
        0,
        10,
        13,
        16,
        23,
    ]
    assert collector(facility="local3").facility == collector(facility=19).facility == 19


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("facility", "authpri", "LPF115"),
        ("facility", 24, "LPF115"),
        ("facility", True, "LPF115"),
        ("sources", "acme", "LPF113"),
        ("sources", [], "LPF108"),
        ("max_message", 479, "LPF108"),
        ("app_name", "two words", "LPF108"),
        ("app_name", "", "LPF108"),
        ("app_name", "x" * 49, "string_too_long"),
        ("hostname", "", "string_too_short"),
        ("retry", {"first": "5m", "most": "1s"}, "LPF108"),
        ("fence", {"time": "0s"}, "LPF108"),
        ("fence", {"events": 0}, "greater_than_equal"),
        ("min_severity", 11, "less_than_equal"),
        ("heartbeat", 0, "LPF106"),
    ],
)
def test_what_cannot_work_is_refused(key: str, value: object, expected: str) -> None:
    assert code(**{key: value}) == expected


def test_words_mean_none_and_lists_become_tuples() -> None:
    made = collector(sources="all", hostname="auto", heartbeat="0s")
    assert (made.sources, made.hostname, made.heartbeat) == (None, None, 0)
    assert collector(sources=["a", "b"]).sources == ("a", "b")


def test_event_ids_may_be_written_without_quotes() -> None:
    assert collector(include=[1001, "4001", "itemchange"]).include == ("1001", "4001", "itemchange")


def test_an_unknown_event_type_is_a_note_with_a_suggestion() -> None:
    (finding,) = collector(exclude=["itemchnge", "itemchange", 1001]).advice()
    assert (finding.key, finding.note, finding.fix) == ("exclude", True, "did you mean itemchange?")


def test_messages_are_numbered_unless_somebody_says_no() -> None:
    assert collector().sequence_id
    assert not collector(sequence_id=False).sequence_id
    with pytest.raises(ValidationError):
        collector(sequence_id="no")
