"""Ids that are the same for ever: name-based UUIDs over lengths and texts, one by one and many at once."""

from __future__ import annotations

from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from lpforwarder.intake.sources.lastpass.ids import NAMESPACE, event_id, event_ids
from lpforwarder.intake.sources.lastpass.records import Raw

RAW = Raw("2026-03-04 13:22:07", "ana@example.org", "203.0.113.24", "Log in", "")


def test_the_id_is_the_same_on_every_machine_and_for_ever() -> None:
    assert event_id("1234567", RAW, 0) == "2d02f3a5-d2f2-53bf-9585-2383cee8133a"


def test_the_id_is_a_name_based_uuid_over_lengths_and_texts() -> None:
    name = "7:123456719:2026-03-04 13:22:0715:ana@example.org12:203.0.113.246:Log in0:1:3"
    assert event_id("1234567", RAW, 3) == str(uuid5(NAMESPACE, name))
    assert UUID(event_id("1234567", RAW, 3)).version == 5


def test_every_part_counts_for_the_id() -> None:
    changed = [replace(RAW, **{name: getattr(RAW, name) + "x"}) for name in asdict(RAW)]
    ids = [event_id("1", raw, 0) for raw in (RAW, *changed)] + [event_id("2", RAW, 0), event_id("1", RAW, 1)]
    assert len(set(ids)) == len(ids)


def test_half_characters_have_ids_of_their_own() -> None:
    ids = {event_id("1", replace(RAW, data=data), 0) for data in ("\ud800", "\ud801", "�", "?")}
    assert len(ids) == 4


def test_case_counts_for_the_id_because_it_is_the_raw_text() -> None:
    assert event_id("1", RAW, 0) != event_id("1", replace(RAW, action="Log In"), 0)


@given(st.lists(st.text(alphabet="a1:\x00", max_size=4), min_size=6, max_size=6), st.data())
def test_parts_never_run_into_each_other(parts: list[str], data: st.DataObject) -> None:
    joined = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(joined)), min_size=5, max_size=5)))
    bounds = zip([0, *cuts], [*cuts, len(joined)], strict=True)
    other = [joined[begin:end] for begin, end in bounds]
    same = event_id(parts[0], Raw(*parts[1:]), 0) == event_id(other[0], Raw(*other[1:]), 0)
    assert same == (parts == other)


@given(st.lists(st.text(max_size=60), max_size=40), st.text(max_size=20))
def test_many_ids_at_once_are_those_of_the_standard_library(names: list[str], account: str) -> None:
    begun = f"{len(account)}:{account}"
    assert event_ids(account, names) == [str(uuid5(NAMESPACE, begun + name)) for name in names]
