"""The last word of a handshake that fails: an alert for the client, one line for the log."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time

import pytest
from structlog.testing import capture_logs

from lpforwarder.endpoint.refusing import Handshake, Refusals
from tests.fakes.certificates import Certificates

ALERT = b"\x15"
"""The type of a TLS record."""


def server_tls(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server.cert_file, certificates.server.key_file)
    return context


def failed(handshake: Handshake, said: bytes) -> ssl.SSLError:
    """How a handshake ends after the client said that."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    line = handshake.wrap_bio(incoming, outgoing, server_side=True)
    with pytest.raises(ssl.SSLWantReadError):
        line.do_handshake()
    incoming.write(said)
    with pytest.raises(ssl.SSLError) as raised:
        line.do_handshake()
    return raised.value


def test_the_client_gets_the_alert_and_the_end_although_the_connection_is_closed_at_once(
    certificates: Certificates,
) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        handshake = Handshake(server_tls(certificates), ours)
        # A TLS record of a handshake, with nonsense in it.
        failed(handshake, b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00")
        ours.close()  # as asyncio does
        theirs.settimeout(10)
        assert theirs.recv(100).startswith(ALERT)
        assert theirs.recv(100) == b""
        theirs.sendall(b"what it had under way")  # and is not told that nobody is there
        theirs.close()
        asyncio.run(handshake.linger())
        handshake.close()


def test_it_knows_when_it_has_succeeded(certificates: Certificates) -> None:
    """Only until then the connection is the acceptor's to close."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        handshake = Handshake(server_tls(certificates), ours)
        there, here = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = handshake.wrap_bio(there, here, server_side=True)
        client = ssl.create_default_context(cafile=certificates.ca_file).wrap_bio(
            here, there, server_hostname="localhost"
        )
        with pytest.raises(ssl.SSLWantReadError):
            client.do_handshake()
        with pytest.raises(ssl.SSLWantReadError):
            server.do_handshake()
        assert not handshake.is_done
        client.do_handshake()
        server.do_handshake()
        assert handshake.is_done


def test_a_client_that_never_closes_is_not_waited_for_long(certificates: Certificates) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        handshake = Handshake(server_tls(certificates), ours)
        failed(handshake, b"GET / HTTP/1.1\r\n\r\n")
        began = time.monotonic()
        asyncio.run(handshake.linger())
        assert time.monotonic() - began < 5
        handshake.close()


def test_one_that_did_not_fail_has_nothing_to_say(certificates: Certificates) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        handshake = Handshake(server_tls(certificates), ours)
        asyncio.run(handshake.linger())
        handshake.close()


def test_reasons_are_said_in_words(certificates: Certificates) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, capture_logs() as logged:
        handshake = Handshake(server_tls(certificates), ours)
        Refusals().note(failed(handshake, b"GET / HTTP/1.1\r\n\r\n"), "192.0.2.1:4711")
        Refusals().note(ssl.SSLError(1, "of a kind nobody knows"), "[2001:db8::1]:4711")
        handshake.close()
    assert [(line["client"], line["reason"]) for line in logged] == [
        ("192.0.2.1:4711", "it speaks plain HTTP"),
        ("[2001:db8::1]:4711", "of a kind nobody knows"),
    ]


def test_each_address_has_its_own_measure() -> None:
    refusals = Refusals()
    with capture_logs() as logged:
        for port in range(20):
            refusals.note(ssl.SSLError(1, "x"), f"192.0.2.1:{port}")
        refusals.note(ssl.SSLError(1, "x"), "192.0.2.2:1")
    assert [line["log_level"] for line in logged] == ["warning"] * 5 + ["debug"] * 15 + ["warning"]
