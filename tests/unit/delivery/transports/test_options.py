from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from lpforwarder.delivery.transports.options import TcpOptions, TlsOptions, TlsSettings

DIGEST = "ab" * 32
PRINT = "sha-256:" + ":".join(["AB"] * 32)


def read(model: type[TcpOptions], **values: object) -> TcpOptions:
    return model.model_validate({"host": "siem.example.net", **values}, context={"folder": Path("/etc/lp")})


def tls(**values: object) -> TlsSettings:
    return TlsSettings.model_validate(values, context={"folder": Path("/etc/lp")})


def test_ports_are_the_usual_ones_of_each_transport() -> None:
    assert (read(TcpOptions).port, read(TlsOptions).port) == (601, 6514)


def test_tls_knows_octet_counting_only() -> None:
    assert read(TcpOptions, framing="newline").framing == "newline"
    with pytest.raises(ValidationError):
        read(TlsOptions, framing="newline")


@pytest.mark.parametrize(
    "host", ["siem.example.net", "10.0.0.1", "::1", "fe80::1%eth0", "a_b", "münchen.example"]
)
def test_a_host_is_a_name_or_an_address(host: str) -> None:
    assert read(TcpOptions, host=host).host == (host,)
    assert read(TcpOptions, host=[host, "b"]).host == (host, "b")


@pytest.mark.parametrize(
    "host", ["", "a b", "tcp://a", "a:514", "[::1]:514", "[::1]", "a/b", "me@a", [], ["a:1"], 5, "x" * 254]
)
def test_what_is_no_host_is_refused(host: object) -> None:
    with pytest.raises(ValidationError):
        read(TcpOptions, host=host)


def test_switching_verification_off_needs_a_second_word() -> None:
    with pytest.raises(ValidationError, match="anybody could read the log"):
        tls(verify=False)
    made = tls(verify=False, allow_insecure=True)
    assert [finding.code for finding in made.advice()] == ["LPF121"]


def test_a_key_needs_a_certificate() -> None:
    with pytest.raises(ValidationError, match="cert_file"):
        tls(key_file="a.key")
    assert tls(key_file="a.key", cert_file="a.pem").key_file == Path("/etc/lp/a.key")


def test_words_mean_none() -> None:
    made = tls(ca_file="system", server_name="host", cert_file="none", key_file="none", strict_ca="auto")
    assert made == TlsSettings()
    assert tls(strict_ca=False).strict_ca is False


@pytest.mark.parametrize(
    "text",
    [
        f"sha-256:{DIGEST}",
        f"SHA256:{DIGEST.upper()}",
        PRINT,
        "sha256 Fingerprint=" + ":".join(["AB"] * 32),
    ],
)
def test_fingerprints_are_taken_in_every_usual_spelling(text: str) -> None:
    assert tls(fingerprints=[text]).fingerprints == (PRINT,)


@pytest.mark.parametrize("text", ["", DIGEST, "sha-256:ab", f"md5:{'ab' * 16}", f"sha-256:{'zz' * 32}"])
def test_what_is_no_fingerprint_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        tls(fingerprints=[text])


def test_a_weak_fingerprint_is_worth_a_note() -> None:
    assert [finding.key for finding in tls(fingerprints=["sha-1:" + "ab" * 20]).advice()] == ["fingerprints"]


def test_an_unencrypted_link_is_worth_a_note_unless_it_stays_on_this_machine() -> None:
    assert [finding.key for finding in read(TcpOptions).advice()] == ["host"]
    for host in ("localhost", "127.0.0.1", "::1"):
        assert not list(read(TcpOptions, host=host).advice())
    assert not list(read(TlsOptions).advice())


def test_a_port_with_a_digit_too_many_is_worth_a_note() -> None:
    (finding,) = read(TlsOptions, port=65140).advice()
    assert (finding.code, finding.fix) == ("LPF102", "did you mean 6514?")


def test_files_are_looked_at(tmp_path: Path) -> None:
    made = tls(ca_file=str(tmp_path / "ca.pem"), cert_file=str(tmp_path / "c.pem"))
    assert [finding.key for finding in made.check_files()] == ["ca_file", "cert_file"]
