"""A link tried step by step: what each step says, and what is told in plain words when one fails."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lpforwarder.delivery.transports.options import TcpOptions
from lpforwarder.delivery.transports.tls import fingerprint
from lpforwarder.delivery.transports.trial import Step, Trial, describe, issuer, listed, names_of, period
from lpforwarder.errors import Blocked, Failure, Transient
from tests.fakes.certificates import SERVER_NAME, Certificates, ServerTls
from tests.fakes.collectors import Collector, Manners
from tests.fakes.links import FarEnd, black_hole, read_to_end, tcp_options, tls_options
from tests.fakes.patience import Stopwatch, beside, fails, open_descriptors
from tests.fakes.ports import ReservedPort

MESSAGES = [b"<1>first", b"<2>second"]


def in_a_hurry() -> float:
    """A clock for which a trial lingers a tenth of its time."""
    return time.monotonic() * 10


def try_out(options: TcpOptions, messages: Sequence[bytes] = MESSAGES) -> list[Step]:
    return list(Trial(options, clock=in_a_hurry).steps(messages))


def shown(steps: list[Step]) -> list[tuple[str, str]]:
    return [(step.name, step.result) for step in steps]


def failure_of(options: TcpOptions) -> Failure:
    """What a trial that must fail tells."""
    with pytest.raises((Blocked, Transient)) as raised:
        try_out(options)
    assert isinstance(raised.value, Failure)
    return raised.value


# ---- trials that succeed ----------------------------------------------------------------------------------


def test_each_step_of_a_plain_link_is_shown_and_the_close_confirms() -> None:
    received: list[bytes] = []
    with Collector(received.extend) as collector:
        steps = try_out(tcp_options(collector.address))

    assert shown(steps) == [
        ("name lookup", "ok"),
        ("connect", "ok"),
        ("message 1", "handed over"),
        ("message 2", "handed over"),
        ("linger 500 ms", "ok"),
        ("close", "confirmed"),
    ]
    assert (steps[0].detail, steps[2].detail) == ("127.0.0.1", "8 octets")
    assert steps[1].detail == f"127.0.0.1:{collector.address[1]}"
    assert received == MESSAGES


def test_a_tls_link_shows_whom_the_certificate_is_for(certificates: Certificates) -> None:
    received: list[bytes] = []
    with Collector(received.extend, tls=ServerTls(pair=certificates.server)) as collector:
        steps = try_out(tls_options(collector.address, {"ca_file": certificates.ca_file}))

    assert ("TLSv1.3", "ok") in shown(steps)
    detail = next(step.detail for step in steps if step.name == "TLSv1.3")
    assert re.fullmatch(
        rf"{SERVER_NAME}, localhost, 127\.0\.0\.1 and 1 more; issuer .+; \d+ days left", detail
    )
    assert ("client certificate", "ok") in shown(steps)
    assert received == MESSAGES


def test_a_client_certificate_is_said_to_be_sent(certificates: Certificates) -> None:
    ours = certificates.client
    tls = {"ca_file": certificates.ca_file, "cert_file": ours.cert_file, "key_file": ours.key_file}
    wanted = ServerTls(pair=certificates.server, client_ca=certificates.ca_file)
    with Collector(list, tls=wanted) as collector:
        steps = try_out(tls_options(collector.address, tls))
    assert next(step.detail for step in steps if step.name == "client certificate") == "sent"


def test_a_collector_that_does_not_close_is_told_to_need_kernel() -> None:
    with Collector(list, manners=Manners(closes=False)) as collector, Stopwatch() as watch:
        steps = try_out(tcp_options(collector.address))
    assert (steps[-1].name, steps[-1].result) == ("close", "unknown")
    assert "confirm: kernel" in steps[-1].detail
    assert watch.computing < 1.0


def test_the_next_host_is_tried_when_the_first_is_down() -> None:
    with Collector(list) as collector:
        both = tcp_options(collector.address, host=["127.0.0.2", "127.0.0.1"])
        steps = try_out(both)
    assert shown(steps)[:4] == [
        ("name lookup", "ok"),
        ("next host", "trying"),
        ("name lookup", "ok"),
        ("connect", "ok"),
    ]
    assert "refused" in steps[1].detail


# ---- trials that fail -------------------------------------------------------------------------------------


def test_a_port_where_nobody_listens() -> None:
    with contextlib.closing(ReservedPort()) as port:
        failure = failure_of(tcp_options(("127.0.0.1", port.number)))
    assert failure.code == "LPF202"
    assert failure.what == f"127.0.0.1:{port.number} refused the connection: nobody listens there"


def test_a_name_that_cannot_exist() -> None:
    failure = failure_of(tcp_options(("a" * 64 + ".example.net", 601)))
    assert failure.code == "LPF201"
    assert "spelling" in failure.fix


def test_an_address_that_never_answers() -> None:
    with black_hole() as address:
        failure = failure_of(tcp_options(address, connect_timeout="100ms"))
    assert failure.code == "LPF203"
    assert "firewall" in failure.what


def tls_failure(shown: str, certificates: Certificates, **tls: Any) -> tuple[Failure, list[bytes]]:
    """What is told about a collector that shows this certificate, and what the collector got."""
    received: list[bytes] = []
    with Collector(received.extend, tls=ServerTls(pair=getattr(certificates, shown))) as collector:
        failure = failure_of(tls_options(collector.address, {"ca_file": certificates.ca_file, **tls}))
    return failure, received


def test_a_wrong_name_is_told_with_the_names_there_are(certificates: Certificates) -> None:
    failure, received = tls_failure("wrong_name", certificates)
    assert (type(failure), failure.code, received) == (Blocked, "LPF204", [])
    assert failure.what == 'the certificate is not for "127.0.0.1"; it names other.example.net'
    assert failure.fix == (
        "host: other.example.net; or keep the host and add tls: {server_name: other.example.net}"
    )


def test_an_expired_certificate_is_told_with_the_day(certificates: Certificates) -> None:
    failure, received = tls_failure("expired", certificates)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    assert (type(failure), failure.code, received) == (Blocked, "LPF205", [])
    assert failure.what == f"the collector's certificate expired on {yesterday:%Y-%m-%d}, 1 day ago"


def test_a_certificate_of_tomorrow_is_told_with_the_time_and_puts_the_clock_in_question(
    certificates: Certificates,
) -> None:
    failure, received = tls_failure("not_yet_valid", certificates)
    assert (type(failure), failure.code, received) == (Blocked, "LPF205", [])
    assert re.fullmatch(r".* is not valid before \d{4}-\d\d-\d\d \d\d:\d\d UTC", failure.what)
    assert "clock" in failure.fix


def test_an_unknown_authority_is_told_by_its_name(certificates: Certificates) -> None:
    failure, received = tls_failure("server", certificates, ca_file=certificates.other_ca_file)
    assert (type(failure), failure.code, received) == (Blocked, "LPF206", [])
    assert re.fullmatch('the certificate was issued by ".+", which this machine does not trust', failure.what)


def test_a_certificate_that_is_not_pinned_is_told_with_its_fingerprint(certificates: Certificates) -> None:
    failure, received = tls_failure("server", certificates, fingerprints=[fingerprint(b"another")])
    assert (type(failure), failure.code, received) == (Blocked, "LPF215", [])
    assert "sha-256:" in failure.what


def test_a_missing_client_certificate_is_told_before_anything_is_sent(certificates: Certificates) -> None:
    received: list[bytes] = []
    wanted = ServerTls(pair=certificates.server, client_ca=certificates.ca_file)
    steps: list[str] = []
    with Collector(received.extend, tls=wanted) as collector:
        trial = Trial(tls_options(collector.address, {"ca_file": certificates.ca_file}))
        with fails("LPF208", Blocked):
            steps.extend(step.name for step in trial.steps(MESSAGES))
    assert steps == ["name lookup", "connect", "TLSv1.3"]
    assert received == []


def test_a_plain_collector_on_the_tls_port(certificates: Certificates) -> None:
    with Collector(list) as collector:
        tls = {"ca_file": certificates.ca_file}
        failure = failure_of(tls_options(collector.address, tls, connect_timeout="100ms"))
    assert failure.code == "LPF209"
    assert "transport: tcp" in failure.fix


def test_a_tls_collector_on_the_plain_port(certificates: Certificates) -> None:
    received: list[bytes] = []
    with Collector(received.extend, tls=ServerTls(pair=certificates.server)) as collector:
        failure = failure_of(tcp_options(collector.address))
    assert failure.code == "LPF210"
    assert "transport: tls" in failure.fix
    assert received == []


def close_after_the_first_frame(far: socket.socket) -> None:
    far.recv(20)
    far.close()


def reset_after_the_first_frame(far: socket.socket) -> None:
    far.recv(1)
    far.close()


@pytest.mark.parametrize("habit", [close_after_the_first_frame, reset_after_the_first_frame])
def test_a_collector_that_hangs_up_after_the_messages_is_told_to_need_another_framing(
    habit: Callable[[socket.socket], None], far_end: FarEnd
) -> None:
    with beside(lambda: habit(far_end.accept())), pytest.raises(Transient) as raised:
        list(Trial(tcp_options(far_end.address)).steps(MESSAGES[:1]))
    assert raised.value.code == "LPF210"
    assert "framing: newline" in raised.value.fix


def test_a_trial_given_up_half_way_ends_its_link_politely(far_end: FarEnd) -> None:
    steps = Trial(tcp_options(far_end.address)).steps(MESSAGES)
    for step in steps:
        if step.name == "message 1":
            break
    steps.close()  # type: ignore[attr-defined]
    assert read_to_end(far_end.accept()) == b"8 <1>first"


def test_trials_leave_no_descriptor_open(certificates: Certificates) -> None:
    with Collector(list, tls=ServerTls(pair=certificates.expired)) as collector:
        options = tls_options(collector.address, {"ca_file": certificates.ca_file})
        failure_of(options)
        before = open_descriptors()
        for _ in range(10):
            failure_of(options)
    assert open_descriptors() <= before


# ---- what a stranger wrote into a certificate -------------------------------------------------------------


def certificate(*, common_name: str = "", names: tuple[str, ...] = ()) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    name = x509.Name([*attributes, x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Corp")])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
    )
    if names:
        general = [x509.DNSName(each) for each in names]
        builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
    return builder.sign(key, hashes.SHA256())


def test_names_cannot_write_on_the_terminal_of_who_looks_at_them() -> None:
    hostile = certificate(common_name="\x1b[2Jroot\r\n" + "x" * 50, names=("a\x1b]0;\x07.example.net",))
    for text in (
        issuer(hostile),
        *names_of(hostile),
        describe(hostile.public_bytes(serialization.Encoding.DER)),
    ):
        assert text.isprintable(), text


def test_names_beyond_the_third_are_counted() -> None:
    assert listed([]) == "no name"
    assert listed(["a", "b"]) == "a, b"
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"


def test_an_issuer_without_a_common_name_is_shown_whole() -> None:
    assert issuer(certificate()) == "O=Corp"


def test_a_certificate_without_names_has_none() -> None:
    assert names_of(certificate()) == []
    assert describe(b"no certificate") == "a certificate we cannot read"


def test_a_valid_certificate_is_described_by_its_days() -> None:
    assert re.fullmatch(r"is valid from \d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d", period(certificate()))
