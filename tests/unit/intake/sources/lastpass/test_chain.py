"""Pages from a pretend vault without sockets: page size, markers and order as the switches say."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpforwarder.errors import Transient
from lpforwarder.intake.sources.lastpass import answers, chain
from lpforwarder.intake.sources.lastpass.answers import Report, Response
from lpforwarder.intake.sources.lastpass.records import raw_texts
from lpforwarder.simulator.vault.event import VaultEvent
from lpforwarder.simulator.vault.options import VaultOptions
from lpforwarder.simulator.vault.vault import Vault

NOW = 1_772_647_200


def vault(offsets: list[int], **switches: Any) -> Vault:
    """Events that many microseconds before NOW; every third looks like the others of its kind."""
    made = Vault(VaultOptions(**switches), clock=lambda: float(NOW))
    for offset in sorted(offsets, reverse=True):
        made.add(
            VaultEvent(at=NOW * 1_000_000 - offset, username="ana", ip_address="", action="Log in", data="x")
        )
    return made


class Caller:
    """Asks a vault, and writes down what it asked."""

    def __init__(self, vault: Vault) -> None:
        self.vault = vault
        self.asked: list[dict[str, Any]] = []

    def __call__(self, data: dict[str, Any]) -> Report:
        import orjson

        self.asked.append(data)
        body = {
            "cid": self.vault.options.account,
            "provhash": self.vault.secret,
            "cmd": "reporting",
            "data": data,
        }
        answer = self.vault.answer(orjson.dumps(body))
        response = Response(status=200, headers={}, body=answer.reply.body)
        return answers.read(response, secret_place="", now=float(NOW))


def times(read: chain.Chain) -> Counter[str]:
    return Counter(raw.time for raw in map(raw_texts, read.records) if raw.username == "ana")


def truth(vault: Vault) -> Counter[str]:
    return Counter(one.time for one in vault.truth() if one.username == "ana")


SECONDS = [n * 400_000 for n in range(25)]  # two or three twins a second


@pytest.mark.parametrize("next_is", ["first left out", "last returned"])
@pytest.mark.parametrize("next_type", ["number", "string"])
@pytest.mark.parametrize("order", ["descending", "ascending", "shuffled"])
@pytest.mark.parametrize("second_aligned", [False, True])
def test_pages_join_with_every_twin_and_nothing_twice(
    next_is: Any, next_type: Any, order: Any, second_aligned: bool
) -> None:
    offsets = [offset - offset % 1_000_000 for offset in SECONDS] if second_aligned else SECONDS
    made = vault(offsets, page_size=4, next_is=next_is, next_type=next_type, order=order)
    caller = Caller(made)
    read = chain.fetch(caller, {"from": "2026-03-04 00:00:00"})
    assert times(read) == truth(made)
    assert read.is_whole
    assert read.pages >= 6
    seen = [raw_texts(record).time for record in read.records]
    assert seen == sorted(seen, reverse=True)


@given(
    offsets=st.lists(st.integers(0, 12).map(lambda n: n * 250_000), min_size=1, max_size=60),
    page_size=st.integers(2, 9),
    next_is=st.sampled_from(["first left out", "last returned"]),
)
@settings(max_examples=60, deadline=None)
def test_whatever_falls_on_a_boundary_is_counted_once(
    offsets: list[int], page_size: int, next_is: Any
) -> None:
    # A page holds the fullest second as the clock shows it, or twins would be told apart by a guess.
    most = max(Counter(-(-offset // 1_000_000) for offset in offsets).values())
    made = vault(offsets, page_size=max(page_size, most + 9), next_is=next_is)
    read = chain.fetch(Caller(made), {})
    assert times(read) == truth(made)


def test_from_and_to_stay_as_they_are_along_the_chain() -> None:
    caller = Caller(vault([n * 5_000_000 for n in range(10)], page_size=4))
    chain.fetch(caller, {"from": "2026-03-04 00:00:00", "to": "2026-03-05 00:00:00"})
    assert {(data["from"], data["to"]) for data in caller.asked} == {
        ("2026-03-04 00:00:00", "2026-03-05 00:00:00")
    }


def test_the_markers_stand_where_their_pages_begin() -> None:
    made = vault([n * 5_000_000 for n in range(10)], page_size=4)
    read = chain.fetch(Caller(made), {})
    assert sorted(read.markers) == [4, 8]
    assert read.where(4) == "page 2, Event1"


@pytest.mark.parametrize("page_size", [4, 100])
def test_a_marker_that_does_not_move_is_named(page_size: int) -> None:
    caller = Caller(vault([n * 5_000_000 for n in range(10)], page_size=page_size, next_stuck=True))
    with pytest.raises(Transient) as caught:
        chain.fetch(caller, {})
    assert caught.value.code == "LPF308"
    assert len(caller.asked) <= 3


def test_a_marker_that_leads_back_to_the_start_is_named() -> None:
    first = Report(
        records=[{"Time": "2026-03-04 13:00:02"}, {"Time": "2026-03-04 13:00:01"}],
        keys=["Event1", "Event2"],
        marker=1,
    )
    pages = iter([first, Report(records=first.records, keys=first.keys, marker=None)])
    with pytest.raises(Transient, match="marker"):
        chain.fetch(lambda _: next(pages), {})


def test_a_chain_ends_at_the_limit_and_says_so() -> None:
    caller = Caller(vault([n * 5_000_000 for n in range(40)], page_size=4))
    read = chain.fetch(caller, {}, most_pages=3)
    assert (read.is_whole, len(caller.asked)) == (False, 3)
    assert chain.fetch(caller, {}, most_pages=3, known=40).is_whole


def test_records_that_are_none_travel_along() -> None:
    report = Report(records=["text", None, {"Time": 5}], keys=["Event1", "Event2", "Event3"], marker=None)
    assert list(chain.fetch(lambda _: report, {}).records) == ["text", None, {"Time": 5}]


def test_only_the_usual_names_of_records_are_repeated() -> None:
    records = [{"Time": "2026-03-04 18:00:00"}] * 3
    report = Report(records=records, keys=["Event1", "ana@example.org", "Event2+"], marker=None)
    read = chain.fetch(lambda _: report, {})
    assert [read.where(place) for place in range(3)] == [
        "page 1, Event1",
        "page 1, record 2",
        "page 1, Event2+",
    ]


def test_a_first_page_without_records_does_not_hide_the_next_one() -> None:
    record = {"Time": "2026-01-01 00:00:00", "Action": "Log in"}
    pages = iter(
        [Report(records=(), keys=(), marker="m"), Report(records=[record], keys=["Event1"], marker=None)]
    )
    read = chain.fetch(lambda _: next(pages), {})
    assert read.is_whole
    assert list(read.records) == [record]


def reported(*times: str) -> Report:
    records = [{"Time": time} for time in times]
    return Report(records=records, keys=[f"Event{n}" for n in range(1, len(times) + 1)], marker=None)


@pytest.mark.parametrize(
    "times",
    [
        ("01:10:00", "01:05:00", "01:50:00", "01:45:00"),  # the clocks went back in between
        ("06:20:00", "06:10:00", "15:05:00", "15:00:00"),  # the account moved to the west
    ],
)
def test_a_page_is_not_turned_round_because_its_newest_record_looks_older(times: tuple[str, ...]) -> None:
    read = chain.fetch(lambda _: reported(*times), {})
    assert [record["Time"] for record in read.records] == list(times)
    turned = chain.fetch(lambda _: reported(*times[::-1]), {})
    assert [record["Time"] for record in turned.records] == list(times)
    assert turned.where(0) == "page 1, Event4"
