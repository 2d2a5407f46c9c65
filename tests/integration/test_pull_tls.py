"""Clients that TLS keeps out: openssl's own client is told why, and the log names each once."""

from __future__ import annotations

import logging
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from lpforwarder.endpoint.credentials import Credentials
from tests.fakes.certificates import Certificates
from tests.fakes.served_endpoint import Served, served, wait_until

Lines = list[MutableMapping[str, Any]]


@pytest.fixture
def logged() -> Iterator[Lines]:
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def endpoint(tmp_path: Path, certificates: Certificates, logged: Lines) -> Iterator[Served]:
    pair = certificates.server
    with served(
        tmp_path, credentials=Credentials(pair.cert_file, pair.key_file, certificates.ca_file)
    ) as made:
        yield made


def openssl(endpoint: Served, certificates: Certificates, *options: str) -> str:
    """What `openssl s_client` says; it asks for `/healthz`, and waits for the far side to close."""
    address = f"127.0.0.1:{endpoint.port}"
    command = ["openssl", "s_client", "-connect", address, "-servername", "localhost", "-ign_eof"]
    done = subprocess.run(
        [*command, "-CAfile", str(certificates.ca_file), *options],
        input=b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=30,
        check=False,
    )
    return done.stdout.decode(errors="replace")


def with_certificate(pair: Any) -> list[str]:
    return ["-cert", str(pair.cert_file), "-key", str(pair.key_file)]


def refused(logged: Lines) -> Lines:
    return [line for line in logged if line["event"] == "endpoint.handshake_refused"]


REFUSED: dict[str, tuple[Callable[[Certificates], list[str]], str, str]] = {
    "no certificate, TLS 1.3": (
        lambda _: ["-tls1_3"],
        "alert certificate required",
        "it shows no certificate",
    ),
    "no certificate, TLS 1.2": (lambda _: ["-tls1_2"], "alert handshake failure", "it shows no certificate"),
    "another authority": (
        lambda some: with_certificate(some.stranger),
        "alert unknown ca",
        "its certificate is not taken: ",
    ),
    "an old version": (
        lambda _: ["-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"],
        "alert protocol version",
        "it speaks no TLS 1.2 or newer",
    ),
    "no cipher in common": (
        lambda _: ["-tls1_2", "-cipher", "NULL:@SECLEVEL=0"],
        "alert handshake failure",
        "it has no cipher in common with us",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_who_is_refused_gets_an_alert_and_our_log_one_line(
    endpoint: Served, certificates: Certificates, logged: Lines, kind: str
) -> None:
    options, alert, reason = REFUSED[kind]
    for _ in range(3):
        assert alert in openssl(endpoint, certificates, *options(certificates))
    wait_until(lambda: len(refused(logged)) >= 3)
    lines = refused(logged)
    assert len(lines) == 3
    for line in lines:
        assert (line["log_level"], line["code"]) == ("warning", "LPF534")
        assert line["reason"].startswith(reason)
        assert line["client"].startswith("127.0.0.1:")
    assert "ok" in openssl(endpoint, certificates, *with_certificate(certificates.client)).splitlines()


def test_who_does_not_take_our_certificate_is_named(endpoint: Served, logged: Lines) -> None:
    with (
        socket.create_connection(("127.0.0.1", endpoint.port), timeout=10) as plain,
        pytest.raises(ssl.SSLError),
    ):
        ssl.create_default_context().wrap_socket(plain, server_hostname="localhost")
    wait_until(lambda: bool(refused(logged)))
    assert refused(logged)[0]["reason"] == "it does not know the authority of our certificate"


def test_who_speaks_plain_http_is_named(endpoint: Served, logged: Lines) -> None:
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=10) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"HTTP" not in line.recv(1000)
    wait_until(lambda: bool(refused(logged)))
    assert refused(logged)[0]["reason"] == "it speaks plain HTTP"


def test_one_that_tries_for_ever_does_not_fill_the_log(
    endpoint: Served, logged: Lines, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", endpoint.port), timeout=10) as line:
            line.sendall(b"GET / HTTP/1.1\r\n\r\n")
            line.recv(1000)
    wait_until(lambda: len(refused(logged)) == 50)
    levels = [line["log_level"] for line in refused(logged)]
    assert levels == ["warning"] * 5 + ["debug"] * 45
    assert caplog.records == []


def test_who_only_looks_whether_the_port_is_open_is_no_news(endpoint: Served, logged: Lines) -> None:
    for _ in range(5):
        socket.create_connection(("127.0.0.1", endpoint.port), timeout=10).close()
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=10) as line:
        line.sendall(b"SSH-2.0-somebody\r\n")
        line.recv(1000)
    wait_until(lambda: bool(refused(logged)))
    assert len(refused(logged)) == 1
