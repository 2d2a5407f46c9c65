"""The endpoint asked as a fuzzer asks: from its own description, and with octets that are hardly HTTP.

Schemathesis makes requests from the description, right and wrong ones, and judges status, type, headers and
body by it. Two things of the description are narrowed first: a cursor is opaque, so right ones are given by
name; and nobody wants to wait a minute for nothing, so `wait` is left out.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lpforwarder.endpoint.openapi import description
from lpforwarder.endpoint.server import Limits
from lpforwarder.event import Event
from tests.fakes.event_files import event_number, hostile_number
from tests.fakes.served_endpoint import Served, exchange, fetch, served

DOCUMENTED = {200, 304, 400, 401, 403, 404, 405, 406, 410, 429, 503}


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("fuzzed"), limits=Limits(idle=2.0)) as running:
        for first in range(0, 1000, 100):
            numbers = range(first, first + 100)
            made = [(event_number, hostile_number)[number % 5 == 0](number) for number in numbers]
            running.append("archive", *[Event.of(event | {"source": "archive"}) for event in made])
        running.token()
        yield running


def narrowed(cursors: list[str]) -> dict[str, Any]:
    """The description with right cursors, and without `wait`."""
    told = json.loads(json.dumps(description()))
    parameters = told["paths"]["/v1/events"]["get"]["parameters"]
    parameters[:] = [each for each in parameters if each["name"] != "wait"]
    next(each for each in parameters if each["name"] == "after")["schema"] = {
        "type": "string",
        "enum": cursors,
    }
    return dict(told)


def fuzz(endpoint: Served, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """One seeded run of schemathesis with every check it has."""
    cursor = endpoint.get("/v1/events?limit=300", endpoint.token(f"fuzz{len(endpoint.tokens.all())}")).cursor
    told = folder / "openapi.json"
    told.write_text(json.dumps(narrowed([cursor])))
    options = ("--checks", "all", "--phases", "coverage,fuzzing", "--max-examples", "15", *options)
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(told), "--no-color", "--seed", "1"]
    return subprocess.run(
        [*command, "--url", f"http://127.0.0.1:{endpoint.port}", "--no-shrink", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
def test_no_request_of_a_reader_gets_an_answer_that_the_description_does_not_have(
    endpoint: Served, tmp_path: Path
) -> None:
    done = fuzz(endpoint, tmp_path, "--header", f"Authorization: Bearer {endpoint.token('fuzzer')}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert generated(done) > 50


@pytest.mark.slow
def test_nor_does_one_of_somebody_without_a_token(endpoint: Served, tmp_path: Path) -> None:
    # Who asks too often is told 429 before 401, which this one check does not know.
    done = fuzz(endpoint, tmp_path, "--exclude-checks", "missing_required_header", "--phases", "fuzzing")
    assert done.returncode == 0, done.stdout + done.stderr
    assert generated(done) > 20


def generated(done: subprocess.CompletedProcess[str]) -> int:
    """How many requests there were."""
    found = re.search(r"(\d+) generated", done.stdout)
    assert found is not None, done.stdout
    return int(found[1])


# ---- octets ---------------------------------------------------------------------------------------------

HOST = b"Host: localhost\r\n"
NONSENSE = {
    "nothing": b"",
    "line ends": b"\r\n" * 100,
    "no version": b"GET /\r\n\r\n",
    "another version": b"GET / HTTP/9.9\r\n" + HOST + b"\r\n",
    "HTTP/2 without asking": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500,
    "NUL": b"\x00" * 1000,
    "a NUL in the path": b"GET /v1/events\x00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a NUL in a header": b"GET /healthz HTTP/1.1\r\n" + HOST + b"X-A: a\x00b\r\n\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
    "a header without a colon": b"GET /healthz HTTP/1.1\r\n" + HOST + b"nonsense\r\n\r\n",
    "a folded header": b"GET /healthz HTTP/1.1\r\n" + HOST + b"X-A: a\r\n b\r\n\r\n",
    "a blank before the colon": b"GET /healthz HTTP/1.1\r\n" + HOST + b"Transfer-Encoding : chunked\r\n\r\n",
    "a long path": b"GET /" + b"a" * 15_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a path beyond measure": b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a long query": b"GET /v1/events?" + b"type=a&" * 2_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "many headers": b"GET /healthz HTTP/1.1\r\n" + HOST + b"A: b\r\n" * 2_000 + b"\r\n",
    "headers beyond measure": b"GET /healthz HTTP/1.1\r\n" + HOST + b"A: b\r\n" * 50_000 + b"\r\n",
    "an address for a path": b"GET http://example.org/healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "an authority for a path": b"CONNECT example.org:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a star for a path": b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    "no path at all": b"GET  HTTP/1.1\r\n" + HOST + b"\r\n",
    "half an escape": b"GET /v1/events/%f HTTP/1.1\r\n" + HOST + b"\r\n",
    "an escape that is no UTF-8": b"GET /v1/events/%ff%fe%00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a query that is no UTF-8": b"GET /v1/events?type=%ff%fe HTTP/1.1\r\n" + HOST + b"\r\n",
    "octets beyond ASCII": b"GET /v1/events?\xff\xfe=\xc3 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method of its own": b"XYZZY /healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "an upgrade": b"GET / HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "an upgrade to HTTP/2": b"GET / HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    "a length that is none": b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: x\r\n\r\n",
    "a length below zero": b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n",
    "two lengths": b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a body never sent": b"GET /healthz HTTP/1.1\r\n" + HOST + b"Content-Length: 1000000000\r\n\r\n",
    "an unknown coding": b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip\r\n\r\n",
    "a chunk beyond measure": b"GET / HTTP/1.1\r\n"
    + HOST
    + b"Transfer-Encoding: chunked\r\n\r\n"
    + b"f" * 20_000
    + b"\r\n",
    "a token beyond ASCII": b"GET /v1/events HTTP/1.1\r\n" + HOST + b"Authorization: Bearer \xff\xfe\r\n\r\n",
    "a token beyond measure": b"GET /v1/events HTTP/1.1\r\n"
    + HOST
    + b"Authorization: Bearer "
    + b"x" * 14_000
    + b"\r\n\r\n",
}


def statuses(answer: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


@pytest.mark.parametrize("octets", NONSENSE.values(), ids=list(NONSENSE))
def test_nonsense_is_refused_or_answered_and_the_next_one_is_served(endpoint: Served, octets: bytes) -> None:
    found = statuses(exchange(endpoint.port, octets))
    assert set(found) <= DOCUMENTED
    assert endpoint.get("/healthz").status == 200


HEALTH = b"GET /healthz HTTP/1.1\r\n" + HOST
SECRET = b"GET /v1/status HTTP/1.1\r\n" + HOST + b"\r\n"
SMUGGLED = {
    "length and chunks": HEALTH
    + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    + SECRET,
    "chunks and length": HEALTH
    + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"
    + SECRET,
    "two codings": HEALTH + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SECRET,
    "a coding in disguise": HEALTH + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + SECRET,
    "two unlike lengths": HEALTH + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n" + SECRET,
}


@pytest.mark.parametrize("octets", SMUGGLED.values(), ids=list(SMUGGLED))
def test_a_request_that_says_twice_where_it_ends_hides_no_other(endpoint: Served, octets: bytes) -> None:
    found = statuses(exchange(endpoint.port, octets))
    assert len(found) <= 1  # the connection ends, whatever stands behind it


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
@pytest.mark.parametrize("path", ["/v1/events", "/v1/events/x", "/healthz", "/"])
def test_other_methods_are_told_which_one_there_is(endpoint: Served, method: str, path: str) -> None:
    answer = fetch(endpoint.port, path, method=method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert json.loads(answer.body)["status"] == 405


def test_the_headers_alone_are_to_be_had(endpoint: Served) -> None:
    answer = fetch(endpoint.port, "/v1/events?limit=5", endpoint.token("head"), method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.cursor


def test_requests_one_behind_the_other_are_answered_in_their_order(tmp_path: Path) -> None:
    octets = b"".join(
        b"GET %b HTTP/1.1\r\n%b\r\n" % (path, HOST) for path in (b"/healthz", b"/v1/status", b"/none") * 20
    )
    # One of its own: who was refused as often as the tests above were is told 429 for a while.
    with served(tmp_path, limits=Limits(idle=2.0)) as fresh:
        assert statuses(exchange(fresh.port, octets)) == [200, 401, 404] * 20


def test_an_old_client_gets_its_answer_and_the_end(endpoint: Served) -> None:
    answer = exchange(endpoint.port, b"GET /healthz HTTP/1.0\r\n\r\n")
    assert statuses(answer) == [200]
    assert answer.endswith(b"ok\n")


def test_a_body_where_none_belongs_changes_nothing(endpoint: Served) -> None:
    octets = HEALTH + b"Content-Length: 5\r\nConnection: close\r\n\r\nhello"
    assert statuses(exchange(endpoint.port, octets)) == [200]


def test_a_body_without_end_is_not_read_to_its_end(endpoint: Served) -> None:
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=10) as line:
        line.sendall(HEALTH + b"Transfer-Encoding: chunked\r\n\r\n")
        sent = 0
        try:
            while sent < 200 * 2**20:
                line.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                sent += 65536
        except (ConnectionError, TimeoutError):
            pass
    assert sent < 200 * 2**20


@pytest.mark.parametrize("twice", ["after=a&after=b", "limit=1&limit=1", "since=x&since=y", "wait=0&wait=0"])
def test_a_parameter_that_comes_twice_is_refused_by_its_name(endpoint: Served, twice: str) -> None:
    token = endpoint.token(twice.partition("=")[0] + "-twice")
    answer = endpoint.get(f"/v1/events?{twice}", token)
    assert (answer.status, json.loads(answer.body)["parameter"]) == (400, twice.partition("=")[0])
