"""From settings to what a worker is made of."""

from __future__ import annotations

import io
import socket
from pathlib import Path

import structlog

from lpforwarder.building import digests, encoder_for, own_hostname, privacy_of
from lpforwarder.event import Entry, Event, Seq
from lpforwarder.privacy import Privacy
from lpforwarder.runtime import logs
from lpforwarder.settings import decode
from tests.fakes.pipes import pipe, without_waiting


def test_a_renewed_certificate_is_a_change(tmp_path: Path) -> None:
    settings = decode(
        "sources: [{name: a, type: sample}]\n"
        "collectors: [{name: b, host: h.example.net, tls: {ca_file: ca.pem}}]\n",
        tmp_path / "c.yaml",
    )
    without = digests(settings.collectors[0])
    (tmp_path / "ca.pem").write_text("one")
    first = digests(settings.collectors[0])
    (tmp_path / "ca.pem").write_text("two")
    assert len({without, first, digests(settings.collectors[0])}) == 3


def test_a_pipe_counts_as_an_empty_file_and_is_not_waited_for(tmp_path: Path) -> None:
    settings = decode(
        "sources: [{name: a, type: sample}]\n"
        "collectors: [{name: b, host: h.example.net, tls: {ca_file: ca.pem}}]\n",
        tmp_path / "c.yaml",
    )
    without = digests(settings.collectors[0])
    waits = pipe(tmp_path / "ca.pem")
    assert without_waiting(lambda: digests(settings.collectors[0]), waits) == without


def test_the_key_of_the_hash_is_read_from_its_file_and_kept_out_of_the_log(tmp_path: Path) -> None:
    (tmp_path / "hash.key").touch(mode=0o600)
    (tmp_path / "hash.key").write_text("a key to be kept secret\n")
    text = (
        "sources: [{name: a, type: sample}]\n"
        "collectors: [{name: b, host: h.example.net, privacy: {hash: [itemName], hash_key_file: hash.key}}]\n"
    )
    options = decode(text, tmp_path / "c.yaml").collectors[0].privacy
    privacy = privacy_of(options)
    assert privacy is not None
    assert privacy.hashed("x") == Privacy(drop=(), hash=(), key=lambda: b"a key to be kept secret").hashed(
        "x"
    )
    out = io.StringIO()
    logs.configure("info", "json", out)
    structlog.get_logger().info("x", reason="it is: a key to be kept secret")
    assert "a key to be" not in out.getvalue()


def test_without_rules_there_is_nothing_to_ask(tmp_path: Path) -> None:
    text = "sources: [{name: a, type: sample}]\ncollectors: [{name: b, host: h.example.net}]\n"
    assert privacy_of(decode(text, tmp_path / "c.yaml").privacy) is None


def test_a_message_carries_the_configured_header(tmp_path: Path) -> None:
    settings = decode(
        "sources: [{name: a, type: sample}]\n"
        "collectors: [{name: b, host: h.example.net, transport: tcp, facility: local3,"
        " hostname: fw1.example.net, app_name: audit, format: cef, cef: {vendor: Vault}}]\n",
        tmp_path / "c.yaml",
    )
    encoder = encoder_for(settings.collectors[0], procid="77")
    event = Event.of(
        {"id": "x", "timestamp": "2026-01-02T03:04:05.006Z", "eventId": "1001", "eventType": "authentication"}
    )
    message = encoder.encode(Entry(Seq(1), "a", event))
    assert isinstance(message, bytes)
    assert message.startswith(
        b'<158>1 2026-01-02T03:04:05.006Z fw1.example.net audit 77 authentication [meta sequenceId="1"] '
        b"CEF:0|Vault|Enterprise|1.0|1001|Login|3|"
    )


def test_our_own_name_is_a_name() -> None:
    assert own_hostname().partition(".")[0] == socket.gethostname().partition(".")[0]
