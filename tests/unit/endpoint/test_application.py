"""The paths of the endpoint: what each answers, to whom, and how it says no."""

from __future__ import annotations

import gzip
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from lpforwarder.endpoint.cursors import Cursors
from lpforwarder.event import Seq
from tests.fakes.pulled_journal import KEY, FakePulledJournal, events
from tests.unit.endpoint.conftest import Endpoint


def ids(response: Any) -> list[str]:
    return [event["id"] for event in response.json()]


def numbered(first: int, last: int) -> list[str]:
    return [f"e{number}" for number in range(first, last + 1)]


# ---- events -----------------------------------------------------------------------------------------------


def test_a_client_that_follows_the_link_gets_every_event_once_and_then_an_empty_array(
    endpoint: Endpoint,
) -> None:
    for first in range(1, 101, 10):
        endpoint.journal.append("acme", *events(first, 10))
    headers, seen, address = endpoint.bearer(), [], "/v1/events?limit=7"
    while found := ids(response := endpoint.client.get(address, headers=headers)):
        seen += found
        address = response.headers["link"].removeprefix("<").partition(">")[0]
    assert seen == numbered(1, 100)
    assert response.text == "[]"
    endpoint.journal.append("acme", *events(101, 1))
    assert ids(endpoint.client.get(address, headers=headers)) == ["e101"]


def test_the_cursor_of_the_header_leads_to_the_same_place_as_the_link(endpoint: Endpoint) -> None:
    endpoint.journal.append("acme", *events(1, 10))
    headers = endpoint.bearer()
    first = endpoint.client.get("/v1/events", params={"limit": 4}, headers=headers)
    again = {"limit": "4", "after": first.headers["Lpforwarder-Cursor"]}
    assert ids(endpoint.client.get("/v1/events", params=again, headers=headers)) == numbered(5, 8)


def test_lines_are_to_be_had_instead_of_an_array(endpoint: Endpoint) -> None:
    endpoint.journal.append("acme", *events(1, 3))
    headers = endpoint.bearer() | {"Accept": "application/x-ndjson"}
    response = endpoint.client.get("/v1/events", headers=headers)
    assert response.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line)["id"] for line in response.content.splitlines()] == numbered(1, 3)


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/*", "text/html, */*;q=0.8", ""])
def test_an_array_is_the_usual_form(endpoint: Endpoint, accept: str) -> None:
    response = endpoint.client.get("/v1/events", headers=endpoint.bearer() | {"Accept": accept})
    assert response.headers["content-type"] == "application/json"


def test_another_form_is_not_to_be_had_nor_another_coding(endpoint: Endpoint) -> None:
    headers = endpoint.bearer()
    for name, value in (("Accept", "text/xml"), ("Accept-Encoding", "gzip;q=0, identity;q=0")):
        response = endpoint.client.get("/v1/events", headers=headers | {name: value})
        assert (response.status_code, response.headers["content-type"]) == (406, "application/problem+json")
        assert response.json()["type"].endswith("/accept")


def test_even_a_short_answer_is_packed_for_who_takes_nothing_else(endpoint: Endpoint) -> None:
    headers = endpoint.bearer() | {"Accept-Encoding": "gzip, identity;q=0"}
    response = endpoint.client.get("/v1/events", headers=headers)
    assert (response.headers["content-encoding"], response.json()) == ("gzip", [])


def test_a_long_answer_is_packed_for_those_who_can_unpack_it(endpoint: Endpoint) -> None:
    endpoint.journal.append("acme", *events(1, 100))
    headers = endpoint.bearer()
    with endpoint.client.stream("GET", "/v1/events", headers=headers | {"Accept-Encoding": "gzip"}) as packed:
        raw = b"".join(packed.iter_raw())
        assert packed.headers["content-encoding"] == "gzip"
    plain = endpoint.client.get("/v1/events", headers=headers | {"Accept-Encoding": "gzip;q=0"})
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(raw) == plain.content
    assert len(raw) < len(plain.content) / 2


def test_a_waiting_client_hears_of_an_event_when_it_comes(endpoint: Endpoint) -> None:
    late = threading.Timer(0.2, endpoint.journal.append, ("acme", *events(1, 1)))
    late.start()
    response = endpoint.client.get("/v1/events?wait=30", headers=endpoint.bearer())
    late.join()
    assert ids(response) == ["e1"]
    assert response.elapsed.total_seconds() < 5


def test_what_a_waiting_client_did_not_ask_for_does_not_end_its_wait(endpoint: Endpoint) -> None:
    def two() -> None:
        endpoint.journal.append("other", *events(1, 1))
        endpoint.journal.append("acme", *events(2, 1))

    late = threading.Timer(0.1, two)
    late.start()
    assert ids(endpoint.client.get("/v1/events?wait=30&source=acme", headers=endpoint.bearer())) == ["e2"]
    late.join()


def test_a_wait_ends_with_an_empty_array(endpoint: Endpoint) -> None:
    response = endpoint.client.get("/v1/events?wait=1", headers=endpoint.bearer())
    assert response.json() == []
    assert 0.9 < response.elapsed.total_seconds() < 5


def test_who_fell_behind_is_told_with_the_cursor_to_go_on_with(endpoint: Endpoint) -> None:
    endpoint.journal.append("acme", *events(1, 10))
    endpoint.journal.append("acme", *events(11, 10))
    headers = endpoint.bearer()
    cursor = endpoint.client.get("/v1/events?limit=5", headers=headers).headers["Lpforwarder-Cursor"]
    endpoint.journal.remove_oldest()
    behind = endpoint.client.get("/v1/events", params={"after": cursor}, headers=headers)
    assert behind.status_code == 410
    assert "5 events" in behind.json()["detail"]
    oldest = {"after": behind.json()["oldest"]}
    assert ids(endpoint.client.get("/v1/events", params=oldest, headers=headers)) == numbered(11, 20)


def test_a_cursor_of_another_journal_is_as_good_as_too_old(endpoint: Endpoint) -> None:
    endpoint.journal.append("acme", *events(1, 3))
    params = {"after": Cursors(KEY).write("00000000", Seq(2))}
    headers = endpoint.bearer()
    response = endpoint.client.get("/v1/events", params=params, headers=headers)
    assert response.status_code == 410
    assert "replaced" in response.json()["detail"]
    oldest = {"after": response.json()["oldest"]}
    assert ids(endpoint.client.get("/v1/events", params=oldest, headers=headers)) == numbered(1, 3)


def test_a_cursor_of_a_lost_key_is_as_good_as_too_old_and_a_damaged_one_is_refused(
    endpoint: Endpoint,
) -> None:
    endpoint.journal.append("acme", *events(1, 3))
    headers, identity = endpoint.bearer(), endpoint.journal.identity()
    lost = {"after": Cursors(KEY[::-1]).write(identity, Seq(2))}
    response = endpoint.client.get("/v1/events", params=lost, headers=headers)
    assert response.status_code == 410
    assert "key" in response.json()["detail"]
    oldest = {"after": response.json()["oldest"]}
    assert ids(endpoint.client.get("/v1/events", params=oldest, headers=headers)) == numbered(1, 3)
    good = Cursors(KEY).write(identity, Seq(2))
    damaged = {"after": good[:30] + ("A" if good[30] != "A" else "B") + good[31:]}
    response = endpoint.client.get("/v1/events", params=damaged, headers=headers)
    assert (response.status_code, response.json()["parameter"]) == (400, "after")


def test_what_a_reader_of_one_source_gets_does_not_show_what_was_passed_over(endpoint: Endpoint) -> None:
    """However much there was of another source: the same body, and the same headers but for the cursor."""
    headers, after, shown = endpoint.bearer(sources=["acme"]), "", set()
    seen = {cursor_of(endpoint, headers, after)}
    for count in (0, 1, 500, 3_000):
        if count:
            endpoint.journal.append("other", *events(1, count))
        response = endpoint.client.get(f"/v1/events{after}", headers=headers)
        cursor = response.headers["lpforwarder-cursor"]
        after = f"?after={cursor}"
        assert cursor not in seen  # also where nothing came
        seen.add(cursor)
        others = {name: text.replace(cursor, "C") for name, text in response.headers.items()}
        shown.add((response.text, len(cursor), tuple(sorted(others.items()))))
    assert len(shown) == 1
    assert "etag" not in response.headers


def cursor_of(endpoint: Endpoint, headers: dict[str, str], after: str) -> str:
    return str(endpoint.client.get(f"/v1/events{after}", headers=headers).headers["lpforwarder-cursor"])


def test_a_cursor_ahead_of_a_journal_that_was_put_back_is_not_followed(endpoint: Endpoint) -> None:
    endpoint.journal.append("acme", *events(1, 3))
    headers = endpoint.bearer()
    for place, status in ((3, 200), (4, 410)):
        params = {"after": Cursors(KEY).write(endpoint.journal.identity(), Seq(place))}
        response = endpoint.client.get("/v1/events", params=params, headers=headers)
        assert response.status_code == status
    assert "older copy" in response.json()["detail"]
    oldest = {"after": response.json()["oldest"]}
    assert ids(endpoint.client.get("/v1/events", params=oldest, headers=headers)) == numbered(1, 3)


@pytest.mark.parametrize(
    "parameter", ["after=x", "limit=0", "since=x", "wait=-1", "type=", "sort=up", "after="]
)
def test_a_parameter_that_cannot_be_used_is_named(endpoint: Endpoint, parameter: str) -> None:
    response = endpoint.client.get(f"/v1/events?{parameter}", headers=endpoint.bearer())
    assert (response.status_code, response.json()["parameter"]) == (400, parameter.partition("=")[0])
    assert response.headers["content-type"] == "application/problem+json"


# ---- one event --------------------------------------------------------------------------------------------


def test_one_event_is_found_by_its_id_and_not_sent_twice(endpoint: Endpoint) -> None:
    endpoint.journal.append("acme", *events(1, 3))
    headers = endpoint.bearer()
    response = endpoint.client.get("/v1/events/e2", headers=headers)
    assert response.json()["id"] == "e2"
    tagged = headers | {"If-None-Match": response.headers["etag"]}
    assert endpoint.client.get("/v1/events/e2", headers=tagged).status_code == 304


def test_an_event_that_is_not_there_and_one_that_is_not_for_the_reader_look_the_same(
    endpoint: Endpoint,
) -> None:
    endpoint.journal.append("acme", *events(1, 3))
    restricted = endpoint.bearer(name="other", sources=["other"])
    hidden = endpoint.client.get("/v1/events/e2", headers=restricted)
    absent = endpoint.client.get("/v1/events/none", headers=restricted)
    assert (hidden.status_code, hidden.content) == (absent.status_code, absent.content)
    assert hidden.status_code == 404


# ---- who may ----------------------------------------------------------------------------------------------


PROTECTED = ["/v1/events", "/v1/events/e1", "/v1/events?limit=0", "/v1/events/none", "/v1/status"]


@pytest.mark.parametrize("path", PROTECTED)
@pytest.mark.parametrize("header", [None, "Bearer", "Bearer x", "Basic eDp5", "Bearer " + "x" * 5000])
def test_without_a_good_token_every_path_says_the_same(
    endpoint: Endpoint, path: str, header: str | None
) -> None:
    endpoint.journal.append("acme", *events(1, 1))
    endpoint.token()
    response = endpoint.client.get(path, headers={"Authorization": header} if header else {})
    reference = endpoint.client.get("/v1/events")
    assert (response.status_code, response.content) == (401, reference.content)
    assert response.headers["www-authenticate"].startswith("Bearer")


def test_a_revoked_token_is_out_at_once(endpoint: Endpoint) -> None:
    headers = endpoint.bearer()
    assert endpoint.client.get("/v1/events", headers=headers).status_code == 200
    endpoint.tokens.remove("reader")
    assert endpoint.client.get("/v1/events", headers=headers).status_code == 401


def test_a_token_for_one_source_sees_nothing_of_the_others(endpoint: Endpoint) -> None:
    endpoint.journal.append("acme", *events(1, 2))
    endpoint.journal.append("other", *events(3, 2))
    headers = endpoint.bearer(sources=["other"])
    assert ids(endpoint.client.get("/v1/events", headers=headers)) == ["e3", "e4"]
    assert endpoint.client.get("/v1/events?source=acme", headers=headers).json() == []
    assert endpoint.client.get("/v1/status", headers=headers).status_code == 403


def test_a_token_with_a_rate_is_held_to_it(endpoint: Endpoint) -> None:
    headers = endpoint.bearer(rate=1.0)
    assert endpoint.client.get("/v1/events", headers=headers).status_code == 200
    refused = endpoint.client.get("/v1/events", headers=headers)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")


def test_guessing_is_slowed_down_and_good_tokens_are_not(endpoint: Endpoint) -> None:
    wrong = {"Authorization": "Bearer lpf_wrong"}
    answers = {endpoint.client.get("/v1/events", headers=wrong).status_code for _ in range(100)}
    assert answers == {401, 429}
    assert endpoint.client.get("/v1/events", headers=endpoint.bearer()).status_code == 200


def test_a_broken_token_file_lets_nobody_in(endpoint: Endpoint, tmp_path: Path) -> None:
    headers = endpoint.bearer()
    (tmp_path / "tokens.json").write_text("{}")
    assert endpoint.client.get("/v1/events", headers=headers).status_code == 503


def test_every_access_is_in_the_audit_trail_and_no_token_is(endpoint: Endpoint) -> None:
    endpoint.journal.append("acme", *events(1, 3))
    text = endpoint.token()
    endpoint.client.get("/v1/events", headers={"Authorization": f"Bearer {text}"})
    endpoint.client.get("/v1/events?limit=x", headers={"Authorization": f"Bearer {text}"})
    endpoint.client.get("/v1/events/none", headers={"Authorization": f"Bearer {text}"})
    endpoint.client.get("/v1/events", headers={"Authorization": "Bearer lpf_guess"})
    assert [(access.token, access.status, access.events) for access in endpoint.accesses] == [
        ("reader", 200, 3),
        ("reader", 400, 0),
        ("reader", 404, 0),
        ("", 401, 0),
    ]
    assert not any(secret in str(endpoint.accesses) for secret in (text, "guess"))


# ---- the rest ---------------------------------------------------------------------------------------------


def test_health_needs_no_token_and_readiness_says_what_is_missing(endpoint: Endpoint) -> None:
    assert endpoint.client.get("/healthz").text == "ok\n"
    assert endpoint.client.get("/readyz").status_code == 200
    endpoint.troubles.append("source acme stands still")
    not_ready = endpoint.client.get("/readyz")
    assert (not_ready.status_code, not_ready.json()["detail"]) == (503, "source acme stands still")
    assert endpoint.client.get("/healthz").status_code == 200


def test_status_is_what_the_command_prints(endpoint: Endpoint) -> None:
    assert endpoint.client.get("/v1/status", headers=endpoint.bearer()).json() == {
        "version": 1,
        "verdict": "ok",
    }


def test_metrics_and_page_are_open_here(endpoint: Endpoint) -> None:
    assert endpoint.client.get("/metrics").text == "lpforwarder_up 1\n"
    assert endpoint.client.get("/").headers["content-type"] == "text/html; charset=utf-8"


def test_other_methods_and_paths_are_refused_as_problems(endpoint: Endpoint) -> None:
    for answer, status in [
        (endpoint.client.post("/v1/events"), 405),
        (endpoint.client.delete("/v1/events/e1"), 405),
        (endpoint.client.get("/v1/nothing"), 404),
        (endpoint.client.get("/v1/status/"), 404),
    ]:
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_every_answer_tells_browsers_to_do_nothing_with_it(endpoint: Endpoint) -> None:
    for path in ("/", "/healthz", "/v1/events", "/none", "/openapi.json"):
        headers = endpoint.client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_a_bug_shows_nothing_of_itself(endpoint: Endpoint) -> None:
    class Broken(FakePulledJournal):
        def oldest(self) -> Seq:
            raise RuntimeError("secret detail")

    endpoint.journal.__class__ = Broken
    with capture_logs() as logged:
        response = endpoint.client.get("/v1/events", headers=endpoint.bearer())
    assert response.status_code == 500
    assert "secret" not in response.text
    assert [(line["event"], type(line["exc_info"])) for line in logged] == [
        ("endpoint.crashed", RuntimeError)
    ]
