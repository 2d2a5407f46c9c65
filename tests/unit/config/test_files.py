from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import trustme

from lpforwarder.config import files
from lpforwarder.config.options import Finding
from tests.fakes.authority import Authority, ca_pem
from tests.fakes.pipes import pipe, without_waiting


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def pair(tmp_path: Path, authority: trustme.CA) -> tuple[Path, Path]:
    made = authority.issue_cert("client.example.net")
    cert, key = tmp_path / "client.pem", tmp_path / "client.key"
    made.cert_chain_pems[0].write_to_path(cert)
    made.private_key_pem.write_to_path(key)
    key.chmod(0o600)
    return cert, key


def found(cert: Path | None, key: Path | None) -> list[tuple[str, str]]:
    return [(f.key, f.code) for f in files.key_pair(cert, key, keys=("cert_file", "key_file"))]


def first(findings: list[Finding]) -> str:
    return findings[0].what


def test_a_certificate_with_its_key_is_fine(pair: tuple[Path, Path]) -> None:
    assert found(*pair) == []


def test_nothing_named_is_nothing_to_check() -> None:
    assert found(None, None) == []
    assert not list(files.authorities(None, key="ca_file"))


def test_an_authority_in_pem_form_is_fine(tmp_path: Path, authority: trustme.CA) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    assert not list(files.authorities(tmp_path / "ca.pem", key="ca_file"))


def test_a_file_that_is_missing_empty_or_no_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    parts = {
        "no": "does not exist",
        "empty": "holds no certificate",
        "": "is not a file",
        "pipe": "is not a file",
    }
    for name, part in parts.items():
        assert part in first(list(files.authorities(tmp_path / name, key="ca_file")))


def test_a_key_of_another_certificate_is_noticed(
    pair: tuple[Path, Path], authority: trustme.CA, tmp_path: Path
) -> None:
    other = tmp_path / "other.key"
    authority.issue_cert("other.example.net").private_key_pem.write_to_path(other)
    other.chmod(0o600)
    assert found(pair[0], other) == [("key_file", "LPF119")]


def test_a_certificate_without_a_key_anywhere_is_noticed(pair: tuple[Path, Path]) -> None:
    assert found(pair[0], None) == [("cert_file", "LPF119")]


def test_a_key_that_is_no_key_is_noticed(pair: tuple[Path, Path]) -> None:
    pair[1].write_text("not a key")
    assert found(*pair) == [("key_file", "LPF119")]


def test_a_certificate_that_is_none_is_noticed(pair: tuple[Path, Path]) -> None:
    pair[0].write_text("not a certificate")
    assert found(*pair) == [("cert_file", "LPF119")]


@pytest.mark.parametrize(
    ("mode", "who"), [(0o640, "its group"), (0o604, "everyone here"), (0o660, "its group")]
)
def test_a_key_that_others_can_read_is_a_permission_problem(
    pair: tuple[Path, Path], mode: int, who: str
) -> None:
    pair[1].chmod(mode)
    (finding,) = files.key_pair(*pair, keys=("cert_file", "key_file"))
    assert finding.code == "LPF110"
    assert who in finding.what
    assert not finding.note


def test_a_certificate_with_its_key_inside_is_a_secret_too(pair: tuple[Path, Path]) -> None:
    pair[0].write_bytes(pair[0].read_bytes() + pair[1].read_bytes())
    pair[0].chmod(0o644)
    assert found(pair[0], None) == [("cert_file", "LPF110")]
    pair[0].chmod(0o400)
    assert found(pair[0], None) == []


def test_a_key_with_a_password_is_refused_and_nobody_is_asked(pair: tuple[Path, Path]) -> None:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    key = load_pem_private_key(pair[1].read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    pair[1].write_bytes(locked)
    assert found(*pair) == [("key_file", "LPF119")]
    assert why_not(*pair) == f"{pair[1]} is locked with a passphrase, and there is nobody to ask"


def why_not(cert: Path, key: Path | None, ca: Path | None = None) -> str | None:
    """What keeps them from being used, when somebody has just found that something does."""
    finding = files.unusable(ca, cert, key)
    return finding.what if finding else None


def test_files_that_cannot_be_used_are_named_with_what_is_wrong(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    cert, key = pair
    torn, absent, stranger = tmp_path / "torn.pem", tmp_path / "absent.key", trustme.CA()
    torn.write_bytes(cert.read_bytes()[:200])
    assert why_not(*pair) is None
    assert why_not(torn, key) == f"{torn} holds no certificate in PEM form"
    assert why_not(cert, torn) == f"{torn} holds no private key that can be read"
    assert why_not(cert, absent) == f"{absent} does not exist"
    assert why_not(cert, key, torn) == f"{torn} holds no certificate in PEM form"
    assert why_not(cert, None) == f"{cert} holds no private key that can be read"
    stranger.issue_cert("x.example.net").private_key_pem.write_to_path(tmp_path / "other.key")
    (tmp_path / "other.key").chmod(0o600)
    assert why_not(cert, tmp_path / "other.key") == f"{tmp_path / 'other.key'} is not the key of {cert}"
    key.chmod(0o644)  # a fault, but none that keeps them from being used
    assert why_not(*pair) is None


@pytest.mark.parametrize(("days", "told"), [(1.5, "expires in 1 day"), (0.5, "expires within a day")])
def test_the_last_days_of_a_certificate_are_told_in_good_english(
    tmp_path: Path, days: float, told: str
) -> None:
    made = Authority(tmp_path / "ca").server(days=days)
    notes = [
        one.what for one in files.key_pair(made.cert_file, made.key_file, keys=("cert_file", "key_file"))
    ]
    assert notes == [f"{made.cert_file} {told}"]


def test_an_empty_or_exposed_secret_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "acme.secret"
    secret.write_text(" \n")
    secret.chmod(0o600)
    assert [finding.code for finding in files.secret(secret, key="secret_file")] == ["LPF111"]
    secret.write_text("x")
    assert not list(files.secret(secret, key="secret_file"))
    secret.chmod(0o644)
    assert [finding.code for finding in files.secret(secret, key="secret_file")] == ["LPF110"]


def test_a_certificate_that_ends_within_a_month_gets_a_note(tmp_path: Path) -> None:
    ca = trustme.CA()
    soon = datetime.now(UTC) + timedelta(days=10, hours=1)
    leaf = ca.issue_cert("forwarder.example.net", not_after=soon)
    pair = tmp_path / "client.pem"
    pair.touch(mode=0o600)
    leaf.private_key_and_cert_chain_pem.write_to_path(pair)
    found = list(files.key_pair(pair, None, keys=("cert_file", "key_file")))
    assert [(finding.note, finding.what) for finding in found] == [(True, f"{pair} expires in 10 days")]


def notes(path: Path, *certificates: bytes) -> list[str]:
    path.write_bytes(b"".join(certificates))
    found = list(files.authorities(path, key="ca_file"))
    assert all(finding.note and finding.code == "LPF205" for finding in found)
    return [finding.what.removeprefix(f"{path}: ") for finding in found]


def test_an_authority_that_ends_within_a_month_gets_a_note(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    assert notes(path, ca_pem("A", days=10.5), ca_pem("B", days=90), ca_pem("C", days=-2)) == [
        "the CA 'CN=A' expires in 10 days",
        "the CA 'CN=C' has expired",
    ]


def test_an_authority_whose_successor_stands_beside_it_gets_none(tmp_path: Path) -> None:
    assert notes(tmp_path / "ca.pem", ca_pem("A", days=10), ca_pem("A", days=900)) == []


def test_a_systems_whole_store_gets_none(tmp_path: Path) -> None:
    assert notes(tmp_path / "ca.pem", *(ca_pem(f"CA {number}", days=5) for number in range(8))) == []


def test_a_server_that_is_its_own_authority_gets_one_too(tmp_path: Path) -> None:
    """It need not say that it is an authority, and OpenSSL then leaves it out of its list of them."""
    soon = datetime.now(UTC) + timedelta(days=10, hours=1)
    leaf = trustme.CA().issue_cert(common_name="siem.example.net", not_after=soon)
    found = notes(tmp_path / "ca.pem", ca_pem("A", days=90), leaf.cert_chain_pems[0].bytes())
    assert len(found) == 1
    assert found[0].endswith("expires in 10 days")


def test_authorities_that_are_good_for_long_are_not_taken_apart(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(ca_pem("A", days=90))
    program = (
        "import sys, pathlib; from lpforwarder.config import files; "
        "assert not list(files.authorities(pathlib.Path(sys.argv[1]), key='ca_file')); "
        "assert 'cryptography' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True)


@pytest.mark.parametrize("name", ["pipe", "folder", "device", "absent"])
def test_what_is_no_file_is_refused_before_anybody_opens_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "good").write_bytes(b"content")
    (tmp_path / "folder").mkdir()
    (tmp_path / "device").symlink_to("/dev/null")
    waits = pipe(tmp_path / "pipe")
    files.require_files(None, tmp_path / "good")
    assert files.content(tmp_path / "good") == b"content"
    for refuse in (lambda path: files.require_files(tmp_path / "good", path), files.content):
        with pytest.raises(OSError, match=name):
            without_waiting(partial(refuse, tmp_path / name), waits)
