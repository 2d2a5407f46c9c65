from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.certificates import CLIENT_NAME, Certificates, KeyPair, ServerTls, client_context
from tests.fakes.peers import Peer, Queue, Rsyslog, SyslogNg
from tests.fakes.received import Received

pytestmark = [pytest.mark.peers, pytest.mark.usefixtures("peers")]

Make = Callable[[Path, ServerTls | None], Peer]

PLAIN: dict[str, Make] = {
    "rsyslog": lambda folder, tls: Rsyslog(folder, tls=tls),
    "rsyslog-loaded": lambda folder, tls: Rsyslog(
        folder, tls=tls, queue=Queue(kind="LinkedList", slowdown_microseconds=1000), synced=True
    ),
    "syslog-ng": lambda folder, tls: SyslogNg(folder, tls=tls),
}
SECURE: dict[str, Make] = {
    "rsyslog-openssl": lambda folder, tls: Rsyslog(folder, tls=tls, driver="ossl"),
    "rsyslog-openssl-name": lambda folder, tls: Rsyslog(folder, tls=tls, permitted=(CLIENT_NAME,)),
    "rsyslog-gnutls": lambda folder, tls: Rsyslog(folder, tls=tls, driver="gtls"),
    "rsyslog-gnutls-name": lambda folder, tls: Rsyslog(
        folder, tls=tls, driver="gtls", permitted=(CLIENT_NAME,)
    ),
    "syslog-ng": lambda folder, tls: SyslogNg(folder, tls=tls),
}
plain = pytest.mark.parametrize("make", PLAIN.values(), ids=PLAIN.keys())
secure = pytest.mark.parametrize("make", SECURE.values(), ids=SECURE.keys())
versions = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])

HEADER = b"<110>1 2026-03-04T05:06:07.089Z fwd1.example.net lpforwarder 4711 itemchange "
ELEMENT = rb'[origin ip="192.0.2.7" software="a\"b\\c\]d"]'
PAYLOAD = '{"id":"7f1c0a52","itemName":"Öl\\tund = | ] \\\\ Essig","mfa":true}'.encode()
UNDERSTOOD = Received(
    pri=b"110",
    timestamp=b"2026-03-04T05:06:07.089Z",
    hostname=b"fwd1.example.net",
    app_name=b"lpforwarder",
    procid=b"4711",
    msgid=b"itemchange",
    structured_data=ELEMENT,
    message=PAYLOAD,
)


def counted(payload: bytes, element: bytes = b"-") -> bytes:
    message = HEADER + element + b" " + payload
    return b"%d %s" % (len(message), message)


def say(peer: Peer, octets: bytes) -> None:
    """Sends it all, half-closes, and waits for the peer to close."""
    with socket.create_connection(peer.address, timeout=30) as connection:
        connection.sendall(octets)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""


def say_over_tls(peer: Peer, octets: bytes, context: ssl.SSLContext) -> str | None:
    """The same with TLS; which version was spoken."""
    with (
        socket.create_connection(peer.address, timeout=30) as connection,
        context.wrap_socket(connection, server_hostname="127.0.0.1") as secured,
    ):
        spoken = secured.version()
        secured.sendall(octets)
        # GnuTLS answers our goodbye by just closing.
        with contextlib.suppress(ssl.SSLEOFError):
            secured.unwrap()
        return spoken


@plain
def test_a_peer_shows_the_parts_of_a_message_as_it_was_sent(make: Make, tmp_path: Path) -> None:
    with make(tmp_path, None) as peer:
        say(peer, counted(PAYLOAD, ELEMENT))
        peer.wait_for(1)
        peer.stop()

        assert peer.received() == [UNDERSTOOD]
        assert peer.ids() == ["7f1c0a52"]


@secure
def test_a_peer_shows_the_same_over_tls_with_a_client_certificate(
    make: Make, tmp_path: Path, certificates: Certificates
) -> None:
    tls = ServerTls(pair=certificates.server, client_ca=certificates.ca_file)
    with make(tmp_path, tls) as peer:
        say_over_tls(
            peer,
            counted(PAYLOAD, ELEMENT),
            client_context(certificates.ca_file, client=certificates.client),
        )
        peer.wait_for(1)
        peer.stop()

        assert peer.received() == [UNDERSTOOD]


@secure
@versions
def test_a_peer_speaks_only_the_tls_version_it_was_told(
    make: Make, version: ssl.TLSVersion, tmp_path: Path, certificates: Certificates
) -> None:
    tls = ServerTls(pair=certificates.server, client_ca=certificates.ca_file, version=version)
    either = client_context(certificates.ca_file, client=certificates.client)
    other = {ssl.TLSVersion.TLSv1_2: ssl.TLSVersion.TLSv1_3}.get(version, ssl.TLSVersion.TLSv1_2)
    wrong = client_context(certificates.ca_file, client=certificates.client, version=other)
    with make(tmp_path, tls) as peer:
        assert say_over_tls(peer, counted(PAYLOAD), either) == version.name.replace("_", ".")
        with pytest.raises(OSError, match=r"(?i)ssl|reset"):
            say_over_tls(peer, counted(PAYLOAD), wrong)

        peer.wait_for(1)
        peer.stop()
        assert len(peer.received()) == 1


@secure
def test_a_peer_takes_nothing_from_a_sender_whose_certificate_it_does_not_trust(
    make: Make, tmp_path: Path, certificates: Certificates
) -> None:
    tls = ServerTls(pair=certificates.server, client_ca=certificates.ca_file)
    strangers: list[KeyPair | None] = [None, certificates.stranger]
    with make(tmp_path, tls) as peer:
        for stranger in strangers:
            with contextlib.suppress(OSError):
                say_over_tls(peer, counted(PAYLOAD), client_context(certificates.ca_file, client=stranger))
        say_over_tls(
            peer, counted(b'{"id":"known"}'), client_context(certificates.ca_file, client=certificates.client)
        )
        peer.wait_for(1)
        peer.stop()

        assert peer.ids() == ["known"]


@plain
def test_octets_arrive_untouched_and_a_long_message_whole(make: Make, tmp_path: Path) -> None:
    payloads = [
        b"controls \x01\x1b\x7f and a tab \t stay",
        "ä € 𝄞 \u0085\u2028".encode(),
        b"\xff\xfe is no UTF-8",
        b"  spaces stay too  ",
        b"x" * 60_000,
    ]
    with make(tmp_path, None) as peer:
        say(peer, b"".join(counted(payload) for payload in payloads))
        peer.wait_for(len(payloads))

        assert [received.message for received in peer.received()] == payloads


@plain
@pytest.mark.parametrize("end", [Peer.kill, Peer.stop], ids=["killed", "stopped"])
def test_a_peer_starts_again_on_the_same_port_and_adds_to_its_file(
    make: Make, end: Callable[[Peer], None], tmp_path: Path
) -> None:
    with make(tmp_path, None) as peer:
        port = peer.port
        say(peer, counted(b'{"id":"before"}'))
        peer.wait_for(1)
        end(peer)
        with pytest.raises(ConnectionRefusedError):
            say(peer, counted(b'{"id":"meanwhile"}'))
        peer.start()
        say(peer, counted(b'{"id":"after"}'))
        peer.wait_for(2)

        assert peer.port == port
        assert peer.ids() == ["before", "after"]


def test_rsyslog_takes_newline_framing_as_well(tmp_path: Path) -> None:
    with Rsyslog(tmp_path) as peer:
        say(peer, HEADER + b"- " + PAYLOAD + b"\n")
        peer.wait_for(1)

        assert peer.received()[0].message == PAYLOAD


def test_a_configuration_that_a_peer_refuses_is_told_with_its_own_words(tmp_path: Path) -> None:
    missing = KeyPair(cert_file=tmp_path / "absent.pem", key_file=tmp_path / "absent.key")
    peer = SyslogNg(tmp_path, tls=ServerTls(pair=missing))
    with contextlib.closing(peer), pytest.raises(RuntimeError, match=r"absent\.key"):
        peer.start()
