"""OpenSSL's reasons in words: those that happen for real first, the table after them."""

from __future__ import annotations

import contextlib
import re
import ssl
from pathlib import Path

import pytest

from lpforwarder.config.openssl import certificate_fault, connection_fault, plain
from tests.fakes.authority import Authority
from tests.fakes.certificates import SERVER_NAME, KeyPair

OTHER = "other.example.net"


def refused(ca_file: Path, server: KeyPair, name: str) -> ssl.SSLCertVerificationError:
    """What a client says that trusts `ca_file` alone and asks that server for `name`."""
    ours, theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_verify_locations(ca_file)
    theirs.load_cert_chain(server.cert_file, server.key_file)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ours.wrap_bio(down, up, server_hostname=name)
    line = theirs.wrap_bio(up, down, server_side=True)
    with pytest.raises(ssl.SSLCertVerificationError) as raised:
        shake_hands(client, line)
    return raised.value


def shake_hands(*sides: ssl.SSLObject) -> None:
    for side in sides * 9:
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()


@pytest.mark.parametrize(
    ("days", "name", "is_known", "told"),
    [
        (-1.0, "", True, "it has expired"),
        (9.0, OTHER, True, "it is for another name"),
        (9.0, "192.0.2.9", True, "it is for another address"),
        (9.0, "", False, "its authority is not known here"),
    ],
)
def test_a_certificate_that_is_refused_for_real(
    tmp_path: Path, days: float, name: str, is_known: bool, told: str
) -> None:
    ours, another = Authority(tmp_path / "ours"), Authority(tmp_path / "another", "another")
    server = ours.server(days=days)
    trusted = ours if is_known else another
    assert certificate_fault(refused(trusted.ca_file, server, name or SERVER_NAME)) == told


def unverified(code: int, message: str = "as OpenSSL says") -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "verify failed")
    error.verify_code, error.verify_message = code, message
    return error


@pytest.mark.parametrize("code", [2, 9, 10, 18, 19, 20, 21, 23, 26, 62, 64, 66, 67, 68, 79])
def test_a_certificate_is_told_about_in_words(code: int) -> None:
    assert re.fullmatch(r"(it|its) [a-z' ,-]+", certificate_fault(unverified(code)))


def test_what_breaks_a_rule_or_is_not_in_the_table_keeps_the_words_of_openssl() -> None:
    assert certificate_fault(unverified(89)) == "its chain breaks a rule of RFC 5280 (as OpenSSL says)"
    assert certificate_fault(unverified(5)) == "as OpenSSL says"


def failed(reason: str | None, text: str = "[SSL] PEM lib (_ssl.c:3905)") -> ssl.SSLError:
    error = ssl.SSLError(1, text)
    if reason is not None:
        error.reason = reason
    return error


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("UNEXPECTED_EOF_WHILE_READING", "the far side hung up in the middle"),
        ("DECRYPTION_FAILED_OR_BAD_RECORD_MAC", "something on the way changes what is sent"),
        ("BAD_SIGNATURE", "bad signature"),
        (None, "pem lib"),
    ],
)
def test_a_connection_that_failed_is_told_about_in_words(reason: str | None, told: str) -> None:
    assert connection_fault(failed(reason)) == told


def test_an_error_without_brackets_is_passed_on() -> None:
    assert connection_fault(failed(None, "Nobody knows")) == "nobody knows"
    assert plain("A_B") == "a b"
