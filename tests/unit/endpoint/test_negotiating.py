"""What a client can take: the form it likes best, packed or not, and what it has already."""

from __future__ import annotations

import math

import pytest
from starlette.requests import Request

from lpforwarder.endpoint.negotiating import JSON, LEAST_PACKED, NDJSON, form_of, tagged
from lpforwarder.endpoint.problems import Problem


def request(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": raw})


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("APPLICATION/JSON", JSON),
        ("application/json; charset=utf-8", JSON),
        ("text/html, application/xhtml+xml, */*;q=0.8", JSON),
        ("application/x-ndjson", NDJSON),
        ("application/x-ndjson, */*", NDJSON),
        ("application/x-ndjson, application/json", NDJSON),
        ("application/json, application/x-ndjson", JSON),
        ("application/json;q=0.5, application/x-ndjson", NDJSON),
        ("application/x-ndjson;q=0.5, application/json;q=0.9", JSON),
        ("application/x-ndjson;q=0.5, */*", JSON),
        ("application/json;q=0, */*;q=0.1", NDJSON),
        ("application/json;q=0.000, application/*", NDJSON),
        ("text/plain;q=1, application/*;q=0.2, application/x-ndjson;q=0.1", JSON),
        ("application/x-ndjson;version=1;q=0.2, application/json;q=0.1", NDJSON),
        ("application/json;q=nonsense", JSON),
    ],
)
def test_the_form_that_is_liked_best_is_given(accept: str, media_type: str) -> None:
    assert form_of(request(accept=accept)).media_type == media_type


def test_without_a_wish_it_is_an_array_and_not_packed() -> None:
    form = form_of(request())
    assert (form.media_type, form.packed_from) == (JSON, math.inf)


@pytest.mark.parametrize(
    "accept", ["text/xml", "application/json;q=0", "*/*;q=0", "application/*;q=0.0, text/html", "nonsense"]
)
def test_who_takes_neither_form_is_told(accept: str) -> None:
    with pytest.raises(Problem) as raised:
        form_of(request(accept=accept))
    assert (raised.value.status, raised.value.kind) == (406, "accept")


@pytest.mark.parametrize(
    ("accepted", "packed_from"),
    [
        ("", math.inf),
        ("identity", math.inf),
        ("br, deflate", math.inf),
        ("gzip", LEAST_PACKED),
        ("GZIP", LEAST_PACKED),
        ("x-gzip", LEAST_PACKED),
        ("*", LEAST_PACKED),
        ("deflate, gzip;q=0.5, br", LEAST_PACKED),
        ("gzip;q=0", math.inf),
        ("gzip;q=0.0, *", math.inf),
        ("gzip;q=0.5, identity", math.inf),
        ("gzip, identity;q=0.5", LEAST_PACKED),
        ("gzip, identity", LEAST_PACKED),
        ("identity;q=0, gzip", 0.0),
        ("gzip;q=0.1, *;q=0", 0.0),
        ("identity, *;q=0", math.inf),
    ],
)
def test_it_is_packed_for_who_likes_that_no_less_than_plain(accepted: str, packed_from: float) -> None:
    assert form_of(request(accept_encoding=accepted)).packed_from == packed_from


@pytest.mark.parametrize(
    "accepted", ["gzip;q=0, identity;q=0", "*;q=0", "br, identity;q=0", "gzip;q=0, *;q=0"]
)
def test_who_takes_neither_coding_is_told(accepted: str) -> None:
    with pytest.raises(Problem) as raised:
        form_of(request(accept_encoding=accepted))
    assert (raised.value.status, raised.value.kind) == (406, "accept")


TAG = tagged(request(), b"body", JSON).headers["etag"]


@pytest.mark.parametrize(
    "known", ["*", " * ", TAG, f"W/{TAG}", f'"other", {TAG}', f'W/"a,b",{TAG}', f'"x" , W/{TAG} ,"y"']
)
def test_who_has_it_gets_its_name_alone(known: str) -> None:
    answer = tagged(request(if_none_match=known), b"body", JSON)
    assert (answer.status_code, answer.body, answer.headers["etag"]) == (304, b"", TAG)


@pytest.mark.parametrize(
    "known", ["", '"other"', TAG.strip('"'), f'"x{TAG[1:]}', f"w/x{TAG[:-1]}", "**", '"*"']
)
def test_who_has_something_else_gets_it_all(known: str) -> None:
    answer = tagged(request(if_none_match=known), b"body", JSON)
    assert (answer.status_code, answer.body) == (200, b"body")


def test_headers_that_come_several_times_count_as_one() -> None:
    raw = [(b"if-none-match", b'"other"'), (b"if-none-match", TAG.encode())]
    several = Request({"type": "http", "method": "GET", "path": "/", "headers": raw})
    assert tagged(several, b"body", JSON).status_code == 304
    raw = [(b"accept", b"text/html"), (b"accept", b"application/x-ndjson")]
    several = Request({"type": "http", "method": "GET", "path": "/", "headers": raw})
    assert form_of(several).media_type == NDJSON
