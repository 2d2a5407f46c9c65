"""The oracle sees every way in which a collector can have something else than the truth."""

from __future__ import annotations

from pathlib import Path

import orjson

from tests.chaos import oracle
from tests.chaos.oracle import Arrivals, judge
from tests.chaos.truth import key

TRUTH = [key("a", number) for number in range(4)]


def line(id: str, **fields: str) -> bytes:
    return b"<110>1 - - - - - - " + orjson.dumps({"id": id, "eventId": "1001", **fields})


def lines(*keys: str) -> list[bytes]:
    return [line(one) for one in keys]


def test_what_is_complete_once_and_in_order_is_good() -> None:
    judged = judge(oracle.read(lines(*TRUTH)), TRUTH)
    assert (judged.lost, judged.strange, judged.dup, judged.disordered, judged.doubled) == ([], [], 0, [], [])


def test_a_missing_event_is_lost() -> None:
    assert judge(oracle.read(lines(*TRUTH[:3])), TRUTH).lost == [TRUTH[3]]


def test_every_further_copy_counts() -> None:
    assert judge(oracle.read(lines(*TRUTH, *TRUTH, TRUTH[0])), TRUTH).dup == 5


def test_a_first_arrival_behind_a_later_event_is_out_of_order_and_a_repeat_is_not() -> None:
    judged = judge(oracle.read(lines(TRUTH[0], TRUTH[2], TRUTH[1], TRUTH[0], TRUTH[3])), TRUTH)
    assert judged.disordered == [TRUTH[1]]


def test_each_list_has_an_order_of_its_own() -> None:
    others = [key("b", number) for number in range(2)]
    judged = judge(oracle.read(lines(TRUTH[0], *others, *TRUTH[1:])), [*TRUTH, *others])
    assert judged.disordered == []


def test_what_was_late_at_the_vault_may_come_at_any_place() -> None:
    received = oracle.read(lines(TRUTH[0], TRUTH[2], TRUTH[1], TRUTH[3]))
    assert judge(received, TRUTH, unordered=[TRUTH[1]]).disordered == []


def test_the_forwarders_own_events_are_kept_apart() -> None:
    arrived = oracle.read([line("5c0", eventId="8001", source="lpforwarder"), *lines(*TRUTH)])
    assert [event["id"] for event in arrived.own] == ["5c0"]
    assert judge(arrived, TRUTH).strange == []


def test_what_nobody_sent_is_strange() -> None:
    judged = judge(oracle.read([*lines(*TRUTH, "a-00000009"), line("5c0"), b"noise"]), TRUTH)
    assert judged.strange[0] == "a-00000009"
    assert len(judged.strange) == 3


def test_a_copy_of_an_own_event_is_the_same_event() -> None:
    arrived = oracle.read([line("5c0", eventId="8001")] * 2 + [line("5c1", eventId="8001")])
    assert arrived.own_ids("8001") == {"5c0", "5c1"}
    assert arrived.own_ids("8002") == set()


def test_an_event_of_the_vault_is_known_by_its_user_and_doubled_under_two_ids() -> None:
    user = f"{TRUTH[0]}@example.org"
    arrived = oracle.read([line("one", sourceUser=user), line("two", sourceUser=user)])
    assert judge(arrived, TRUTH[:1]).doubled == [TRUTH[0]]


def test_the_torn_end_of_a_collectors_life_is_no_event() -> None:
    torn = line(TRUTH[0])[:-20] + line(TRUTH[1])
    assert oracle.read([torn]).keys == [TRUTH[1]]


def test_arrivals_follow_a_file_that_grows_in_the_middle_of_lines(tmp_path: Path) -> None:
    file = tmp_path / "received"
    arrivals = Arrivals(file)
    assert arrivals.reached("a") == 0
    octets = b"".join(one + b"\n" for one in lines(*TRUTH))
    file.write_bytes(octets[:-10])
    assert arrivals.reached("a") == 3
    file.write_bytes(octets)
    assert arrivals.reached("a") == 4
    assert arrivals.reached("b") == 0
