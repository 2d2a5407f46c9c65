"""Requests with a body: answered if honest, and their connection ends."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from lpforwarder.endpoint.gate import Gate


async def answer(_: Request) -> Response:
    return PlainTextResponse("ok")


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=[Route("/", answer)], middleware=[Middleware(Gate)]))


def test_a_request_without_a_body_passes_untouched(client: TestClient) -> None:
    response = client.get("/")
    assert (response.text, response.headers.get("connection")) == ("ok", None)
    assert "connection" not in client.get("/", headers={"Content-Length": "0"}).headers


@pytest.mark.parametrize("headers", [{"Content-Length": "5"}, {"Transfer-Encoding": "chunked"}])
def test_one_with_a_body_is_answered_and_its_connection_ends(
    client: TestClient, headers: dict[str, str]
) -> None:
    response = client.get("/", headers=headers)
    assert (response.text, response.headers["connection"]) == ("ok", "close")


def test_one_that_says_twice_where_its_body_ends_is_refused(client: TestClient) -> None:
    response = client.get("/", headers={"Content-Length": "5", "Transfer-Encoding": "chunked"})
    assert (response.status_code, response.headers["connection"]) == (400, "close")
    assert response.headers["content-type"] == "application/problem+json"
