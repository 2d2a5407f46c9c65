"""A link tried step by step: what each step says, and what is told in plain words when one fails."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from cryptography import x509

from lpforwarder.delivery.transports.dialing import Address
from lpforwarder.delivery.transports.options import TcpOptions
from lpforwarder.delivery.transports.tls import fingerprint
from lpforwarder.delivery.transports.trial import Step, Trial, sized
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
    assert (steps[0].detail, steps[2].detail) == ("127.0.0.1", "8 bytes")
    assert steps[1].detail == f"127.0.0.1:{collector.address[1]}"
    assert received == MESSAGES


def test_a_tls_link_shows_whom_the_certificate_is_for(certificates: Certificates) -> None:
    received: list[bytes] = []
    with Collector(received.extend, tls=ServerTls(pair=certificates.server)) as collector:
        steps = try_out(tls_options(collector.address, {"ca_file": certificates.ca_file}))

    assert ("TLS 1.3", "ok") in shown(steps)
    detail = next(step.detail for step in steps if step.name == "TLS 1.3")
    assert re.fullmatch(
        rf"{SERVER_NAME}, localhost, 127\.0\.0\.1 and 1 more, issuer .+, \d+ days left", detail
    )
    assert ("client certificate", "ok") in shown(steps)
    assert received == MESSAGES


V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.mark.parametrize("version", [V12, V13])
@pytest.mark.parametrize(
    ("has_one", "is_asked", "words"),
    [
        (False, False, "not asked for"),
        (True, True, "asked for and sent"),
        (True, False, "not asked for, so not sent"),
    ],
)
def test_it_is_said_what_became_of_the_client_certificate(
    has_one: bool, is_asked: bool, words: str, version: ssl.TLSVersion, certificates: Certificates
) -> None:
    tls: dict[str, Any] = {"ca_file": certificates.ca_file}
    if has_one:
        tls |= {"cert_file": certificates.client.cert_file, "key_file": certificates.client.key_file}
    ca = certificates.ca_file if is_asked else None
    with Collector(list, tls=ServerTls(pair=certificates.server, client_ca=ca, version=version)) as collector:
        steps = try_out(tls_options(collector.address, tls))
    assert next(step.detail for step in steps if step.name == "client certificate") == words


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


def test_every_other_address_and_host_is_tried_as_well_and_fails_nothing(certificates: Certificates) -> None:
    received: list[bytes] = []
    tls = ServerTls(pair=certificates.server)
    with Collector(received.extend, tls=tls) as collector:
        port = collector.address[1]
        names = {
            "a.example.net": ["127.0.0.1", "127.0.0.9"],
            "b.example.net": ["127.0.0.1"],
            "c.example.net": ["127.0.0.9"],
        }

        def look_up(host: str, port: int) -> list[Address]:
            return [Address(socket.AF_INET, (place, port)) for place in names[host]]

        given = {"ca_file": certificates.ca_file, "server_name": SERVER_NAME}
        options = tls_options(("a.example.net", port), given, host=list(names))
        steps = list(Trial(options, clock=in_a_hurry, look_up=look_up).steps(MESSAGES))
    assert steps[0].detail == "127.0.0.1, 127.0.0.9"
    others = {step.name: (step.result, step.detail) for step in steps if step.name.startswith("also ")}
    refused = f"127.0.0.9:{port} refused the connection: nobody listens there"
    assert others["also 127.0.0.9"] == ("FAIL", refused)
    assert others["also c.example.net"] == ("FAIL", refused)
    assert others["also b.example.net"][0] == "ok"
    assert "days left" in others["also b.example.net"][1]
    assert received == MESSAGES


def test_a_standby_that_shows_a_bad_certificate_is_told(certificates: Certificates) -> None:
    with (
        Collector(list, tls=ServerTls(pair=certificates.server)) as good,
        Collector(list, tls=ServerTls(pair=certificates.expired), host="127.0.0.2", port=good.address[1]),
    ):
        tls = {"ca_file": certificates.ca_file, "server_name": SERVER_NAME}
        steps = try_out(tls_options(good.address, tls, host=["127.0.0.1", "127.0.0.2"]))
    assert (steps[-1].name, steps[-1].result) == ("also 127.0.0.2", "FAIL")
    assert "expired on" in steps[-1].detail


def test_the_size_of_a_message_says_whether_it_has_a_line_break() -> None:
    assert sized(b"<1>abc") == "6 bytes"
    assert sized(b'<1>{"a":"b\\nc"}').endswith("contains a line break")


# ---- trials that fail -------------------------------------------------------------------------------------


def test_a_port_where_nobody_listens() -> None:
    with contextlib.closing(ReservedPort()) as port:
        failure = failure_of(tcp_options(("127.0.0.1", port.number)))
    assert failure.code == "LPF202"
    assert failure.what == f"127.0.0.1:{port.number} refused the connection: nobody listens there"
    assert failure.fix == "start the collector's syslog input, or correct host and port"


def test_a_name_that_cannot_exist() -> None:
    failure = failure_of(tcp_options(("a" * 64 + ".example.net", 601)))
    assert failure.code == "LPF201"
    assert "not a valid host name" in failure.what


def test_an_address_that_never_answers() -> None:
    with black_hole() as address:
        failure = failure_of(tcp_options(address, connect_timeout="100ms"))
    assert failure.code == "LPF203"
    assert failure.what.startswith(f"no answer from 127.0.0.1:{address[1]} in 0.1 s")
    assert "firewall" in failure.what
    assert failure.fix == f"ask for: {socket.gethostname()} (127.0.0.1) to 127.0.0.1, TCP {address[1]}"


def tls_failure(shown: str, certificates: Certificates, **tls: Any) -> tuple[Failure, list[bytes]]:
    """What is told about a collector that shows this certificate, and what the collector got."""
    received: list[bytes] = []
    with Collector(received.extend, tls=ServerTls(pair=getattr(certificates, shown))) as collector:
        failure = failure_of(tls_options(collector.address, {"ca_file": certificates.ca_file, **tls}))
    return failure, received


def test_a_wrong_name_is_told_with_the_names_there_are(certificates: Certificates) -> None:
    failure, received = tls_failure("wrong_name", certificates)
    assert (type(failure), failure.code, received) == (Blocked, "LPF204", [])
    assert failure.what == 'the certificate is not for "127.0.0.1"'
    assert failure.found == "the certificate names other.example.net"
    assert failure.fix == "host: other.example.net"
    assert failure.instead == "keep the address and add   tls: {server_name: other.example.net}"


def test_an_expired_certificate_is_told_with_the_day(certificates: Certificates) -> None:
    failure, received = tls_failure("expired", certificates)
    pem = certificates.expired.cert_file.read_bytes()
    end = x509.load_pem_x509_certificates(pem)[0].not_valid_after_utc
    assert (type(failure), failure.code, received) == (Blocked, "LPF205", [])
    assert failure.what == f"the collector's certificate expired on {end:%Y-%m-%d}, 1 day ago"


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
    assert failure.found == f"trusted: {certificates.other_ca_file.name}"
    assert "do not switch the check off" in failure.fix


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
    assert steps == ["name lookup", "connect", "TLS 1.3"]
    assert received == []


def test_a_plain_collector_on_the_tls_port(certificates: Certificates) -> None:
    with Collector(list) as collector:
        tls = {"ca_file": certificates.ca_file}
        failure = failure_of(tls_options(collector.address, tls, connect_timeout="100ms"))
    assert failure.code == "LPF209"
    assert failure.what == f"port {collector.address[1]} does not speak TLS"
    assert "transport: tcp" in failure.fix


def test_a_tls_collector_on_the_plain_port(certificates: Certificates) -> None:
    received: list[bytes] = []
    with Collector(received.extend, tls=ServerTls(pair=certificates.server)) as collector:
        failure = failure_of(tcp_options(collector.address))
    assert failure.code == "LPF209"
    assert failure.what == "the collector hung up right after plain text: it expects TLS"
    assert failure.fix == "transport: tls"
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
