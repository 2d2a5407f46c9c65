"""Bearer tokens in headers."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from lpforwarder.endpoint.access import bearer_of, client_of, is_misdirected


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


@pytest.mark.parametrize(
    ("server", "host", "expected"),
    [
        ("127.0.0.1", "localhost:9470", False),
        ("127.0.0.1", "127.0.0.5", False),
        ("::1", "[::1]:9470", False),
        ("127.0.0.1", "evil.example.com", True),
        ("::1", "evil.example.com:9470", True),
        ("127.0.0.1", "localhost@evil.example.com", True),
        ("127.0.0.1", "", False),  # HTTP/1.0: no browser
        ("192.0.2.1", "siem.example.com", False),  # off loopback there is TLS
    ],
)
def test_a_foreign_name_over_loopback_is_misdirected(server: str, host: str, expected: bool) -> None:
    headers = [(b"host", host.encode())] if host else []
    asked = Request({"type": "http", "headers": headers, "server": (server, 9470)})
    assert is_misdirected(asked) is expected
