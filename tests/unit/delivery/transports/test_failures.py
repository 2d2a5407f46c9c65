"""What people are told when a link fails: the code, the reason, and what to do."""

from __future__ import annotations

import errno
import os
import socket
import ssl

import pytest

from lpforwarder.delivery.transports import failures
from lpforwarder.errors import Blocked, Transient

PEER = "192.0.2.1:6514"


def tls_error(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, f"[SSL: {reason}]")
    error.reason = reason
    return error


def refused_certificate(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, "as OpenSSL says"
    return error


@pytest.mark.parametrize(
    ("code", "expected", "words"),
    [
        (errno.ECONNREFUSED, "LPF202", "nobody listens"),
        (errno.ETIMEDOUT, "LPF203", "usually by a firewall"),
        (errno.ENETUNREACH, "LPF203", "Network is unreachable"),
        (errno.EMFILE, "LPF203", "Too many open files"),
    ],
)
def test_a_failed_connect_says_which_kind_it_is(code: int, expected: str, words: str) -> None:
    failure = failures.unreachable(PEER, code)
    assert failure.code == expected
    assert words in failure.what
    assert PEER in failure.what


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (errno.ECONNRESET, "LPF214"),
        (errno.EPIPE, "LPF214"),
        (errno.ETIMEDOUT, "LPF220"),
        (errno.EHOSTUNREACH, "LPF220"),
        (errno.EBADF, "LPF214"),
    ],
)
def test_a_broken_link_is_mended_by_time(code: int, expected: str) -> None:
    assert failures.lost(PEER, OSError(code, os.strerror(code))).code == expected


def test_the_ends_of_a_link_have_codes_and_words_of_their_own() -> None:
    ends = [
        failures.hung_up(PEER),
        failures.unread(PEER),
        failures.lost(PEER, OSError(errno.ECONNRESET, "reset")),
        failures.silent(PEER, 25.0),
        failures.stalled(PEER),
    ]
    assert len({end.code for end in ends}) == len({end.what for end in ends}) == 5
    assert all(PEER in end.what and end.fix for end in ends)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "no name server knows it"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), "no name server answers"),
        (socket.gaierror(socket.EAI_FAIL, "Non-recoverable failure"), "Non-recoverable failure"),
        (UnicodeError("too long"), "not a valid host name"),
    ],
)
def test_a_name_that_nobody_knows_is_not_a_name_server_that_is_down(error: ValueError, words: str) -> None:
    failure = failures.unresolved("siem.example.net", error)
    assert failure.code == "LPF201"
    assert words in failure.what
    assert "siem.example.net" in failure.what


def test_of_several_addresses_each_is_told_and_a_refusal_counts_most() -> None:
    refused = failures.unreachable("[2001:db8::1]:6514", errno.ECONNREFUSED)
    silent = failures.unreachable(PEER, errno.ETIMEDOUT)
    told = failures.none_answered([silent, refused])
    assert (told.code, told.fix) == (refused.code, refused.fix)
    assert refused.what in told.what
    assert silent.what in told.what
    assert "and 2 more" in failures.none_answered([silent] * 5).what
    assert failures.none_answered([silent]) is silent


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "LPF208"),
        ("TLSV1_ALERT_UNKNOWN_CA", "LPF208"),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", "LPF208"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "LPF208"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "LPF216"),
        ("UNSUPPORTED_PROTOCOL", "LPF216"),
        ("WRONG_VERSION_NUMBER", "LPF209"),
        ("RECORD_LAYER_FAILURE", "LPF209"),
    ],
)
def test_a_refused_handshake_waits_for_a_person(reason: str, expected: str) -> None:
    failure = failures.broken_tls(tls_error(reason), PEER)
    assert isinstance(failure, Blocked)
    assert failure.code == expected
    assert failure.fix
    assert "_" not in failure.what


def test_a_refusal_before_any_greeting_is_about_ciphers_and_not_about_our_certificate() -> None:
    failure = failures.broken_tls(tls_error("SSLV3_ALERT_HANDSHAKE_FAILURE"), PEER, greeted=False)
    assert (type(failure), failure.code) == (Blocked, "LPF216")
    assert "no TLS cipher in common" in failure.what
    assert "certificate" not in failure.what + failure.fix


def test_an_unknown_tls_error_is_tried_again() -> None:
    failure = failures.broken_tls(tls_error("BAD_SIGNATURE"), PEER)
    assert isinstance(failure, Transient)
    assert (failure.code, failure.what) == ("LPF217", f"TLS with {PEER} failed: bad signature")


def test_what_openssl_says_is_told_in_words() -> None:
    failure = failures.broken_tls(tls_error("UNEXPECTED_EOF_WHILE_READING"), PEER)
    assert failure.what == f"TLS with {PEER} failed: the far side hung up in the middle"


def test_a_verified_peer_whose_stream_is_damaged_later_is_tried_again() -> None:
    for reason in ("WRONG_VERSION_NUMBER", "SSLV3_ALERT_HANDSHAKE_FAILURE"):
        failure = failures.broken_tls(tls_error(reason), PEER, established=True)
        assert isinstance(failure, Transient)


def test_a_client_certificate_is_refused_after_the_handshake_too() -> None:
    failure = failures.broken_tls(tls_error("TLSV13_ALERT_CERTIFICATE_REQUIRED"), PEER, established=True)
    assert (type(failure), failure.code) == (Blocked, "LPF208")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (62, "LPF204"),
        (64, "LPF204"),
        (9, "LPF205"),
        (10, "LPF205"),
        (18, "LPF206"),
        (19, "LPF206"),
        (20, "LPF206"),
        (79, "LPF207"),
        (89, "LPF207"),
        (26, "LPF206"),
    ],
)
def test_a_refused_certificate_waits_for_a_person(code: int, expected: str) -> None:
    failure = failures.broken_tls(refused_certificate(code), PEER)
    assert isinstance(failure, Blocked)
    assert failure.code == expected


def test_expired_and_not_yet_valid_are_told_apart() -> None:
    expired = failures.broken_tls(refused_certificate(10), PEER)
    early = failures.broken_tls(refused_certificate(9), PEER)
    assert "expired" in expired.what
    assert "not valid yet" in early.what
    assert "clock" in early.fix
