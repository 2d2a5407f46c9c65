"""A page of somebody else in a browser on this machine, which makes its own name mean 127.0.0.1."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.served_endpoint import Served, served


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("rebound")) as running:
        yield running


FOREIGN = [
    "evil.example.com",
    "evil.example.com:9470",
    "127.0.0.1.example.com",
    "localhost.example.com",
    "localhost@evil.example.com",
    "localhost:9470@evil.example.com",
    "192.0.2.1",
    "[2001:db8::1]:9470",
    "evil.example.com/localhost",
    "[",
]


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("path", ["/", "/metrics"])
def test_a_page_of_another_name_reads_neither_status_nor_metrics(
    endpoint: Served, path: str, host: str
) -> None:
    answer = endpoint.get(path, Host=host)
    assert answer.status == 421
    assert b"lpforwarder_up" not in answer.body
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9470", "127.0.0.1:9470", "127.8.7.6", "[::1]:9470"])
@pytest.mark.parametrize("path", ["/", "/metrics"])
def test_a_name_of_this_machine_is_as_good_as_any_other(endpoint: Served, path: str, host: str) -> None:
    assert endpoint.get(path, Host=host).status == 200


def test_who_has_a_token_or_only_asks_whether_we_live_may_come_through_any_proxy(endpoint: Served) -> None:
    assert endpoint.get("/healthz", Host="siem.example.com").status == 200
    assert endpoint.get("/v1/events", endpoint.token(), Host="siem.example.com").status == 200


def test_no_answer_lets_a_page_of_another_origin_read_it(endpoint: Served) -> None:
    for path in ("/", "/metrics", "/healthz", "/openapi.json", "/v1/events"):
        answer = endpoint.get(path, Origin="https://evil.example.com")
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
