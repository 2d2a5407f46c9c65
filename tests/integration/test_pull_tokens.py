"""Who has no good token gets nothing, and learns nothing: not what is wrong with it, nor what there is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lpforwarder.event import OWN, Event, addressed_to
from tests.fakes.event_files import event_number
from tests.fakes.served_endpoint import Answer, Served, served

LONG_AGO = "2020-01-01T00:00:00.000Z"
PATHS = ["/v1/events", "/v1/events?after=x&limit=0", "/v1/events/e-00000001", "/v1/events/none", "/v1/status"]


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path) as running:
        for first, source in enumerate(("archive", "other", OWN, addressed_to("siem"))):
            numbers = range(first * 10, first * 10 + 10)
            running.append(source, *[Event.of(event_number(n) | {"source": source}) for n in numbers])
        yield running


def shown(answer: Answer) -> tuple[object, ...]:
    """All that a client sees of an answer, but the time."""
    headers = sorted((name, value) for name, value in answer.headers.items() if name.lower() != "date")
    return answer.status, headers, answer.body


@pytest.mark.parametrize("path", PATHS)
def test_every_fault_of_a_token_looks_the_same(endpoint: Served, path: str) -> None:
    expired = endpoint.token("expired", expires=LONG_AGO)
    revoked = endpoint.token("revoked")
    assert endpoint.tokens.remove("revoked")
    wrong = ["", "x", "lpf_", "lpf_" + "A" * 43, expired, revoked, revoked[:-1], revoked.lower(), "a" * 5000]
    answers = {repr(shown(endpoint.get(path, text))) for text in wrong}
    answers |= {
        repr(shown(endpoint.get(path, Authorization=said)))
        for said in ("Basic eDp4", "Bearer", "Bearer  ", "Digest a", f"Token {revoked}", "Bearer a b c")
    }
    assert len(answers) == 1
    assert endpoint.get(path).status == 401


def test_a_token_for_one_source_learns_nothing_of_the_others(endpoint: Served) -> None:
    token = endpoint.token("narrow", sources=["archive"])
    assert {event["source"] for event in endpoint.get("/v1/events", token).events} == {"archive"}
    for source in ("other", OWN, addressed_to("siem"), "none-of-ours"):
        assert endpoint.get(f"/v1/events?source={source}", token).events == []
    hidden = {
        repr(shown(endpoint.get(f"/v1/events/{event_number(n)['id']}", token))) for n in (10, 25, 35, 99)
    }
    assert len(hidden) == 1
    assert endpoint.get("/v1/events/e-00000001", token).status == 200
    assert endpoint.get("/v1/status", token).status == 403


def test_nobody_reads_what_is_addressed_to_one_collector(endpoint: Served) -> None:
    token = endpoint.token()
    found = endpoint.get("/v1/events", token)
    assert {event["source"] for event in found.events} == {"archive", "other", OWN}
    assert endpoint.get("/v1/events/e-00000031", token).status == 404


def test_a_file_that_is_replaced_counts_at_once_and_a_broken_one_lets_nobody_in(endpoint: Served) -> None:
    token, file = endpoint.token(), endpoint.journal._path.with_name("tokens.json")
    assert file.stat().st_mode & 0o777 == 0o600
    assert endpoint.get("/v1/events", token).status == 200
    good = file.read_bytes()
    for broken in (b"", b"{", b"[]", b'{"tokens": [{}]}', b'{"tokens": [null]}', b'{"tokens": 1}', b"\xff"):
        put(file, broken)
        answer = endpoint.get("/v1/events", token)
        assert (answer.status, json.loads(answer.body)["detail"]) == (503, "LPF530; see the log")
        assert endpoint.get("/healthz").status == 200
    put(file, b'{"version": 1, "tokens": []}')
    assert endpoint.get("/v1/events", token).status == 401
    put(file, good)
    assert endpoint.get("/v1/events", token).status == 200
    file.unlink()
    assert endpoint.get("/v1/events", token).status == 401


def put(file: Path, content: bytes) -> None:
    new = file.with_name("new")
    new.write_bytes(content)
    os.replace(new, file)


def test_who_guesses_is_slowed_down_and_good_tokens_are_not(endpoint: Served) -> None:
    token = endpoint.token()
    statuses = [endpoint.get("/v1/events", f"lpf_{number:043}").status for number in range(200)]
    assert statuses[:30] == [401] * 30
    assert statuses.count(429) > 100
    assert int(endpoint.get("/v1/events", "lpf_x").headers["Retry-After"]) >= 1
    assert [endpoint.get("/v1/events", token).status for _ in range(20)] == [200] * 20


def test_a_token_is_held_to_its_own_rate(endpoint: Served) -> None:
    token = endpoint.token("paced", rate=0.01)
    assert [endpoint.get("/v1/events", token).status for _ in range(3)] == [200, 429, 429]


def test_the_audit_trail_names_the_token_and_never_holds_it(endpoint: Served) -> None:
    token = endpoint.token("splunk")
    endpoint.get(f"/v1/events?type={token}", token)
    endpoint.get(f"/v1/events/{token}", "lpf_wrong")
    told = repr(endpoint.accesses)
    assert "splunk" in told
    assert "lpf_wrong" not in told
    assert token not in told.replace(f"/v1/events/{token}", "")
