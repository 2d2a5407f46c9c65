"""Bearer tokens in headers."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from lpforwarder.endpoint.access import bearer_of, client_of


def request(authorization: str | None, client: tuple[str, int] | None = ("192.0.2.1", 5)) -> Request:
    headers = [] if authorization is None else [(b"authorization", authorization.encode())]
    return Request({"type": "http", "headers": headers, "client": client})


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Basic abc", ""),
        ("abc", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_the_token_is_read_from_the_header(header: str | None, expected: str) -> None:
    assert bearer_of(request(header)) == expected


def test_the_client_is_known_by_its_address() -> None:
    assert client_of(request(None)) == "192.0.2.1"
    assert client_of(request(None, None)) == ""
