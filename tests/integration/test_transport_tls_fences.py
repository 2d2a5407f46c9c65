"""Fences and confirmation over TLS, with collectors of every kind."""

from __future__ import annotations

import contextlib
import ssl

import pytest

from lpforwarder.delivery.transports.scouting import EVERY
from lpforwarder.delivery.transports.tcp import LINGER
from lpforwarder.delivery.transports.tls_transport import TlsTransport
from tests.fakes.certificates import SERVER_NAME, Certificates, ServerTls
from tests.fakes.collectors import Collector, Manners
from tests.fakes.links import tls_options
from tests.fakes.patience import PATIENCE, LaterClock, Stopwatch, fails, until
from tests.fakes.ports import ReservedPort
from tests.fakes.tls_listener import listening

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
versions = pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])


@versions
@pytest.mark.parametrize("says_goodbye", [True, False], ids=["openssl", "gnutls"])
@pytest.mark.parametrize("serial", [False, True], ids=["parallel", "serial"])
def test_fences_work_with_every_kind_of_collector_and_without_a_stall(
    serial: bool, says_goodbye: bool, version: ssl.TLSVersion, certificates: Certificates
) -> None:
    received: list[bytes] = []
    manners = Manners(serial=serial, says_goodbye=says_goodbye)
    tls = ServerTls(pair=certificates.server, version=version)
    with Collector(received.extend, manners=manners, tls=tls) as collector, Stopwatch() as watch:
        transport = TlsTransport(tls_options(collector.address, {"ca_file": certificates.ca_file}))
        transport.open()
        for number in range(10):
            transport.send([b"<1>%d" % number])
            transport.fence(0.0)
        transport.fence(PATIENCE)
        assert transport.confirmed(0.0) == 10
        transport.close()
    assert received == [b"<1>%d" % number for number in range(10)]
    assert watch.wall < PATIENCE  # a stall would be as long as FENCE_TIMEOUT


def test_a_serial_collector_that_never_closes_costs_a_few_links_and_is_then_believed_by_its_kernel(
    certificates: Certificates,
) -> None:
    tls = ServerTls(pair=certificates.server)
    manners = Manners(serial=True, closes=False)
    with contextlib.closing(ReservedPort()) as port:
        address = ("127.0.0.1", port.number)
        options = tls_options(address, {"ca_file": certificates.ca_file}, stall_timeout="100ms")
        transport = TlsTransport(options)
        for links in range(1, 5):
            # A new collector for each link: this one would never look at a second connection.
            with Collector(list, manners=manners, tls=tls, port=port.number):
                transport.open()
                transport.send([b"<1>a"])
                with fails("LPF209"):
                    transport.fence(0.0)
                transport.close()
            assert transport.confirm == ("kernel" if links == 4 else "close")


def test_the_way_back_to_the_first_host_that_heals_is_taken_only_if_it_is_the_right_one(
    certificates: Certificates,
) -> None:
    clock = LaterClock()
    first, good = "127.0.0.2", ServerTls(pair=certificates.server)
    tls = {"ca_file": certificates.ca_file, "server_name": SERVER_NAME}
    with Collector(list, tls=good) as second:
        options = tls_options(second.address, tls, host=[first, "127.0.0.1"])
        transport = TlsTransport(options, clock=clock)
        transport.open()
        transport.send([b"<1>a"])
        transport.fence(PATIENCE)
        clock.later += EVERY
        port = second.address[1]
        # The second connection is the second look: what the certificate says is told to people.
        with listening(ServerTls(pair=certificates.wrong_name), times=2, host=first, port=port) as wrong:
            until(lambda: "other.example.net" in alarm_of(transport))
            assert transport.peer == f"127.0.0.1:{port}"
        assert wrong.octets == b""
        clock.later += EVERY
        with listening(ServerTls(pair=certificates.server), host=first, port=port) as right:
            until(lambda: transport.confirmed(0.01) == 1 and transport.peer == f"{first}:{port}")
            transport.send([b"<2>b"])
            transport.close()
        assert right.octets == b"4 <2>b"


def alarm_of(transport: TlsTransport) -> str:
    """What is told about the first host, after another look."""
    transport.confirmed(0.01)
    return transport.alarms[0].what if transport.alarms else ""


@versions
def test_a_collector_that_never_reads_is_given_up_and_not_a_record_follows(
    version: ssl.TLSVersion, certificates: Certificates
) -> None:
    tls = ServerTls(pair=certificates.server, version=version)
    with Collector(list, manners=Manners(reads=False), tls=tls) as collector:
        options = tls_options(collector.address, {"ca_file": certificates.ca_file}, stall_timeout="200ms")
        transport = TlsTransport(options)
        transport.open()
        with fails("LPF211"):
            transport.send([b"x" * 100_000] * 150)
        for _ in range(2):
            with fails("LPF211"):
                transport.send([b"<1>a"])
        with Stopwatch() as watch:
            transport.close()
        assert watch.wall < LINGER


@versions
def test_under_kernel_acknowledgements_count_with_tls_overhead(
    version: ssl.TLSVersion, certificates: Certificates
) -> None:
    tls = ServerTls(pair=certificates.server, version=version)
    with Collector(list, tls=tls) as collector:
        options = tls_options(collector.address, {"ca_file": certificates.ca_file}, confirm="kernel")
        transport = TlsTransport(options)
        transport.open()
        for number in range(1, 6):
            transport.send([b"x" * 20_000])
            until(lambda expected=number: transport.confirmed(0.0) == expected)  # type: ignore[misc]
        transport.close()
