"""`test-send`: every step in plain words, and nothing to a peer that was not verified."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.fakes.certificates import Certificates, KeyPair, ServerTls
from tests.fakes.collectors import CollectorProcess, Manners
from tests.fakes.daemon import lpforwarder
from tests.fakes.small_setup import collector, configured
from tests.fakes.strict_cef import read as read_cef
from tests.fakes.strict_rfc5424 import read as read_rfc5424
from tests.fakes.wished_events import WISHED


def texts(receiver: CollectorProcess, mark: str, within: float = 10.0) -> list[str]:
    """The `message` of both messages, each of which carries the mark."""
    receiver.wait_for(2, within)
    events = [json.loads(read_rfc5424(line.replace(rb"\\n", rb"\n")).msg) for line in receiver.lines()]
    assert [event["testId"] for event in events] == [mark, mark]
    assert len({event["id"] for event in events}) == 2
    assert {event["eventType"] for event in events} == {"test"}
    return [event["message"] for event in events]


def test_test_send_needs_no_configuration(receiver: CollectorProcess, tmp_path: Path) -> None:
    done = lpforwarder(
        tmp_path, "test-send", "--to", f"127.0.0.1:{receiver.port}", "--no-tls", "--id", "HERE-1"
    )
    assert done.returncode == 0, done.stderr
    assert all("HERE-1" in text for text in texts(receiver, "HERE-1"))
    said = done.stdout.decode()
    for step in ("name lookup", "connect", "message 1", "message 2", "linger", "HERE-1"):
        assert step in said


def test_test_send_speaks_as_the_configured_collector_does(
    certificates: Certificates, tmp_path: Path
) -> None:
    tls = ServerTls(pair=certificates.server, client_ca=certificates.ca_file)
    client = certificates.client
    files = {"ca_file": certificates.ca_file, "cert_file": client.cert_file, "key_file": client.key_file}
    with CollectorProcess(tmp_path / "receiver", tls=tls) as receiver:
        far = collector(
            receiver.port, transport="tls", tls={key: str(path) for key, path in files.items()}, format="cef"
        )
        with configured(tmp_path, WISHED, [far]) as daemon:
            done = daemon.command("test-send", "--id", "HERE-2", "--json")
            assert done.returncode == 0, done.stderr
            receiver.wait_for(2)
            told = json.loads(done.stdout)
            assert (told["version"], told["id"]) == (1, "HERE-2")
            assert [one["ok"] for one in told["collectors"]] == [True]
            assert not (daemon.folder / "journal.db").exists()
        messages = [read_cef(read_rfc5424(line).msg) for line in receiver.lines()]
        assert ["HERE-2" in message.extension["msg"] for message in messages] == [True, True]


def test_test_send_ends_with_3_when_no_collector_and_with_4_when_only_some_took_it(
    receiver: CollectorProcess, nobody: int, tmp_path: Path
) -> None:
    far = [collector(receiver.port, name="good"), collector(nobody, name="bad")]
    with configured(tmp_path, WISHED, far) as daemon:
        some = daemon.command("test-send", "--id", "HERE-3")
        assert some.returncode == 4
        assert b"1 of 2 collectors took the test." in some.stdout
        assert b"error[LPF202] bad: " in some.stderr
        none = daemon.command("test-send", "--collector", "bad")
        assert none.returncode == 3
        assert b"0 of 1 collectors took the test." in none.stdout
        one = daemon.command("test-send", "--collector", "good")
        assert one.returncode == 0
        unknown = daemon.command("test-send", "--collector", "goood")
        assert (unknown.returncode, b"did you mean 'good'?" in unknown.stderr) == (2, True)


BAD_PEERS = {
    "expired": ("LPF205", "certificate expired on "),
    "not_yet_valid": ("LPF205", "certificate is not valid before "),
    "wrong_name": (
        "LPF204",
        'the certificate is not for "127.0.0.1"\n'
        "   found  the certificate names other.example.net\n"
        "   fix    host: other.example.net\n"
        "   or     keep the address and add   tls: {server_name: other.example.net}\n",
    ),
}


@pytest.mark.parametrize("name", BAD_PEERS)
def test_a_bad_certificate_is_named_in_plain_words_and_its_owner_gets_nothing(
    name: str, certificates: Certificates, tmp_path: Path
) -> None:
    code, words = BAD_PEERS[name]
    pair: KeyPair = getattr(certificates, name)
    refused(tmp_path, ServerTls(pair=pair), certificates.ca_file, code, words)


def test_an_unknown_authority_is_named_in_plain_words_and_gets_nothing(
    certificates: Certificates, tmp_path: Path
) -> None:
    tls = ServerTls(pair=certificates.server)
    refused(tmp_path, tls, certificates.other_ca_file, "LPF206", "which this machine does not trust")


def test_a_missing_client_certificate_is_named_in_plain_words(
    certificates: Certificates, tmp_path: Path
) -> None:
    tls = ServerTls(pair=certificates.server, client_ca=certificates.ca_file)
    words = "the collector wants a client certificate; none is configured"
    refused(tmp_path, tls, certificates.ca_file, "LPF208", words)


def test_a_port_without_tls_is_named_in_plain_words(certificates: Certificates, tmp_path: Path) -> None:
    # It says something of its own, which ends the wait; silence is given up after ten seconds.
    refused(tmp_path, None, certificates.ca_file, "LPF209", "does not speak TLS\n   found  ")


def refused(folder: Path, tls: ServerTls | None, ca_file: Path, code: str, words: str) -> None:
    """`test-send` over TLS fails like this, says what to do, and no message arrives."""
    manners = Manners(garbage=0 if tls else 400)
    with CollectorProcess(folder / "receiver", tls=tls, manners=manners) as receiver:
        address = f"127.0.0.1:{receiver.port}"
        done = lpforwarder(folder, "test-send", "--to", address, "--ca-file", str(ca_file))
        said = done.stderr.decode()
        assert done.returncode == 3
        assert said.startswith(f"error[{code}] test: ")
        assert words in said
        assert "\n   fix    " in said
        receiver.wait_until_idle()
        assert [line for line in receiver.lines() if b"lpforwarder test message" in line] == []


def test_a_pinned_certificate_needs_no_authority_and_another_one_gets_nothing(
    certificates: Certificates, tmp_path: Path
) -> None:
    for name, pinned, expected in (
        ("right", certificates.server, 0),
        ("wrong", certificates.wrong_name, 3),
    ):
        with CollectorProcess(tmp_path / name, tls=ServerTls(pair=certificates.server)) as receiver:
            far = collector(receiver.port, transport="tls", tls={"fingerprints": [fingerprint(pinned)]})
            folder = tmp_path / f"{name}-daemon"
            folder.mkdir()
            with configured(folder, WISHED, [far]) as daemon:
                done = daemon.command("test-send", "--id", "HERE-4")
            receiver.wait_until_idle()
            arrived = len(receiver.lines())
            assert (done.returncode, arrived) == (expected, 0 if expected else 2), done.stderr


def fingerprint(pair: KeyPair) -> str:
    done = subprocess.run(
        ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", str(pair.cert_file)],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return done.stdout.strip()
